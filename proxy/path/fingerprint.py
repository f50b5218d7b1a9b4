"""From a target to a Query: its relation, its fingerprint, its keys, or the reason why it is left alone."""

from collections import Counter

from proxy.model import Head, Key, Query
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


def read_query(method: bytes, target: bytes, head: Head, mount: bytes, max_url: int) -> Query:
    """Understand a request as far as possible. ``mount`` is without its trailing slash: empty for ``/``."""
    path_end, params = split_target(target.partition(b"?")[0] if _is_crowded(target) else target)
    segment = relation_of(target, path_end, mount)
    if segment is None:
        return _stranger(method, target, path_end, mount)
    relation = decoded(segment).decode("utf-8", "replace")
    shapes, literals = _shapes(params)
    select = [param for param in params if decoded(param.name) == b"select"]
    keys = _keys(params)
    return Query(
        method=method,
        target=target,
        relation=f"{head.profile}.{relation}" if head.profile else relation,
        fingerprint=f"{method.decode()} {relation}{'?' if shapes else ''}{'&'.join(shapes)}",
        filters=tuple(literals),
        path_end=path_end,
        select=(select[0].start, select[0].start + len(select[0].value)) if select else None,
        keys=keys,
        refusal=_method_refusal(method)
        or head.refusal
        or _target_refusal(target, params, max_url)
        or _select_refusal(select)
        or (None if keys else _key_refusal(params)),
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


def _keys(params: tuple[Param, ...]) -> tuple[Key, ...]:
    """The filters whose literal may vary: plain column, one occurrence, ``eq``, canonical literal. The first 16."""
    names = Counter(decoded(param.name) for param in params)
    keys: list[Key] = []
    for param in params:
        if param.value[:3] != b"eq." or not _is_column(param.name) or names[param.name] != 1:
            continue
        if len(keys) == MAX_KEYS:
            break
        literal = param.value[3:]
        kind = literal_class(literal)
        if kind is not None:
            start = param.start + 3
            keys.append(Key(param.name, literal, start, start + len(literal), kind))
    return tuple(keys)


def _is_crowded(target: bytes) -> bool:
    return target.count(b"&") > MAX_PARAMS


def _is_column(name: bytes) -> bool:
    return is_plain_name(name) and name not in RESERVED and name not in LOGIC


def _method_refusal(method: bytes) -> str | None:
    return None if method == b"GET" else "method"


def _target_refusal(target: bytes, params: tuple[Param, ...], max_url: int) -> str | None:
    names = [decoded(param.name) for param in params]
    checks = (
        ("too-long", len(target) > max_url or _is_crowded(target)),
        ("semicolon", b";" in target),
        ("encoding", not is_clean_text(target)),
        ("limit", b"limit" in names),
        ("offset", b"offset" in names),
        ("repeated", names.count(b"select") > 1),
    )
    return next((reason for reason, holds in checks if holds), None)


def _select_refusal(select: list[Param]) -> str | None:
    if not select:
        return None
    value = decoded(select[0].value)
    # What is put before it ends in a comma, after which PostgREST skips blanks and wants a column.
    if not value or value[:1].isspace() or value[:1] == b"," or value[-1:] == b",":
        return "select"
    if b"()" in value:
        return "aggregate"
    return None


def _key_refusal(params: tuple[Param, ...]) -> str:
    equal = [p.name for p in params if _is_column(p.name) and decoded(p.value)[:3] == b"eq."]
    if not equal:
        return "no-key"
    names = Counter(decoded(param.name) for param in params)
    return "literal" if any(names[name] == 1 for name in equal) else "repeated"
