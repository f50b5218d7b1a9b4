"""Which rows of a result: ``limit``, ``offset`` and the header Range put together as PostgREST does.

Source: PostgREST 12, ``RangeQuery.hs`` and ``ApiRequest.hs``.
"""

import msgspec

MAX_DIGITS = 18
"""A longer number is none that Postgres takes."""


class RowRange(msgspec.Struct, frozen=True):
    """``limit`` is None where all rows are asked for."""

    limit: int | None
    offset: int
    notes: tuple[str, ...] = ()


def row_range(limit: str | None, offset: str | None, header: str) -> RowRange:
    """The rows between; ``header`` is the value of Range, empty where it does not count."""
    doubts = [
        f"{name}={text} is no plain number: PostgREST ignores a limit like that, and with an offset returns nothing."
        for name, text in (("limit", limit), ("offset", offset))
        if text is not None and _number(text) is None
    ]
    most, begin = _number(limit), _number(offset) or 0
    if limit is not None and offset is not None and most is None:
        most = 0
    end = None if most is None else begin + most
    first, last = _parse_range_header(header)
    begin = max(begin, first)
    ends = [one for one in (end, last) if one is not None]
    if not ends:
        return RowRange(None, begin, tuple(doubts))
    if min(ends) < begin or (min(ends) == begin and most != 0):
        doubts.append("PostgREST answers 416: there is no row between limit, offset and Range.")
    return RowRange(max(0, min(ends) - begin), begin, tuple(doubts))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def _parse_range_header(value: str) -> tuple[int, int | None]:
    """``10-19`` as the first row and the one after the last; anything else is every row."""
    first, dash, last = value.partition("-")
    begin, end = _number(first), _number(last)
    if begin is None or not dash or (last and end is None):
        return 0, None
    return begin, None if end is None else end + 1
