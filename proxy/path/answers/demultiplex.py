"""Splits a merged answer into one answer per filter value, with the head and the rows that PostgREST would send.

Rows are copied as bytes and never re-encoded. Each row begins with the hidden key, which says whose row it is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from proxy.http1.head import HeaderField, Response, first_value, line_of
from proxy.model import Echo, FallbackReason, MergedCall, NotSingular, Slice
from proxy.postgrest.request.literals import closing_quote
from proxy.postgrest.request.media import without_count
from proxy.postgrest.request.set_filter import is_cut
from proxy.postgrest.response.content_location import percent_encoded
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.echoes import shareable_lines
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import READ_HEADERS, REBUILT_HEADERS, per_answer_lines
from proxy.postgrest.response.rows import marked_pieces, row_after_hidden
from proxy.postgrest.row_address import are_in_order
from proxy.postgrest.types import are_distinct, may_be_char

WHOLE, PARTIAL = b"HTTP/1.1 200 OK", b"HTTP/1.1 206 Partial Content"
"""PostgREST's status lines of an answer with all rows, and of one that ``limit`` cut and that shows their number."""


class _OwnRows(msgspec.Struct, frozen=True, gc=False):
    """The rows of one filter value, and their number before its limit."""

    rows: list[bytes]
    total: int
    counted: int | None = None
    """The rows that were read, where the only row shows their number."""


def demultiplex(
    call: MergedCall,
    alias: bytes,
    answer: Response,
    ties: bool,
    gateway: Gateway,
) -> dict[bytes, Slice | NotSingular | None] | FallbackReason:
    """The slice of each filter value from a 200 answer, or the reason why the answer cannot be used.

    None: the rows of the value are not in the order of their addresses, so that their order in an answer of its own is
    not certain. If that is so for most values with several rows, the answer is not used.

    ``ties``: whether several rows of one key may be in any order. ``gateway`` says which headers may occur besides
    PostgREST's.
    """
    head = _head(answer, call, gateway)
    if isinstance(head, FallbackReason):
        return head
    rows = rows_by_key(answer.body, alias, call.media.separator, call.hidden_texts)
    if isinstance(rows, FallbackReason):
        return rows
    row_count, _ = rows_and_total(first_value(answer.fields, b"content-range"))
    fallback_reason = _rows_fallback_reason(rows, row_count, call)
    if fallback_reason is not None:
        return fallback_reason
    server = line_of(answer.fields, b"server")
    varying = per_answer_lines(answer.fields, gateway, frozenset([echo.name for echo in head.echoes]))
    location = first_value(answer.fields, b"content-location") or b""
    path = location.rpartition(b"?")[0]  # the name of a relation can contain a '?', the query cannot
    writer = _SliceWriter(head, path, call)
    slices: dict[bytes, Slice | NotSingular | None] = {}
    is_unordered = False
    for value, literals in call.literals_by_value.items():
        own = _rows_of(rows, literals, call, ties)
        if isinstance(own, FallbackReason):
            if own == TIES and call.address_columns:
                slices[value], is_unordered = None, True
                continue
            return own
        if call.exact_count and own.total > len(own.rows) and answer.line.line != WHOLE:
            return FallbackReason("limit")
        is_406 = call.media.singular and len(own.rows) != 1
        slices[value] = NotSingular(varying, server, len(own.rows), head.echoes) if is_406 else writer.write(value, own)
    return TIES if is_unordered and _are_mostly_unordered(slices) else slices


def _are_mostly_unordered(slices: Mapping[bytes, Slice | NotSingular | None]) -> bool:
    """Whether more values have several rows in an uncertain order than in a certain one."""
    unordered = sum(own_slice is None for own_slice in slices.values())
    return unordered > sum(own_slice is not None and own_slice.rows > 1 for own_slice in slices.values())


TIES = FallbackReason("ties")


class Row(msgspec.Struct, frozen=True, order=True, gc=False):
    """One row of the merged answer."""

    index: int
    order_texts: tuple[bytes | None, ...]
    """Texts of its hidden order or address columns; None for null."""
    data: bytes
    """The row without hidden columns."""


