"""Splits the body of an answer into rows, by the hidden key with which each row begins.

Source: docs/explanation/merging.md#row-boundaries.
"""


def marked_pieces(body: bytes, alias: bytes, separator: bytes) -> list[bytes] | None:
    """The rows in their order, each from the first byte of its key's text to its last value; None if the body is not
    such an array.

    ``{"alias":`` cannot occur elsewhere: in a JSON string its quotes would be escaped, and a ``json`` value cannot
    contain the alias, which is random and never sent to clients.
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
    """The bytes of the row without its hidden columns, which end at ``at``; None if the row is malformed."""
    if piece[at : at + 1] not in (b",", b""):
        return None
    return b"{" + piece[at + 1 :] + b"}"


def marked_rows(body: bytes, alias: bytes, separator: bytes) -> list[tuple[bytes, bytes]] | None:
    """The key text and the bytes of each row; None if the body is malformed.

    Key texts are not unescaped: the literals of a chunked list are canonical, so no escaped key can be one of them.
    """
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
