"""The keys that an answer shows, without their values: hashes of each row's ``id`` and ``*_id``.

With them a rule sees that a literal came out of an earlier answer, and how many of its rows were of use
(docs/explanation/architecture.md#row-keys).
"""

from collections.abc import Callable

import msgspec

from proxy.model import RowKeys

MOST_BYTES = 256_000
"""A larger body is not read."""
MOST_ROWS = 1000
"""Rows of which keys are kept; the first ones."""

_read = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_read_one = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def row_keys(body: bytes | bytearray, digest: Callable[[bytes], int]) -> RowKeys:
    """Of a JSON array of objects, or one object; empty for everything else. ``digest`` is that of literals."""
    if len(body) > MOST_BYTES:
        return ()
    try:
        rows = [_read_one(body)] if body[:1] == b"{" else _read(body)
    except msgspec.DecodeError:
        return ()
    rows = rows[:MOST_ROWS]
    names = [name for name in (rows[0] if rows else ()) if name == "id" or name.endswith("_id")]
    return tuple((name, tuple(_hashed(row.get(name), digest) for row in rows)) for name in names)


def _hashed(value: msgspec.Raw | None, digest: Callable[[bytes], int]) -> int:
    """As a filter would spell it: a string without its quotes, which UUIDs and codes have no escapes in."""
    text = b"null" if value is None else bytes(value)
    if text == b"null" or text[:1] in (b"{", b"["):
        return 0
    return digest(text[1:-1] if text[:1] == b'"' else text)
