"""Rows of an answer whose first, hidden column marks where each begins (docs/explanation/merging.md#row-boundaries)."""


def marked_pieces(body: bytes, alias: bytes, separator: bytes) -> list[bytes] | None:
    """The rows in their order, each from the first byte of its key's text to its last value; None for no such array.

    An unescaped ``{"alias":`` can stand in no JSON string, and no ``json`` value can hold an alias that is random and
    never shown.
    """
    if body == b"[]":
        return []
    head, *pieces = body.split(b'{"' + alias + b'":"')
    if head != b"[" or not pieces:
        return None
    endings = [b"}" + separator] * (len(pieces) - 1) + [b"}]"]
    if not all(map(bytes.endswith, pieces, endings)):
        return None
    return list(map(bytes.removesuffix, pieces, endings))


def row_after_hidden(piece: bytes, at: int) -> bytes | None:
    """The row without its hidden columns, which end at ``at``, as PostgREST's bytes; None when it is none."""
    if piece[at : at + 1] not in (b",", b""):
        return None
    return b"{" + piece[at + 1 :] + b"}"


def marked_rows(body: bytes, alias: bytes, separator: bytes) -> list[tuple[bytes, bytes]] | None:
    """Each row behind its key's text. Keys that JSON has to escape are none that were asked for: they stay as is."""
    pieces = marked_pieces(body, alias, separator)
    if pieces is None:
        return None
    rows = []
    for piece in pieces:
        key, quote, _ = piece.partition(b'"')
        row = row_after_hidden(piece, len(key) + 1)
        if not quote or row is None:
            return None
        rows.append((key, row))
    return rows
