"""From a merged answer to each member's own: rows as PostgREST's bytes, heads as it would have sent them.

Nothing is decoded and written again. Rows are found by the hidden key that begins each of them.
"""

from collections.abc import Collection, Iterable
from itertools import pairwise

import msgspec

from proxy.http1.head import HeaderField, Response, first_value, line_of
from proxy.model import Column, FallbackReason, MergedCall, NotSingular, Slice
from proxy.postgrest.request.media import without_count
from proxy.postgrest.request.set_filter import is_cut
from proxy.postgrest.response.content_location import escaped
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import READ_HEADERS, REBUILT_HEADERS, per_answer_lines, shareable
from proxy.postgrest.response.rows import marked_pieces, row_after_hidden
from proxy.postgrest.types import are_distinct, may_be_char


def demultiplex(
    call: MergedCall,
    alias: bytes,
    answer: Response,
    ties: bool,
    gateway: Gateway,
) -> dict[bytes, Slice | NotSingular] | FallbackReason:
    """Each filter value's share of a 200 answer, or the doubt that forbids to use it.

    ``ties`` accepts several rows per key in any order. ``gateway`` says which headers may be there beside PostgREST's.
    """
    frame = _head_pieces(answer.line.line, answer.fields, call, gateway)
    if isinstance(frame, FallbackReason):
        return frame
    rows = rows_by_key(answer.body, alias, call.media.separator, len(call.order_columns))
    if isinstance(rows, FallbackReason):
        return rows
    told, _ = rows_and_total(first_value(answer.fields, b"content-range"))
    doubt = _rows_fallback_reason(rows, told, call)
    if doubt is not None:
        return doubt
    stamped, server = per_answer_lines(answer.fields, gateway), line_of(answer.fields, b"server")
    location = first_value(answer.fields, b"content-location") or b""
    path = location.rpartition(b"?")[0]  # a relation's name may hold a '?', what follows it cannot
    shares: dict[bytes, Slice | NotSingular] = {}
    for value, literals in call.literals_by_value.items():
        own = _rows_of(rows, literals, call, ties)
        if isinstance(own, FallbackReason):
            return own
        missed = call.media.singular and len(own) != 1
        shares[value] = NotSingular(stamped, server, len(own)) if missed else _slice(frame, path, call, value, own)
    return shares


class Row(msgspec.Struct, frozen=True, order=True, gc=False):
    """One row of the merged answer."""

    index: int
    order_texts: tuple[bytes | None, ...]
    """Texts of the order columns that it carries; None for null."""
    data: bytes
    """The row without hidden columns."""


def rows_by_key(
    body: bytes, alias: bytes, separator: bytes, carried: int = 0
) -> dict[bytes, list[Row]] | FallbackReason:
    """Each key text with its rows, which keep their order; behind the key each row has ``carried`` hidden columns."""
    pieces = marked_pieces(body, alias, separator)
    if pieces is None:
        return FallbackReason("shape")
    rows: dict[bytes, list[Row]] = {}
    for place, piece in enumerate(pieces):
        end = piece.find(b'"')
        if b"\\" in piece[:end]:
            end = _closing_quote(piece, 0)
        if end < 0:
            return FallbackReason("shape")
        ranks, at = _order_texts(piece, end + 1, alias, carried) if carried else ((), end + 1)
        key, data = _unescaped(piece[:end]), row_after_hidden(piece, at)
        if key is None or data is None:
            return FallbackReason("shape")
        rows.setdefault(key, []).append(Row(place, ranks, data))
    return rows


def _order_texts(piece: bytes, at: int, alias: bytes, carried: int) -> tuple[tuple[bytes | None, ...], int]:
    """The hidden order columns from ``at`` on, and where they end. One that is not there is a null left out."""
    ranks: list[bytes | None] = []
    for number in range(carried):
        name = b',"' + alias + b'%d":' % number
        text = None
        if piece.startswith(name + b'"', at):
            begin = at + len(name) + 1
            end = _closing_quote(piece, begin)
            text, at = piece[begin:end], end + 1
        elif piece.startswith(name + b"null", at):
            at += len(name) + len(b"null")
        ranks.append(text)
    return tuple(ranks), at


