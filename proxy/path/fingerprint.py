"""From a target to a Query: its relation, its fingerprint, its keys, or the reason why it is left alone."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from proxy.model import Key, Query, RequestHead
from proxy.postgrest.request.literals import class_of, read_list, read_literal
from proxy.postgrest.request.operators import filter_shape, tree_shape
from proxy.postgrest.request.target import (
    LOGIC,
    RESERVED,
    Param,
    clean_text,
    decoded,
    is_json_text,
    is_plain_name,
    relation_of,
    split_target,
)

MAX_KEYS = 16
"""Filters of one query that may vary. A batch is planned over all of its members' keys, so they have to be few."""

MAX_PARAMS = 1000
"""Parameters above which a query is not taken apart."""

CACHED_SHAPES = 1024
"""Forms remembered: what a target says is worked out once for all that differ in literals only."""

MAX_ORDER_COLUMNS = 4
"""Columns of an order that rows may have to show."""

ORDER_WORDS = frozenset((b"asc", b"desc", b"nullsfirst", b"nullslast"))

WRITES = frozenset((b"POST", b"PATCH", b"PUT", b"DELETE"))
"""Methods whose schema Content-Profile names, and Accept-Profile does not.

https://postgrest.org/en/v12/references/api/schemas.html
"""

_PLACEHOLDER = b"\x01"
"""Stands for a literal in a form. No target holds this byte: request lines with control characters are refused."""


class _QueryShape(msgspec.Struct, frozen=True):
    """What all targets with the same bytes outside their canonical literals have in common."""

    relation: str | None
    """With its schema; None for what is no relation."""
    fingerprint: str
    literals: tuple[bytes, ...]
    select: int | None
    """Which parameter is the select."""
    limit: int | None
    """Which parameter is the limit."""
    offset: int
    order: tuple[bytes, ...]
    columns: Mapping[int, bytes]
    """Which parameters are filters that may vary, with the decoded names of their columns."""
    bypass_reason: str | None
    key_bypass_reason: str


def read_query(method: bytes, target: bytes, head: RequestHead, mount: bytes, schema: str, max_url: int) -> Query:
    """Understand a request as far as possible. ``mount`` is without its trailing slash: empty for ``/``.

    ``schema`` is the one that needs no profile: the first of PostgREST's db-schemas.
    """
    path_end, params = split_target(target.partition(b"?")[0] if _has_too_many_params(target) else target)
    values = _literals_by_param(params)
    profile = head.content_profile if method in WRITES else head.accept_profile
    form = _query_shape(target[:path_end], _with_placeholders(params, values), mount, schema, profile or schema)
    if form.relation is None:
        return _query_without_relation(method, target, path_end, mount)
    keys = tuple([_key(form.columns[at], params[at], values[at]) for at in values if at in form.columns][:MAX_KEYS])
    select = None if form.select is None else params[form.select]
    limit = None if form.limit is None else params[form.limit]
    too_long = len(target) > max_url or _has_too_many_params(target)
    return Query(
        method=method,
        target=target,
        relation=form.relation,
        fingerprint=f"{method.decode()} {form.fingerprint}",
        filters=tuple([params[at].value[3:] if at in values else text for at, text in enumerate(form.literals)]),
        path_end=path_end,
        select=None if select is None else (select.start, select.start + len(select.value)),
        limit=None if limit is None else (int(limit.value), limit.start, limit.start + len(limit.value)),
        offset=form.offset,
        order=form.order,
        keys=keys,
        bypass_reason=_method_bypass_reason(method)
        or head.bypass_reason
        or ("too-long" if too_long else form.bypass_reason)
        or (None if keys else form.key_bypass_reason),
    )