def rows_by_key(
    body: bytes, alias: bytes, separator: bytes, order_columns: int = 0
) -> dict[bytes, list[Row]] | FallbackReason:
    """The rows of each key text, in their order. After the key, each row has ``order_columns`` hidden columns."""
    pieces = marked_pieces(body, alias, separator)
    if pieces is None:
        return FallbackReason("shape")
    rows: dict[bytes, list[Row]] = {}
    for index, piece in enumerate(pieces):
        end = piece.find(b'"')
        key: bytes | None = piece[:end]
        if b"\\" in piece[:end]:
            end = closing_quote(piece, 0)
            key = _unescaped(piece[:end])
        if end < 0:
            return FallbackReason("shape")
        texts, at = _order_texts(piece, end + 1, alias, order_columns) if order_columns else ((), end + 1)
        data = row_after_hidden(piece, at)
        if key is None or data is None:
            return FallbackReason("shape")
        own, row = rows.get(key), Row(index, texts, data)
        if own is None:
            rows[key] = [row]
        else:
            own.append(row)
    return rows


def _order_texts(piece: bytes, at: int, alias: bytes, count: int) -> tuple[tuple[bytes | None, ...], int]:
    """The texts of the hidden order columns from ``at`` on, and their end. An absent column is a stripped null."""
    texts: list[bytes | None] = []
    for number in range(count):
        name = b',"' + alias + b'%d":' % number
        text = None
        if piece.startswith(name + b'"', at):
            begin = at + len(name) + 1
            end = closing_quote(piece, begin)
            text, at = piece[begin:end], end + 1
        elif piece.startswith(name + b"null", at):
            at += len(name) + len(b"null")
        texts.append(text)
    return tuple(texts), at


def _unescaped(text: bytes) -> bytes | None:
    """Decode the bytes between the quotes of a JSON string; None if they are not valid."""
    try:
        return msgspec.json.decode(b'"' + text + b'"', type=str).encode()
    except (msgspec.DecodeError, UnicodeError):
        return None


def _rows_fallback_reason(rows: dict[bytes, list[Row]], row_count: int, call: MergedCall) -> FallbackReason | None:
    """Why no request can use the answer, if so; ``row_count`` is the number of rows in its Content-Range."""
    if sum(map(len, rows.values())) != row_count:
        return FallbackReason("shape")
    if is_cut(call, row_count):
        return FallbackReason("limit")
    literals = call.literals
    if not rows.keys() <= literals:
        return FallbackReason("unexpected-key")
    if may_be_char(call.column) and _could_be_char(rows, literals):
        return FallbackReason("char")
    return None


def _could_be_char(rows: Collection[bytes], literals: Iterable[bytes]) -> bool:
    """Whether a row may match several literals, because the column has type ``"char"``.

    ``"char"`` compares only the first byte of a literal: a row ``1`` also matches ``12``. A row with a longer key
    proves that the column has another type.
    """
    if not rows or any(len(key) > 1 for key in rows):
        return False
    return any(len(literal) > 1 and literal[:1] in rows for literal in literals)


def _rows_of(
    rows: dict[bytes, list[Row]], literals: tuple[bytes, ...], call: MergedCall, ties: bool
) -> _OwnRows | FallbackReason:
    """The rows of these literals in their order, at most ``limit`` of them."""
    own: Sequence[Row]
    if len(literals) == 1:
        own = rows.get(literals[0], ())
    else:
        own = sorted(row for literal in literals for row in rows.get(literal, ()))
    total = len(own)
    if total == 1 and not call.counted:
        return _OwnRows([own[0].data], 1)
    if call.counted:
        return _OwnRows([b'{"%b":%d}' % (call.counted, total)], 1, total)
    if total > 1 and not call.counts:
        ordered = call.order_is_total or _are_ordered(own, call)
        if call.limit is not None and total > call.limit:
            if not ordered or call.address_columns:
                return FallbackReason("limit")
            own = own[: call.limit]
        elif not (ordered or ties or call.media.singular):
            return TIES
    return _OwnRows([row.data for row in own], total)


