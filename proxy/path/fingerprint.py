"""From a target to a Query: its relation, its fingerprint, its keys, or the reason why it is left alone."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from proxy.model import Head, Key, LiteralClass, Query
from proxy.postgrest.literals import literal_class
from proxy.postgrest.operators import shape, tree_shape
from proxy.postgrest.target import (
    LOGIC,
    RESERVED,
    Param,
    decoded,
    is_clean_text,
    is_plain_name,
    relation_of,
    split_target,
)

MAX_KEYS = 16
"""Filters of one query that may vary. A batch is planned over all of its members' keys, so they have to be few."""

MAX_PARAMS = 1000
"""Parameters above which a query is not taken apart."""

FORMS = 1024
"""Forms remembered: what a target says is worked out once for all that differ in canonical literals only."""

_HOLE = b"\x01"
"""Stands for a literal in a form. No target holds this byte: request lines with control characters are refused."""


class _Form(msgspec.Struct, frozen=True):
    """What all targets with the same bytes outside their canonical literals have in common."""

    relation: str | None
    """None for what is no relation."""
    fingerprint: str
    literals: tuple[bytes, ...]
    select: int | None
    """Which parameter is the select."""
    limit: int | None
    """Which parameter is the limit."""
    columns: frozenset[int]
    """Which parameters are filters that may vary."""
    refusal: str | None
    key_refusal: str


def read_query(method: bytes, target: bytes, head: Head, mount: bytes, max_url: int) -> Query:
    """Understand a request as far as possible. ``mount`` is without its trailing slash: empty for ``/``."""
    path_end, params = split_target(target.partition(b"?")[0] if _is_crowded(target) else target)
    literals = {}
    for at, param in enumerate(params):
        if param.value[:3] == b"eq." and (kind := literal_class(param.value[3:])) is not None:
            literals[at] = kind
    form = _form(target[:path_end], _blanked(params, literals), mount)
    if form.relation is None:
        return _stranger(method, target, path_end, mount)
    keys = tuple([_key(params[at], kind) for at, kind in literals.items() if at in form.columns][:MAX_KEYS])
    select = None if form.select is None else params[form.select]
    limit = None if form.limit is None else params[form.limit]
    too_long = len(target) > max_url or _is_crowded(target)
    return Query(
        method=method,
        target=target,
        relation=f"{head.profile}.{form.relation}" if head.profile else form.relation,
        fingerprint=f"{method.decode()} {form.fingerprint}",
        filters=tuple([params[at].value[3:] if at in literals else text for at, text in enumerate(form.literals)]),
        path_end=path_end,
        select=None if select is None else (select.start, select.start + len(select.value)),
        limit=None if limit is None else (int(limit.value), limit.start, limit.start + len(limit.value)),
        keys=keys,
        refusal=_method_refusal(method)
        or head.refusal
        or ("too-long" if too_long else form.refusal)
        or (None if keys else form.key_refusal),
    )


def _blanked(params: tuple[Param, ...], literals: Mapping[int, LiteralClass]) -> bytes | None:
    """The query with a hole for each canonical literal; None where there is no query."""
    if not params:
        return None
    return b"&".join(
        [p.name + b"=eq." + _HOLE if at in literals else p.name + b"=" + p.value for at, p in enumerate(params)]
    )


def _key(param: Param, kind: LiteralClass) -> Key:
    start = param.start + 3
    return Key(param.name, param.value[3:], start, param.start + len(param.value), kind)


@lru_cache(maxsize=FORMS)
def _form(path: bytes, query: bytes | None, mount: bytes) -> _Form:
    """Work out what ``path`` and ``query`` say, the query with holes for its canonical literals."""
    segment = relation_of(path, len(path), mount)
    if segment is None:
        return _Form(None, "", (), None, None, frozenset(), None, "")
    _, params = split_target(b"?" + query) if query is not None else (0, ())
    names = [decoded(param.name) for param in params]
    relation = decoded(segment).decode("utf-8", "replace")
    shapes, literals = _shapes(params)
    return _Form(
        relation=relation,
        fingerprint=f"{relation}{'?' if shapes else ''}{'&'.join(shapes)}",
        literals=tuple(literals),
        select=names.index(b"select") if b"select" in names else None,
        limit=_plain_limit(params),
        columns=_columns(params, names),
        refusal=_target_refusal(path, query or b"", names, params) or _select_refusal(params, names),
        key_refusal=_key_refusal(params, names),
    )


def _stranger(method: bytes, target: bytes, path_end: int, mount: bytes) -> Query:
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
        keys=(),
        refusal="not-a-relation" if inside or not mount else "outside-mount",
    )


def _shapes(params: tuple[Param, ...]) -> tuple[list[str], list[bytes]]:
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
            form, literal = tree_shape(value) if name in LOGIC or last in LOGIC else shape(value)
        shapes.append(f"{name.decode('utf-8', 'replace')}={form.decode('utf-8', 'replace')}")
        literals.append(literal)
    return shapes, literals


def _columns(params: tuple[Param, ...], names: list[bytes]) -> frozenset[int]:
    """The parameters that are a plain column with one occurrence."""
    count = Counter(names)
    return frozenset(at for at, param in enumerate(params) if _is_column(param.name) and count[param.name] == 1)


def _is_crowded(target: bytes) -> bool:
    return target.count(b"&") > MAX_PARAMS


def _is_column(name: bytes) -> bool:
    return is_plain_name(name) and name not in RESERVED and name not in LOGIC


def _method_refusal(method: bytes) -> str | None:
    return None if method == b"GET" else "method"


def _plain_limit(params: tuple[Param, ...]) -> int | None:
    """Which parameter is ``limit=L``, where it is the only one and L is a plain number from 1 to a million."""
    found = [at for at, param in enumerate(params) if decoded(param.name) == b"limit"]
    if len(found) != 1:
        return None
    value = params[found[0]].value
    plain = params[found[0]].name == b"limit" and value.isdigit() and value[:1] != b"0" and len(value) <= 6
    return found[0] if plain else None


def _target_refusal(path: bytes, query: bytes, names: list[bytes], params: tuple[Param, ...]) -> str | None:
    checks = (
        ("semicolon", b";" in path or b";" in query),
        ("encoding", not (is_clean_text(path) and is_clean_text(query))),
        ("limit", b"limit" in names and _plain_limit(params) is None),
        ("offset", b"offset" in names),
        ("repeated", names.count(b"select") > 1),
    )
    return next((reason for reason, holds in checks if holds), None)


def _select_refusal(params: tuple[Param, ...], names: list[bytes]) -> str | None:
    if b"select" not in names:
        return None
    value = decoded(params[names.index(b"select")].value)
    # What is put before it ends in a comma, after which PostgREST skips blanks and wants a column.
    if not value or value[:1].isspace() or value[:1] == b"," or value[-1:] == b",":
        return "select"
    return "aggregate" if b"()" in value else None


def _key_refusal(params: tuple[Param, ...], names: list[bytes]) -> str:
    equal = [p.name for p in params if _is_column(p.name) and decoded(p.value)[:3] == b"eq."]
    if not equal:
        return "no-key"
    count = Counter(names)
    return "literal" if any(count[name] == 1 for name in equal) else "repeated"
