"""Parses a target into a Query: its relation, its fingerprint, and its keys or its bypass reason."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain

import msgspec

from proxy.model import Key, Query, RequestHead
from proxy.postgrest.request.aggregates import aggregate_names, counted_name, has_aggregate
from proxy.postgrest.request.column_names import column_reference, order_references
from proxy.postgrest.request.grammar import GrammarError
from proxy.postgrest.request.literals import class_of, read_list, read_literal
from proxy.postgrest.request.media import ARRAY
from proxy.postgrest.request.operators import filter_shape, tree_shape
from proxy.postgrest.request.row_range import plain_limit_param, plain_offset
from proxy.postgrest.request.select_list import begins_with_item, is_readable, read_select
from proxy.postgrest.request.target import (
    AFTER_MOUNT,
    LOGIC,
    RESERVED_PARAMS,
    Param,
    clean_text,
    decoded,
    function_of,
    is_clean,
    is_plain_name,
    relation_of,
    split_target,
)

MAX_KEYS = 16
"""Largest number of keys per query. The cost of planning a batch grows with the number of keys of its requests."""
MAX_PARAMS = 300
"""Largest number of parameters. A query with more is not parsed: its time and its memory grow with their number."""
MAX_FUNCTION = 63
"""Bytes of the longest name that Postgres has."""
MAX_NAME, MAX_FINGERPRINT = 200, 8192
"""Largest number of characters of a relation's name (Postgres': 63 bytes) and of a fingerprint, which is else without
parameters. By default, a query with a longer one is longer than ``merge.max_url``."""
HIDDEN = "…"
"""Stands for a parameter, or the text in a select, that PostgREST ignores."""
UNPARSED = "?…"
"""The end of such a fingerprint, and of one whose parameters are not parsed."""

FIRST_NOT_ASCII = 0x80

CACHED_SHAPES = 1024
"""Number of cached shapes. Targets that differ in literals only have one shape and are analysed once."""
MAX_CACHED_BYTES, MAX_CACHED_PARAMS = 4096, 64
"""A larger query is analysed each time: a client that sends another one with each request could fill the memory."""

MAX_ORDER_COLUMNS = 4
"""Largest number of columns in ``order``, which a merged call may have to select as hidden columns."""

MERGED_METHODS = frozenset((b"GET", b"HEAD"))

WRITES = frozenset((b"POST", b"PATCH", b"PUT", b"DELETE"))
"""Methods whose schema is named by Content-Profile instead of Accept-Profile.

