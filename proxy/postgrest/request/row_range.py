"""Combines ``limit``, ``offset`` and the header Range into one range of rows, as PostgREST does.

Source: PostgREST 12, ``RangeQuery.hs`` and ``ApiRequest.hs``.
"""

import msgspec

from proxy.postgrest.request.media import MAX_ROWS_DIGITS
from proxy.postgrest.request.target import Param, decoded

MAX_DIGITS = 18
"""Postgres does not accept a longer number."""


class RowRange(msgspec.Struct, frozen=True):
    """``limit`` is None if the request asks for all rows; ``notes`` say what PostgREST ignores or rejects."""

    limit: int | None
    offset: int
    notes: tuple[str, ...] = ()


def row_range(limit: str | None, offset: str | None, header: str) -> RowRange:
    """Combine the three; ``header`` is the value of Range, empty if PostgREST ignores it for this request."""
    notes = [
        f"{name}={text} is not a plain number: PostgREST ignores such a limit, and with an offset returns no rows."
        for name, text in (("limit", limit), ("offset", offset))
        if text is not None and _number(text) is None
    ]
    most, begin = _number(limit), _number(offset) or 0
    if limit is not None and offset is not None and most is None:
        most = 0
    end = None if most is None else begin + most
    first, last = _parse_range_header(header)
    begin = max(begin, first)
    end = lowest(end, last)
    if end is None:
        return RowRange(None, begin, tuple(notes))
    if end < begin or (end == begin and most != 0):
        notes.append("PostgREST answers 416: limit, offset and Range together select no row.")
    return RowRange(max(0, end - begin), begin, tuple(notes))


def lowest(*limits: int | None) -> int | None:
    """The lowest of ``limits`` that are set; None if none is."""
    return min((limit for limit in limits if limit is not None), default=None)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def _parse_range_header(value: str) -> tuple[int, int | None]:
    """The first row and the row after the last: ``10-19`` gives 10 and 20; another text gives 0 and None, all rows."""
    first, dash, last = value.partition("-")
    begin, end = _number(first), _number(last)
    if begin is None or not dash or (last and end is None):
        return 0, None
    return begin, None if end is None else end + 1


def plain_limit_param(params: tuple[Param, ...]) -> int | None:
    """Index of the parameter ``limit=L`` if there is one and L is a plain number from 1 to 999,999,999."""
    indexes = [at for at, param in enumerate(params) if len(param.name) <= 15 and decoded(param.name) == b"limit"]
    if len(indexes) != 1:
        return None
    param = params[indexes[0]]
    number = param.value.isdigit() and param.value[:1] != b"0" and len(param.value) <= MAX_ROWS_DIGITS
    return indexes[0] if param.name == b"limit" and number else None


def plain_offset(params: tuple[Param, ...], names: list[bytes]) -> int | None:
    """The value of ``offset``, 0 if there is none; None if it is given twice or is not a plain number."""
    if b"offset" not in names:
        return 0
    value = decoded(params[names.index(b"offset")].value) if names.count(b"offset") == 1 else b""
    return int(value) if value.isdigit() and len(value) <= MAX_ROWS_DIGITS else None