def _literals_by_param(params: tuple[Param, ...]) -> dict[int, tuple[bytes, ...]]:
    """Which parameters are ``name=eq.literal`` or ``name=in.(literals)``, and their literals, decoded."""
    values: dict[int, tuple[bytes, ...]] = {}
    for at, param in enumerate(params):
        operator = param.value[:3]
        if operator == b"eq." and _may_be_filter(param.name):
            literal = read_literal(param.value[3:])
            if literal is not None:
                values[at] = (literal,)
        elif operator == b"in." and _may_be_filter(param.name):
            literals = read_list(param.value[3:])
            if literals is not None:
                values[at] = literals
    return values


def _may_be_filter(raw: bytes) -> bool:
    """Whether a parameter of this name may be a filter; what else it may be is told by its decoded name."""
    name = decoded(raw)
    return name not in RESERVED and name not in LOGIC


def _with_placeholders(params: tuple[Param, ...], values: Mapping[int, object]) -> bytes | None:
    """The query with a hole for each literal that was read; None where there is no query."""
    if not params:
        return None
    return b"&".join(
        [
            p.name + b"=" + p.value[:3] + _PLACEHOLDER if at in values else p.name + b"=" + p.value
            for at, p in enumerate(params)
        ]
    )


def _key(name: bytes, param: Param, literals: tuple[bytes, ...]) -> Key:
    value = param.value
    text = value[:3] + literals[0] if value[:3] == b"eq." else b"in.(" + b",".join(literals) + b")"
    return Key(name, text, literals, param.start, param.start + len(value), class_of(literals))


@lru_cache(maxsize=CACHED_SHAPES)
def _query_shape(path: bytes, query: bytes | None, mount: bytes, schema: str, asked: str) -> _QueryShape:
    """Work out what ``path`` and ``query`` say of the schema that is ``asked``, the query with holes for its canonical
    literals.
    """
    segment = relation_of(path, len(path), mount)
    if segment is None:
        return _QueryShape(None, "", (), None, None, 0, (), {}, None, "")
    _, params = split_target(b"?" + query) if query is not None else (0, ())
    names = [decoded(param.name) for param in params]
    name = decoded(segment).decode("utf-8", "replace")
    shapes, literals = _param_shapes(params)
    order = _order_columns(params, names)
    return _QueryShape(
        relation=f"{asked}.{name}",
        fingerprint=f"{_relation_label(name, schema, asked)}{'?' if shapes else ''}{'&'.join(shapes)}",
        literals=tuple(literals),
        select=names.index(b"select") if b"select" in names else None,
        limit=_plain_limit_param(params),
        offset=_plain_offset(params, names),
        order=order,
        columns=_key_columns(params, names, bool(order)),
        bypass_reason=_target_bypass_reason(path, query or b"", names, params) or _select_bypass_reason(params, names),
        key_bypass_reason=_key_bypass_reason(params, names),
    )


def _relation_label(name: str, schema: str, asked: str) -> str:
    """What a fingerprint calls a relation: it goes without the schema that needs no profile, unless its own name reads
    as if there were one in it.
    """
    return name if asked == schema and "." not in name else f"{asked}.{name}"


def _query_without_relation(method: bytes, target: bytes, path_end: int, mount: bytes) -> Query:
    """A request of which only the method and the first path segment are kept."""
    inside = target.startswith(mount + b"/") and path_end <= len(mount) + 1
    inside = inside or target.startswith(mount + b"/rpc/")
    name = target[1:path_end].split(b"/")[0].decode("utf-8", "replace")[:80]
    return Query(
        method=method,
        target=target,
        relation="",
        fingerprint=f"{method.decode()} /{name}",
        filters=(),
        path_end=path_end,
        select=None,
        limit=None,
        offset=0,
        order=(),
        keys=(),
        bypass_reason="not-a-relation" if inside or not mount else "outside-mount",
    )