https://postgrest.org/en/v12/references/api/schemas.html
"""

LONGEST_RESERVED = 3 * max(map(len, RESERVED_PARAMS | LOGIC))
"""Bytes of the longest spelling of a parameter that is no filter: each byte as ``%XX``."""

MAX_NAMES = 1024
"""Largest number of bytes of all names together that are not plain. A path into JSON may have any number of steps."""

MAX_CONDITIONS = 1000
"""Largest number of conditions in all ``and`` and ``or`` of a query whose fingerprint shows them."""

_PLACEHOLDER = b"\x01"
"""Replaces a literal in a shape. No target contains this byte: a request line with control characters is an error."""


class _QueryShape(msgspec.Struct, frozen=True, gc=False):
    """The properties that all targets with the same bytes outside their canonical literals have in common."""

    relation: str | None
    """With its schema; None if the path names no relation."""
    fingerprint: str
    literals: tuple[bytes, ...]
    select: int | None
    """Index of the parameter ``select``."""
    limit: int | None
    """Index of the parameter ``limit``."""
    offset: int
    order: tuple[bytes, ...]
    columns: Mapping[int, bytes]
    """By index, the parameters that can be keys, with their columns."""
    bypass_reason: str | None
    key_bypass_reason: str
    is_ordered: bool = False
    is_countable: bool = False
    """Whether ``select`` is absent, ``*`` or one plain column, without ``limit``: rows whose number a call can show."""
    aggregates: tuple[bytes, ...] = ()
    counted: bytes = b""


def read_query(method: bytes, target: bytes, head: RequestHead, mount: bytes, schema: str, max_url: int) -> Query:
    """Parse a request. ``mount`` is without its trailing slash: empty for ``/``.

    ``schema`` is the schema of a request without a profile: the first of PostgREST's db-schemas. ``max_url`` is the
    longest target in bytes that is merged.
    """
    unparsed = target.count(b"&") >= MAX_PARAMS
    path_end, params = split_target(target.partition(b"?")[0] if unparsed else target)
    values = _literals_by_param(params)
    profile = head.content_profile if method in WRITES else head.accept_profile
    cached = len(target) <= MAX_CACHED_BYTES and len(params) <= MAX_CACHED_PARAMS
    analyse = _query_shape if cached else _query_shape.__wrapped__
    query = _with_placeholders(params, values)
    shape = analyse(method, target[:path_end], query, mount, schema, profile or schema)
    if shape.relation is None:
        return _query_without_relation(method, target, path_end, mount)
    keyed = [at for at in values if at in shape.columns and _keeps_order(shape.order, values[at])]
    keys = tuple([_key(shape.columns[at], params[at], values[at]) for at in keyed[:MAX_KEYS]])
    select = None if shape.select is None else params[shape.select]
    limit = None if shape.limit is None else params[shape.limit]
    return Query(
        method=method,
        target=target,
        relation=shape.relation,
        fingerprint=shape.fingerprint + UNPARSED if unparsed else shape.fingerprint,
        filters=tuple([params[at].value[3:] if at in values else text for at, text in enumerate(shape.literals)]),
        path_end=path_end,
        select=None if select is None else (select.start, select.start + len(select.value)),
        limit=None if limit is None else (int(limit.value), limit.start, limit.start + len(limit.value)),
        offset=shape.offset,
        order=shape.order,
        keys=keys,
        aggregates=shape.aggregates,
        counted=shape.counted,
        bypass_reason=(None if method in MERGED_METHODS else "method")
        or head.bypass_reason
        or ("too-long" if unparsed or len(target) > max_url else shape.bypass_reason)
        or (_count_bypass_reason(shape, head) if method == b"HEAD" else None)
        or (None if keys else shape.key_bypass_reason),
        is_ordered=shape.is_ordered,
    )


def _literals_by_param(params: tuple[Param, ...]) -> dict[int, tuple[bytes, ...]]:
    """By index, the decoded literals of the parameters ``name=eq.literal`` and ``name=in.(literals)``."""
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
    """Whether a parameter with this raw name can be a filter: its decoded name is no other kind of parameter."""
    if len(raw) > LONGEST_RESERVED:
        return True
    name = decoded(raw)
    return name not in RESERVED_PARAMS and name not in LOGIC


def _with_placeholders(params: tuple[Param, ...], values: Mapping[int, object]) -> bytes | None:
    """The raw query with a placeholder for each of ``values``; None if the target has no query."""
    if not params:
        return None
    return b"&".join(
        [
            p.name + b"=" + p.value[:3] + _PLACEHOLDER if at in values else p.name + b"=" + p.value
            for at, p in enumerate(params)
        ]
    )


def _keeps_order(order: tuple[bytes, ...], literals: tuple[bytes, ...]) -> bool:
    """Whether the rows of a key are in a merged answer in the order of a separate one.

    Without an order, those of several literals are in the order of the whole batch.
    """
    return bool(order) or len(literals) == 1


def _key(name: bytes, param: Param, literals: tuple[bytes, ...]) -> Key:
    value = param.value
    text = value[:3] + literals[0] if value[:3] == b"eq." else decoded(value)
    return Key(name, text, literals, param.start, param.start + len(value), class_of(literals))


@lru_cache(maxsize=CACHED_SHAPES)
def _query_shape(
    method: bytes, path: bytes, query: bytes | None, mount: bytes, schema: str, profile: str
) -> _QueryShape:
    """Analyse ``path`` and ``query``, which has placeholders. ``profile`` is the requested schema, ``schema`` the
    default one.
    """
    segment = relation_of(path, len(path), mount)
    if segment is None:
        return _QueryShape(None, "", (), None, None, 0, (), {}, None, "")
    _, params = split_target(b"?" + query) if query is not None else (0, ())
    texts = [(decoded(param.name), decoded(param.value)) for param in params]
    names = [name for name, _ in texts]
    whole_name = decoded(segment).decode("utf-8", "replace")
    shapes, literals = _param_shapes(texts)
    name = whole_name[:MAX_NAME]
    label = f"{method.decode()} {_relation_label(name, schema, profile)}"
    text = f"{'?' if shapes else ''}{'&'.join(shapes)}"
    is_short = name == whole_name and len(label) + len(text) <= MAX_FINGERPRINT
    order, columns = _order_columns(texts, names), _references(names)
    select = next((value for name, value in texts if name == b"select"), None)
    return _QueryShape(
        relation=f"{profile}.{name}",
        fingerprint=label + text if is_short else label + UNPARSED,
        literals=tuple(literals),
        select=names.index(b"select") if b"select" in names else None,
        limit=plain_limit_param(params),
        offset=plain_offset(params, names) or 0,
        order=order,
        columns=_key_columns(names, columns),
        bypass_reason=_target_bypass_reason(path, query or b"", texts, params)
        or (_select_bypass_reason(select) if select is not None else None)
        or (None if is_short else "too-long"),
        key_bypass_reason=_key_bypass_reason(params, names, columns),
        is_ordered=b"order" in names,
        is_countable=_is_countable(texts),
        aggregates=aggregate_names(select or b""),
        counted=counted_name(select or b"") if {b"order", b"limit"}.isdisjoint(names) else b"",
    )


def _relation_label(name: str, schema: str, profile: str) -> str:
    """The relation in a fingerprint: without the default schema, unless the name contains a dot, which would be read
    as a schema.
    """
    return name if profile == schema and "." not in name else f"{profile}.{name}"


def _query_without_relation(method: bytes, target: bytes, path_end: int, mount: bytes) -> Query:
    """The query of a path that names no relation: its fingerprint is the method and the first path segment."""
    inside = not mount or (target.startswith(mount) and target[len(mount) : len(mount) + 1] in AFTER_MOUNT)
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
        bypass_reason="not-a-relation" if inside else "outside-mount",
        function=_function_name(function_of(target, path_end, mount)),
    )


def _function_name(segment: bytes | None) -> str:
    plain = segment is not None and len(segment) <= MAX_FUNCTION and is_plain_name(segment)
    return segment.decode("ascii") if segment is not None and plain else ""


def _param_shapes(texts: Sequence[tuple[bytes, bytes]]) -> tuple[list[str], list[bytes]]:
    """The shape of each decoded parameter (its text without the literal), and the literals.

    PostgREST ignores a parameter without a value, so that its name may be anything.
    """
    shapes, literals = [], []
    crowded = sum(value.count(b",") for name, value in texts if name.rpartition(b".")[2] in LOGIC) > MAX_CONDITIONS
    for name, value in texts:
        last = name.rpartition(b".")[2]
        if name == b"select":
            text, literal = _select_shape(value)
        elif last == b"order" or (name in RESERVED_PARAMS and name not in (b"limit", b"offset")):
            text, literal = value, b""
        elif name in (b"limit", b"offset"):
            text, literal = b"?", b""
        elif name and not value:
            shapes.append(HIDDEN)
            literals.append(name)
            continue
        else:
            is_tree = name in LOGIC or last in LOGIC
            text, literal = (b"(?)", value) if is_tree and crowded else _condition_shape(value, is_tree)
        shapes.append(f"{name.decode('utf-8', 'replace')}={text.decode('utf-8', 'replace')}")
        literals.append(literal)
    return shapes, literals


def _condition_shape(value: bytes, is_tree: bool) -> tuple[bytes, bytes]:
    return tree_shape(value) if is_tree else filter_shape(value)


def _select_shape(value: bytes) -> tuple[bytes, bytes]:
    """The decoded value of ``select`` without what PostgREST may have ignored, and the value if something was removed.

    PostgREST reads as many items as it can, and answers whatever text comes after them. A value that would take long to
    read is removed as a whole.
    """
    begins = value[:1].isalnum() or value[:1] in (b"", b"*", b'"', b"_") or value[0] >= FIRST_NOT_ASCII
    if begins and b"(" not in value and b")" not in value:
        return value, b""
    if not is_readable(value):
        return HIDDEN.encode(), value
    try:
        text = value.decode()
        _, rest = read_select(text)
    except (UnicodeDecodeError, GrammarError):
        return HIDDEN.encode(), value
    return (f"{text.removesuffix(rest)}{HIDDEN}".encode(), value) if rest else (value, b"")


def _references(names: list[bytes]) -> dict[int, bytes]:
    """By index, the column or the path to JSON text that a parameter compares; empty if they take long to read."""
    if sum(len(name) for name in names if not is_plain_name(name)) > MAX_NAMES:
        return {}
    return {at: column for at, name in enumerate(names) if (column := _column(name)) is not None}


def _key_columns(names: list[bytes], columns: Mapping[int, bytes]) -> dict[int, bytes]:
    """By index, the parameters that can be keys: those of ``columns`` with one occurrence."""
    count, spellings = Counter(names), Counter(columns.values())
    return {at: column for at, column in columns.items() if count[names[at]] == 1 == spellings[column]}


def _order_columns(texts: Sequence[tuple[bytes, bytes]], names: list[bytes]) -> tuple[bytes, ...]:
    """The columns of ``order``; empty if one of its items is neither a column nor a path to JSON text."""
    if names.count(b"order") != 1:
        return ()
    return order_references(texts[names.index(b"order")][1], MAX_ORDER_COLUMNS)


def _column(name: bytes) -> bytes | None:
    return None if name in RESERVED_PARAMS or name in LOGIC else column_reference(name)


def _is_countable(texts: Sequence[tuple[bytes, bytes]]) -> bool:
    selects = [value for name, value in texts if name == b"select"]
    plain = all(select == b"*" or (is_plain_name(select) and select != b"count") for select in selects)
    return plain and all(name != b"limit" for name, _ in texts)  # ``count`` is an aggregate


def _count_bypass_reason(shape: _QueryShape, head: RequestHead) -> str | None:
    """Why a HEAD is not answered from a call that counts the rows of each key
    (docs/explanation/merging.md#head).
    """
    return (
        None if head.exact_count and head.media == ARRAY and head.range_limit is None and shape.is_countable else "head"
    )


def _target_bypass_reason(
    path: bytes, query: bytes, texts: Sequence[tuple[bytes, bytes]], params: tuple[Param, ...]
) -> str | None:
    names = [name for name, _ in texts]
    checks = (
        ("semicolon", b";" in path or b";" in query),
        ("encoding", clean_text(path) is None or not all(map(is_clean, chain.from_iterable(texts)))),
        ("limit", b"limit" in names and plain_limit_param(params) is None),
        ("offset", plain_offset(params, names) != 0),
        ("repeated", names.count(b"select") > 1),
    )
    return next((reason for reason, holds in checks if holds), None)


def _select_bypass_reason(value: bytes) -> str | None:
    # The hidden columns are inserted before the value and end in a comma, after which PostgREST expects a column.
    if not begins_with_item(value) or value[-1:] == b",":
        return "select"
    return "aggregate" if has_aggregate(value) else None


def _key_bypass_reason(params: tuple[Param, ...], names: list[bytes], columns: Mapping[int, bytes]) -> str:
    count = Counter(names)
    repeated = any(count[names[at]] > 1 for at in columns if params[at].value[:3] == b"eq.")
    return "repeated" if repeated else "no-key"
