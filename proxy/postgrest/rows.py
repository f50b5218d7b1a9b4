"""Rows of an answer whose first, hidden column marks where each begins (MERGE.md §1.2, §1.3)."""


def marked_rows(body: bytes, alias: bytes, separator: bytes) -> list[tuple[bytes, bytes]] | None:
    """The rows in their order, each behind its key text and without the hidden column, as PostgREST's bytes.

    None when ``body`` is something else. Keys that JSON has to escape are none that were asked for: they stay as is.
    """
    if body == b"[]":
        return []
    head, *pieces = body.split(b'{"' + alias + b'":"')
    if head != b"[" or not pieces:
        return None
    rows: list[tuple[bytes, bytes]] = []
    endings = [b"}" + separator] * (len(pieces) - 1) + [b"}]"]
    for piece, ending in zip(pieces, endings, strict=True):
        key, quote, rest = piece.removesuffix(ending).partition(b'"')
        if not quote or not piece.endswith(ending) or rest[:1] not in (b",", b""):
            return None
        rows.append((key, b"{" + rest[1:] + b"}"))
    return rows
