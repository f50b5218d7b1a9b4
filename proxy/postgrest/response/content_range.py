"""Parses Content-Range with rows as unit (RFC 9110 §14.4): ``first-last/total``; ``*`` for no rows or no total."""

from functools import lru_cache

MAX_CACHED_BYTES = 64
"""The most bytes of a value in the cache: three numbers of 18 digits fit."""


def rows_and_total(value: bytes | None) -> tuple[int, int | None]:
    """Rows of the answer (-1 if the header is absent or malformed), and the total (None if it was not counted)."""
    if value is None:
        return -1, None
    return _cached(value) if len(value) <= MAX_CACHED_BYTES else _parse(value)


def _parse(value: bytes) -> tuple[int, int | None]:
    span, _, total_text = value.partition(b"/")
    total = int(total_text) if _is_count(total_text) else None
    if span == b"*":
        return 0, total
    first, _, last = span.partition(b"-")
    if not (_is_count(first) and _is_count(last)) or int(last) < int(first):
        return -1, total
    return int(last) - int(first) + 1, total


_cached = lru_cache(maxsize=1024)(_parse)
"""Most answers have one row, or as many as another one."""


def _is_count(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 18
