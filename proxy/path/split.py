"""From a merged answer to each member's own: rows as PostgREST's bytes, heads as it would have sent them.

Nothing is decoded and written again. Rows are found by the hidden key that begins each of them: an unescaped
``{"alias":`` can stand in no JSON string, and no ``json`` value can hold an alias that is random and never shown.
"""

from collections.abc import Iterable

from proxy.http1.head import Field, line_of
from proxy.model import Doubt, LiteralClass, Merged, Miss, Share
from proxy.postgrest.answers import PLACED, READ_HEADERS, shareable, stamps
from proxy.postgrest.gateway import Gateway
from proxy.postgrest.media import without_count
from proxy.postgrest.set_filter import is_cut


def split(
    call: Merged,
    alias: bytes,
    path: bytes,
    status_line: bytes,
    fields: tuple[Field, ...],
    body: bytes,
    ties: bool,
    gateway: Gateway,
) -> dict[bytes, Share | Miss] | Doubt:
    """Each literal's share of a 200 answer, or the doubt that forbids to use it.

    ``path`` is the path that Content-Location shows (before ``?``); ``ties`` accepts several rows a key in any order.
    ``gateway`` says which headers may be there beside PostgREST's.
    """
    frame = _frame(status_line, fields, call, gateway)
    if isinstance(frame, Doubt):
        return frame
    rows = rows_by_key(body, alias, call.media.separator)
    if isinstance(rows, Doubt):
        return rows
    doubt = _judge_rows(rows, call, ties)
    if doubt is not None:
        return doubt
    stamped, server = stamps(fields, gateway), line_of(fields, b"server")
    shares: dict[bytes, Share | Miss] = {}
    for literal in call.owners:
        own = rows.get(literal, [])
        missed = call.media.singular and len(own) != 1
        shares[literal] = Miss(stamped, server, len(own)) if missed else _share(frame, path, call, literal, own)
    return shares


def rows_by_key(body: bytes, alias: bytes, separator: bytes) -> dict[bytes, list[bytes]] | Doubt:
    """Each key text with its rows, hidden column removed; the rows of a key keep their order."""
    if body == b"[]":
        return {}
    head, *pieces = body.split(b'{"' + alias + b'":"')
    if head != b"[" or not pieces:
        return Doubt("shape")
    rows: dict[bytes, list[bytes]] = {}
    last = len(pieces) - 1
    for at, piece in enumerate(pieces):
        ending = b"}]" if at == last else b"}" + separator
        if not piece.endswith(ending):
            return Doubt("shape")
        key, _, rest = piece.partition(b'"')
        if rest[:1] == b",":
            row = b"{" + rest[1 : len(rest) - len(ending) + 1]
        elif rest == ending:
            row = b"{}"
        else:
            return Doubt("shape")
        rows.setdefault(key, []).append(row)
    return rows


def _judge_rows(rows: dict[bytes, list[bytes]], call: Merged, ties: bool) -> Doubt | None:
    if is_cut(call, count_rows(rows)):
        return Doubt("limit")
    for key, own in rows.items():
        if key not in call.owners:
            return Doubt("stranger")
        if call.limit is not None and len(own) > call.limit:
            return Doubt("limit")
        if len(own) > 1 and not ties and not call.media.singular:
            return Doubt("ties")
    if call.kind is LiteralClass.INTEGER and _could_be_char(rows, call.owners):
        return Doubt("char")
    return None


def count_rows(rows: dict[bytes, list[bytes]]) -> int:
    """All rows of all keys."""
    return sum(map(len, rows.values()))


def _could_be_char(rows: dict[bytes, list[bytes]], literals: Iterable[bytes]) -> bool:
    """Type ``"char"`` compares only a literal's first byte: a row ``1`` is then also ``12``'s.

    A row with a longer key proves that the column is of another type.
    """
    if not rows or any(len(key) > 1 for key in rows):
        return False
    return any(len(literal) > 1 and literal[:1] in rows for literal in literals)


def _frame(status_line: bytes, fields: tuple[Field, ...], call: Merged, gateway: Gateway) -> list[bytes] | Doubt:
    """The head in three pieces: before Content-Range's value, before Content-Location's, and the rest."""
    kept = shareable(fields, READ_HEADERS, gateway)
    if isinstance(kept, Doubt):
        return kept
    pieces: list[bytes] = []
    current = [status_line]
    for field in kept:
        name = field.line.partition(b":")[0]
        if field.name == b"content-type":
            if field.value != call.media.array_type:
                return Doubt("headers", "content-type")
            current.append(name + b": " + call.media.own_type)
        elif field.name == b"preference-applied":
            applied = field.value if call.counted else without_count(field.value)
            if applied:
                current.append(b"Preference-Applied: " + applied)
        elif field.name not in PLACED:
            current.append(field.line)
        elif field.name in PLACED[len(pieces) : len(pieces) + 1]:
            pieces.append(b"\r\n".join([*current, name + b": "]))
            current = [b""]
        else:
            return Doubt("headers", field.name.decode("ascii"))
    if len(pieces) != 2:
        return Doubt("headers", "content-range or content-location is missing")
    pieces.append(b"\r\n".join([*current, b""]))
    return pieces


def _share(
    frame: list[bytes],
    path: bytes,
    call: Merged,
    literal: bytes,
    rows: list[bytes],
) -> Share:
    body = rows[0] if call.media.singular else b"[" + call.media.separator.join(rows) + b"]"
    total = b"%d" % len(rows) if call.counted else b"*"
    content_range = (b"0-%d/" % (len(rows) - 1) if rows else b"*/") + total
    before, after = call.location
    where = b"".join((path, b"?", before, literal, after))
    length = b"Content-Length: %d\r\n" % len(body)
    head = b"".join((frame[0], content_range, frame[1], where, frame[2], length))
    return Share(head, body, len(rows))