def _param_shapes(params: tuple[Param, ...]) -> tuple[list[str], list[bytes]]:
    """Each parameter without its literal, and the literals."""
    shapes, literals = [], []
    for param in params:
        name, value = decoded(param.name), decoded(param.value)
        if name in RESERVED and name not in (b"limit", b"offset"):
            form, literal = value, b""
        elif name in (b"limit", b"offset"):
            form, literal = b"?", b""
        else:
            last = name.rpartition(b".")[2]
            form, literal = tree_shape(value) if name in LOGIC or last in LOGIC else filter_shape(value)
        shapes.append(f"{name.decode('utf-8', 'replace')}={form.decode('utf-8', 'replace')}")
        literals.append(literal)
    return shapes, literals


def _key_columns(params: tuple[Param, ...], names: list[bytes], ordered: bool) -> dict[int, bytes]:
    """The parameters that are a plain column, or text out of JSON, with one occurrence.

    The rows of a list come in the order of the whole batch, so that lists can share a call only under an order.
    """
    count = Counter(names)
    return {
        at: name
        for at, name in enumerate(names)
        if count[name] == 1 and _is_column(name) and (ordered or params[at].value[:3] != b"in.")
    }


def _order_columns(params: tuple[Param, ...], names: list[bytes]) -> tuple[bytes, ...]:
    """The columns of the one ``order``; none where an item is no plain column or text out of JSON."""
    if names.count(b"order") != 1:
        return ()
    columns = []
    for item in decoded(params[names.index(b"order")].value).split(b","):
        name, *words = item.split(b".")
        if not _is_column(name) or not ORDER_WORDS.issuperset(words) or len(words) > 2:
            return ()
        columns.append(name)
    return tuple(columns) if len(columns) <= MAX_ORDER_COLUMNS else ()


def _has_too_many_params(target: bytes) -> bool:
    return target.count(b"&") > MAX_PARAMS


def _is_column(name: bytes) -> bool:
    return (is_plain_name(name) or is_json_text(name)) and name not in RESERVED and name not in LOGIC


def _method_bypass_reason(method: bytes) -> str | None:
    return None if method == b"GET" else "method"


def _plain_limit_param(params: tuple[Param, ...]) -> int | None:
    """Which parameter is ``limit=L``, where it is the only one and L is a plain number from 1 to a million."""
    found = [at for at, param in enumerate(params) if decoded(param.name) == b"limit"]
    if len(found) != 1:
        return None
    value = params[found[0]].value
    plain = params[found[0]].name == b"limit" and value.isdigit() and value[:1] != b"0" and len(value) <= 6
    return found[0] if plain else None


def _plain_offset(params: tuple[Param, ...], names: list[bytes]) -> int:
    value = params[names.index(b"offset")].value if names.count(b"offset") == 1 else b""
    return int(value) if value.isdigit() and len(value) <= 9 else 0


def _target_bypass_reason(path: bytes, query: bytes, names: list[bytes], params: tuple[Param, ...]) -> str | None:
    checks = (
        ("semicolon", b";" in path or b";" in query),
        ("encoding", clean_text(path) is None or clean_text(query) is None),
        ("limit", b"limit" in names and _plain_limit_param(params) is None),
        ("offset", b"offset" in names),
        ("repeated", names.count(b"select") > 1),
    )
    return next((reason for reason, holds in checks if holds), None)


def _select_bypass_reason(params: tuple[Param, ...], names: list[bytes]) -> str | None:
    if b"select" not in names:
        return None
    value = decoded(params[names.index(b"select")].value)
    # What is put before it ends in a comma, after which PostgREST skips blanks and wants a column.
    if not value or value[:1].isspace() or value[:1] == b"," or value[-1:] == b",":
        return "select"
    return "aggregate" if b"()" in value else None


def _key_bypass_reason(params: tuple[Param, ...], names: list[bytes]) -> str:
    equal = [name for name, p in zip(names, params, strict=True) if _is_column(name) and p.value[:3] == b"eq."]
    return "repeated" if any(names.count(name) > 1 for name in equal) else "no-key"
