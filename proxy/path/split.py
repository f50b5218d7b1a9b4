"""From a merged answer to each member's own: rows as PostgREST's bytes, heads as it would have sent them.

Nothing is decoded and written again. Rows are found by the hidden key that begins each of them: an unescaped
``{"alias":`` can stand in no JSON string, and no ``json`` value can hold an alias that is random and never shown.
"""

from collections.abc import Iterable

import msgspec

from proxy.http1.head import Field
from proxy.model import LiteralClass, Merged
from proxy.postgrest.media import JSON_TYPE, without_count

CORS = frozenset(
    (b"access-control-allow-origin", b"access-control-expose-headers", b"access-control-allow-credentials")
)
COPIED = CORS | {b"date", b"server", b"content-type", b"content-profile", b"vary", b"server-timing", b"warning"}
"""Headers that are the same for every member, because members agree in everything they depend on (MERGE.md §2)."""

FRAMING = frozenset((b"transfer-encoding", b"content-length", b"connection", b"keep-alive"))
COUNTED = (b"content-range", b"content-location", b"preference-applied")


class Doubt(msgspec.Struct, frozen=True):
    """Why a merged answer is not used: a key of ``errors.DOUBTS``; ``detail`` names a header, never a value."""

    reason: str
    detail: str = ""


class Share(msgspec.Struct, frozen=True):
    """What one literal's members are answered: the head without its empty line; the body; its rows."""

    head: bytes
    body: bytes
    rows: int


def split(
    call: Merged,
    alias: bytes,
    path: bytes,
    status_line: bytes,
    fields: tuple[Field, ...],
    body: bytes,
    ties: bool,
) -> dict[bytes, Share] | Doubt:
    """Each literal's share of a 200 answer, or the doubt that forbids to use it.

    ``path`` is the path that Content-Location shows (before ``?``); ``ties`` accepts several rows a key in any order.
    """
    rows = rows_by_key(body, alias)
    if isinstance(rows, Doubt):
        return rows
    doubt = _judge_rows(rows, call, ties)
    if doubt is not None:
        return doubt
    frame = _frame(status_line, fields)
    if isinstance(frame, Doubt):
        return frame
    return {literal: _share(frame, path, call.location, literal, rows.get(literal, [])) for literal in call.owners}


def rows_by_key(body: bytes, alias: bytes) -> dict[bytes, list[bytes]] | Doubt:
    """Each key text with its rows, hidden column removed; the rows of a key keep their order."""
    if body == b"[]":
        return {}
    head, *pieces = body.split(b'{"' + alias + b'":"')
    if head != b"[" or not pieces:
        return Doubt("shape")
    rows: dict[bytes, list[bytes]] = {}
    last = len(pieces) - 1
    for at, piece in enumerate(pieces):
        ending = b"}]" if at == last else b"}, \n "
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
    for key, own in rows.items():
        if key not in call.owners:
            return Doubt("stranger")
        if len(own) > 1 and not ties:
            return Doubt("ties")
    if call.kind is LiteralClass.INTEGER and _could_be_char(rows, call.owners):
        return Doubt("char")
    return None


def _could_be_char(rows: dict[bytes, list[bytes]], literals: Iterable[bytes]) -> bool:
    """Type ``"char"`` compares only a literal's first byte: a row ``1`` is then also ``12``'s.

    A row with a longer key proves that the column is of another type.
    """
    if not rows or any(len(key) > 1 for key in rows):
        return False
    return any(len(literal) > 1 and literal[:1] in rows for literal in literals)


def _frame(status_line: bytes, fields: tuple[Field, ...]) -> list[bytes] | Doubt:
    """The head in three pieces: before Content-Range's value, before Content-Location's, and the rest."""
    pieces: list[bytes] = []
    current = [status_line]
    for field in fields:
        if field.name in FRAMING:
            continue
        if field.name in COPIED:
            if field.name == b"content-type" and field.value != JSON_TYPE:
                return Doubt("headers", "content-type")
            current.append(field.line)
        elif field.name == b"preference-applied":
            applied = without_count(field.value)
            if applied:
                current.append(b"Preference-Applied: " + applied)
        elif field.name == (COUNTED[len(pieces)] if len(pieces) < 2 else None):
            name = field.line.partition(b":")[0]
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
    location: tuple[bytes, bytes],
    literal: bytes,
    rows: list[bytes],
) -> Share:
    body = b"[" + b", \n ".join(rows) + b"]"
    content_range = b"0-%d/*" % (len(rows) - 1) if rows else b"*/*"
    before, after = location
    where = b"".join((path, b"?", before, literal, after))
    length = b"Content-Length: %d\r\n" % len(body)
    head = b"".join((frame[0], content_range, frame[1], where, frame[2], length))
    return Share(head, body, len(rows))
