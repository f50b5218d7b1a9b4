"""Chunking of a read whose ``in`` list is too long for upstream: split it into parts, join their answers (FAN005).

No row is in two parts: the hidden key of a row must be one of the literals of its part, and no literal is in two parts.
This check works for every column type.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from proxy.allowed_differences import ABSENT_WHEN_CHUNKED
from proxy.http1.head import HeaderField, Response
from proxy.model import FallbackReason, LiteralClass, Media, Query, RequestHead, Slice
from proxy.postgrest.request.in_list import bare_list, canonical_list, list_column
from proxy.postgrest.request.media import ARRAY, without_count
from proxy.postgrest.request.set_filter import hidden_columns
from proxy.postgrest.request.target import LOGIC, RESERVED_PARAMS, Param, decoded, is_plain_name, split_target
from proxy.postgrest.response.echoes import shareable_lines
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import READ_HEADERS, is_per_answer
from proxy.postgrest.response.rows import marked_rows

NO_KEY_REASONS = frozenset((None, "no-key", "literal"))
"""Bypass reasons that only say that a query has no key. For a long query they are replaced by ``too-long``."""

MAX_PARTS = 100
"""Largest number of parts. If a query needs more, the rest of its target is too long, not its list."""

_DIRECTIONS = {b"": False, b".asc": False, b".desc": True}
_NULLS = (b".nullsfirst", b".nullslast")
_RANGE = b"content-range"


def with_long_list(query: Query, target: bytes, place: tuple[int, int] | None) -> Query:
    """``query``, parsed from a shortened target, with the whole ``target`` and the ``place`` of its list's value.

    It has no keys, so that it is never merged. ``long_list`` is None if the query has too many parameters to be parsed.
    """
    filters, at = list(query.filters), -1 if place is None else target.count(b"&", query.path_end, place[0])
    is_parsed = place is not None and at < len(filters)
    if place is not None and is_parsed:
        filters[at] = target[place[0] : place[1]]
    return msgspec.structs.replace(
        query,
        target=target,
        filters=tuple(filters),
        select=None,
        limit=None,
        keys=(),
        bypass_reason="too-long" if query.bypass_reason in NO_KEY_REASONS else query.bypass_reason,
        long_list=place if is_parsed else None,
    )


class ChunkedList(msgspec.Struct, frozen=True):
    """A read with its list split into parts. ``before`` and ``after`` are the client's target around the list."""

    key: bytes
    before: bytes
    after: bytes
    parts: tuple[tuple[bytes, ...], ...]
    """The literals of each part. No literal is in two parts."""
    ordered: bool
    """Whether the read has an ``order``. The parts are then in that order."""
    media: Media

    def target(self, literals: Sequence[bytes]) -> bytes:
        """The target of a call for these ``literals``."""
        return self.before + bare_list(literals) + self.after

    def probe(self, rows: int) -> bytes:
        """The target of a HEAD that shows whether upstream returns ``rows`` rows of this relation in one answer."""
        return b"%b?select=%b&limit=%d" % (self.before.partition(b"?")[0], self.key, rows)


def chunk_list(query: Query, head: RequestHead, alias: bytes, longest: int) -> ChunkedList | str:
    """Split the long list of ``query`` so that each target has at most ``longest`` bytes; else the bypass reason.

    The length of ``query`` must be its only bypass reason.
    """
    path_end, params = split_target(query.target)
    place = query.long_list
    elements = None if place is None else canonical_list(query.target[place[0] : place[1]])
    if place is None or elements is None or not _is_only_list(params, key := list_column(query.target, place)):
        return "list"
    names = [decoded(param.name) for param in params]
    media = head.media or ARRAY
    if b"limit" in names or head.range_limit is not None or head.exact_count or media.singular:
        return "list-total"
    descending = _direction(params, names, key)
    if descending is None:
        return "list-order"
    before, after = _around_list(query, path_end, params, names, hidden_columns(alias, key, ()))
    kind, literals = elements
    if b"order" in names:
        literals = sorted(literals, key=int if kind is LiteralClass.INTEGER else None, reverse=descending)
    parts = tuple(_split_literals(literals, longest - len(before) - len(bare_list(())) - len(after) + 1))
    if not parts or len(parts) > MAX_PARTS:
        return "chunk-limit"
    return ChunkedList(key, before, after, parts, b"order" in names, media)


def _is_only_list(params: Sequence[Param], key: bytes) -> bool:
    """Whether ``key`` is a plain column with exactly one filter, and no other column has an ``in`` list."""
    names = [decoded(param.name) for param in params]
    lists = [at for at, param in enumerate(params) if decoded(param.value[:9])[:3] == b"in." and b"." not in names[at]]
    column = is_plain_name(key) and key not in RESERVED_PARAMS | LOGIC
    return column and names.count(key) == 1 and len(lists) == 1


def _direction(params: Sequence[Param], names: Sequence[bytes], key: bytes) -> bool | None:
    """Whether the order is descending (False without an order); None if it is not by the column ``key`` alone.

    ``nullsfirst`` and ``nullslast`` have no effect, because the list matches no null.
    """
    orders = [decoded(param.value) for name, param in zip(names, params, strict=True) if name == b"order"]
    if not orders:
        return False
    column, direction = orders[0][: len(key)], orders[0][len(key) :]
    for nulls in _NULLS:
        direction = direction.removesuffix(nulls)
    return _DIRECTIONS.get(direction) if column == key and len(orders) == 1 else None