def _are_ordered(rows: Sequence[Row], call: MergedCall) -> bool:
    """Whether no two neighbouring rows are tied: they differ in at least one of the order columns. Without an order:
    whether the rows are in the order of their addresses.
    """
    if call.address_columns:
        return are_in_order(row.order_texts for row in rows)
    return all(
        any(
            are_distinct(*texts) for texts in zip(above.order_texts, below.order_texts, call.order_columns, strict=True)
        )
        for above, below in pairwise(rows)
    )


class _Head(msgspec.Struct, frozen=True):
    """The head of a merged answer: pieces around the values that are computed, and lines that differ per request."""

    pieces: list[bytes]
    echoes: tuple[Echo, ...]


def _head(answer: Response, call: MergedCall, gateway: Gateway) -> _Head | FallbackReason:
    shared = shareable_lines(answer.fields, READ_HEADERS, gateway, [request.head for request in call.requests])
    if isinstance(shared, FallbackReason):
        return shared
    pieces = _head_pieces(answer.line.line, shared.lines, call)
    return pieces if isinstance(pieces, FallbackReason) else _Head(pieces, shared.echoes)


def _head_pieces(status_line: bytes, fields: list[HeaderField], call: MergedCall) -> list[bytes] | FallbackReason:
    """The head in three pieces: up to the value of Content-Range, up to that of Content-Location, and the rest."""
    pieces: list[bytes] = []
    current = [status_line]
    for field in fields:
        name = field.line.partition(b":")[0]
        if field.name == b"content-type":
            if field.value != call.media.array_type:
                return FallbackReason("headers", "content-type")
            current.append(name + b": " + call.media.own_type)
        elif field.name == b"preference-applied":
            applied = field.value if call.exact_count else without_count(field.value)
            if applied:
                current.append(b"Preference-Applied: " + applied)
        elif field.name not in REBUILT_HEADERS:
            current.append(field.line)
        elif field.name in REBUILT_HEADERS[len(pieces) : len(pieces) + 1]:
            pieces.append(b"\r\n".join([*current, name + b": "]))
            current = [b""]
        else:
            return FallbackReason("headers", field.name.decode("ascii"))
    if len(pieces) != 2:
        return FallbackReason("headers", "content-range or content-location is missing")
    pieces.append(b"\r\n".join([*current, b""]))
    return pieces


class _SliceWriter:
    """Writes the slices of an answer. Heads are equal but for a few values, so that most of each is written once."""

    def __init__(self, head: _Head, path: bytes, call: MergedCall) -> None:
        before, after = call.content_location
        self._first, up_to_location, rest = head.pieces
        self._location = b"".join((up_to_location, path, b"?", before))
        self._rest = after + rest
        self._one_row = b"".join((self._first, b"0-0/*", self._location))
        self._echoes, self._call = head.echoes, call

    def write(self, value: bytes, own: _OwnRows) -> Slice:
        """The slice of the filter value ``value``."""
        call, rows = self._call, own.rows
        body = rows[0] if call.media.singular else b"[" + call.media.separator.join(rows) + b"]"
        length = b"Content-Length: %d\r\n" % len(body)
        if call.counts:  # PostgREST's answer to a HEAD has no Content-Length
            body, length = b"", b""
        plain = len(rows) == 1 and not call.exact_count
        start = self._one_row if plain else self._up_to_value(len(rows), own.total)
        head = b"".join((start, percent_encoded(value), self._rest, length))
        return Slice(head, body, len(rows), own.counted, self._echoes)

    def _up_to_value(self, rows: int, total: int) -> bytes:
        """The head up to the filter value in its Content-Location."""
        exact = self._call.exact_count
        first = self._first if not exact or total == rows else PARTIAL + self._first.removeprefix(WHOLE)
        content_range = b"0-%d/" % (rows - 1) if rows else b"*/"
        return b"".join((first, content_range, b"%d" % total if exact else b"*", self._location))
