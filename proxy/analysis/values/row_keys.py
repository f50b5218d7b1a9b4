"""Hashes of the keys in an answer: each row's ``id`` and ``*_id``, never their values.

With them a rule finds the earlier answer that a literal came from, and how many of its rows were used
(docs/explanation/architecture.md#row-keys).
"""

from collections.abc import Callable

import msgspec

from proxy.model import NOT_JSON, RowKeys

MAX_BODY_BYTES = 256_000
"""A larger body is not parsed."""
MAX_ROWS = 1000
"""Keys of at most this many rows are kept: the first rows of the answer."""

_decode_rows = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_decode_row = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def row_keys(body: bytes | bytearray, digest: Callable[[bytes], int]) -> RowKeys:
    """Row keys of a JSON array of objects, or of one object; empty for any other body.

    ``digest`` is the function that hashes literals of requests, so that both compare equal.
    """
    if len(body) > MAX_BODY_BYTES:
        return ()
    try:
        rows = [_decode_row(body)] if body[:1] == b"{" else _decode_rows(body)
    except NOT_JSON:
        return ()
    rows = rows[:MAX_ROWS]
    names = [name for name in (rows[0] if rows else ()) if name == "id" or name.endswith("_id")]
    return tuple((name, tuple(_hash(row.get(name), digest) for row in rows)) for name in names)


def _hash(value: msgspec.Raw | None, digest: Callable[[bytes], int]) -> int:
    """Hash of the value as a filter spells it: a string without its quotes (UUIDs and codes have no escapes)."""
    text = b"null" if value is None else bytes(value)
    if text == b"null" or text[:1] in (b"{", b"["):
        return 0
    return digest(text[1:-1] if text[:1] == b'"' else text)