def _closing_quote(piece: bytes, begin: int) -> int:
    """Where the JSON string ends whose first byte is at ``begin``; -1 when it does not."""
    end = piece.find(b'"', begin)
    while end > begin and piece[end - 1] == 0x5C:
        text = piece[begin:end]
        if (len(text) - len(text.rstrip(b"\\"))) % 2 == 0:
            break
        end = piece.find(b'"', end + 1)
    return end


def _unescaped(text: bytes) -> bytes | None:
    """What a JSON string says, from the bytes between its quotes; None when they are no such string."""
    if b"\\" not in text:
        return text
    try:
        return msgspec.json.decode(b'"' + text + b'"', type=str).encode()
    except (msgspec.DecodeError, UnicodeError):
        return None


def _rows_fallback_reason(rows: dict[bytes, list[Row]], told: int, call: MergedCall) -> FallbackReason | None:
    """What forbids to use the answer for anybody; ``told`` is how many rows it has by its own Content-Range."""
    if sum(map(len, rows.values())) != told:
        return FallbackReason("shape")
    if is_cut(call, told):
        return FallbackReason("limit")
    literals = call.literals
    if not rows.keys() <= literals:
        return FallbackReason("unexpected-key")
    if may_be_char(call.column) and _could_be_char(rows, literals):
        return FallbackReason("char")
    return None


def _could_be_char(rows: Collection[bytes], literals: Iterable[bytes]) -> bool:
    """Type ``"char"`` compares only a literal's first byte: a row ``1`` is then also ``12``'s.

    A row with a longer key proves that the column is of another type.
    """
    if not rows or any(len(key) > 1 for key in rows):
        return False
    return any(len(literal) > 1 and literal[:1] in rows for literal in literals)


def _rows_of(
    rows: dict[bytes, list[Row]], literals: tuple[bytes, ...], call: MergedCall, ties: bool
) -> list[bytes] | FallbackReason:
    """The rows of these literals in their order, as many as the limit allows."""
    if len(literals) == 1:
        own = rows.get(literals[0], [])
    else:
        own = sorted(row for literal in literals for row in rows.get(literal, ()))
    if len(own) > 1:
        ordered = call.order_is_total or _are_ordered(own, call.order_columns)
        if call.limit is not None and len(own) > call.limit:
            if call.exact_count or not ordered:
                return FallbackReason("limit")
            own = own[: call.limit]
        elif not (ordered or ties or call.media.singular):
            return FallbackReason("ties")
    return [row.data for row in own]


def _are_ordered(own: list[Row], carried: tuple[Column, ...]) -> bool:
    """Whether no two neighbours are tied: each shows another text in some order column."""
    return all(
        any(are_distinct(*texts) for texts in zip(above.order_texts, below.order_texts, carried, strict=True))
        for above, below in pairwise(own)
    )


def _head_pieces(
    status_line: bytes, fields: tuple[HeaderField, ...], call: MergedCall, gateway: Gateway
) -> list[bytes] | FallbackReason:
    """The head in three pieces: before Content-Range's value, before Content-Location's, and the rest."""
    kept = shareable(fields, READ_HEADERS, gateway)
    if isinstance(kept, FallbackReason):
        return kept
    pieces: list[bytes] = []
    current = [status_line]
    for field in kept:
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


def _slice(
    frame: list[bytes],
    path: bytes,
    call: MergedCall,
    value: bytes,
    rows: list[bytes],
) -> Slice:
    body = rows[0] if call.media.singular else b"[" + call.media.separator.join(rows) + b"]"
    total = b"%d" % len(rows) if call.exact_count else b"*"
    content_range = (b"0-%d/" % (len(rows) - 1) if rows else b"*/") + total
    before, after = call.content_location
    where = b"".join((path, b"?", before, escaped(value), after))
    length = b"Content-Length: %d\r\n" % len(body)
    head = b"".join((frame[0], content_range, frame[1], where, frame[2], length))
    return Slice(head, body, len(rows))