def _around_list(
    query: Query, path_end: int, params: Sequence[Param], names: Sequence[bytes], column: bytes
) -> tuple[bytes, bytes]:
    """The target before and after the list's value, with ``column`` as the first item of ``select``."""
    start, end = query.long_list or (0, 0)
    at, item = path_end + 1, b"select=" + column + b",*&"
    if b"select" in names:
        at, item = params[names.index(b"select")].start, column + b","
    target = query.target
    if at <= start:
        return target[:at] + item + target[at:start], target[end:]
    return target[:start], target[end:at] + item + target[at:]


def _split_literals(literals: Sequence[bytes], max_bytes: int) -> Iterator[tuple[bytes, ...]]:
    """``literals`` in parts of at most ``max_bytes``, one comma per literal included; nothing if one is too long."""
    if max(map(len, literals)) >= max_bytes:
        return
    begin, used = 0, 0
    for at, literal in enumerate(literals):
        used += len(literal) + 1
        if used > max_bytes:
            yield tuple(literals[begin:at])
            begin, used = at, len(literal) + 1
    yield tuple(literals[begin:])


class PartAnswer(msgspec.Struct, frozen=True):
    """The answer to one part. ``before`` and ``after`` are its head around the value of Content-Range."""

    before: bytes
    after: bytes
    shared_lines: tuple[bytes, ...]
    """The head lines that must be equal in all parts: all except Content-Range and those that differ per answer."""
    keys: tuple[bytes, ...]
    rows: tuple[bytes, ...]


def read_part(
    chunk_list: ChunkedList,
    literals: Sequence[bytes],
    alias: bytes,
    answer: Response,
    gateway: Gateway,
    head: RequestHead,
) -> PartAnswer | FallbackReason:
    """Parse a 200 ``answer`` to the part ``literals`` of the request with ``head``; else the fallback reason."""
    status_line = answer.line.line
    shared = shareable_lines(answer.fields, READ_HEADERS, gateway, (head,))
    if isinstance(shared, FallbackReason):
        return shared
    kept = shared.lines
    if [field.value for field in kept if field.name == b"content-type"] != [chunk_list.media.array_type]:
        return FallbackReason("headers", "content-type")
    ranges = [at for at, field in enumerate(kept) if field.name == _RANGE]
    if len(ranges) != 1:
        return FallbackReason("headers", "content-range")
    rows = marked_rows(answer.body, alias, chunk_list.media.separator)
    if rows is None:
        return FallbackReason("shape")
    if not {key for key, _ in rows} <= set(literals):
        return FallbackReason("unexpected-key")
    name = kept[ranges[0]].line.partition(b":")[0]
    return PartAnswer(
        before=b"\r\n".join([status_line, *_answer_lines(kept[: ranges[0]]), name + b": "]),
        after=b"\r\n".join([b"", *_answer_lines(kept[ranges[0] + 1 :]), b""]),
        shared_lines=(
            status_line,
            *_answer_lines([f for f in kept if f.name != _RANGE and not is_per_answer(f.name, gateway)]),
        ),
        keys=tuple([key for key, _ in rows]),
        rows=tuple([row for _, row in rows]),
    )


def _answer_lines(fields: Sequence[HeaderField]) -> Iterator[bytes]:
    """The head lines of a chunked answer, from those of a part."""
    for field in fields:
        if field.name == b"preference-applied":
            applied = without_count(field.value)
            if applied:
                yield b"Preference-Applied: " + applied
        elif field.name not in ABSENT_WHEN_CHUNKED:
            yield field.line


def boundary_literals(parts: Sequence[PartAnswer]) -> tuple[bytes, ...]:
    """The keys of the first and last row of each part; empty unless several parts have rows."""
    ends = [key for part in parts if part.keys for key in (part.keys[0], part.keys[-1])]
    return tuple([key for key, _ in groupby(ends)]) if sum(map(bool, (p.keys for p in parts))) > 1 else ()


def are_in_order(keys: Sequence[bytes], part: PartAnswer) -> bool:
    """Whether ``part``, upstream's answer for ``keys``, has them in this order.

    Each part is in upstream's order. If the first and last rows of all parts are too, so are the concatenated parts.
    """
    return tuple([key for key, _ in groupby(part.keys)]) == tuple(keys)


def concatenate(chunk_list: ChunkedList, parts: Sequence[PartAnswer]) -> Slice | FallbackReason:
    """The chunked answer: the head of the first part, and the rows of all parts in their order."""
    first, *others = parts
    for other in others:
        differing = set(first.shared_lines) ^ set(other.shared_lines)
        if differing or len(first.shared_lines) != len(other.shared_lines):
            return FallbackReason("headers", min(differing, default=b"").partition(b":")[0].lower().decode("latin-1"))
    rows = [row for part in parts for row in part.rows]
    body = b"[" + chunk_list.media.separator.join(rows) + b"]"
    content_range = b"0-%d/*" % (len(rows) - 1) if rows else b"*/*"
    length = b"Content-Length: %d\r\n" % len(body)
    return Slice(first.before + content_range + first.after + length, body, len(rows))
