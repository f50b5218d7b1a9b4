"""Prefetching of a loop that asks for several columns of each row in turn, as ``creator_id`` and then ``approver_id``.

The request path and the rule that says what it would save find the columns in the same way.

Source: docs/explanation/prefetching.md#what-is-fetched-ahead.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

IN_TURN = "\n"
"""Between the names of such columns: no name in JSON has it, because it is escaped there."""
MAX_IN_TURN = 3
"""Columns that a loop may ask for in turn."""
MAX_ROWS = 50
"""Rows with the value that are looked at in one column."""
T = TypeVar("T")


def columns_in_turn(
    columns: Mapping[str, Sequence[T]], recent: Sequence[T], value: T
) -> tuple[tuple[str, ...], int, str] | None:
    """The columns in the order in which the loop asks for them, the row of ``value``, and its column.

    ``columns`` are those of one answer, with the falsy value for null. ``recent`` are the values that were asked for
    before ``value``, the latest last. In a column the value must be the next one after that asked for a turn ago, and
    the ones asked for in between must stand in other columns of these two rows.
    """
    for turn in range(2, min(MAX_IN_TURN, len(recent)) + 1):
        before, between = recent[-turn], recent[len(recent) - turn + 1 :]
        for name, values in columns.items():
            for row in _rows_of(values, value):
                previous = next((at for at in range(row - 1, -1, -1) if values[at]), None)
                if previous is None or values[previous] != before:
                    continue
                names = _with_between(columns, name, between, previous, row)
                if names is not None:
                    return names, row, name
    return None


def interleaved(columns: Sequence[Sequence[T]]) -> list[T]:
    """The values of columns of the same rows, row by row."""
    return [value for row in zip(*columns, strict=False) for value in row]


def _with_between(
    columns: Mapping[str, Sequence[T]], name: str, between: Sequence[T], previous: int, row: int
) -> tuple[str, ...] | None:
    """The names, of which those after ``name`` have the first of ``between`` in the row ``previous``, and those before
    it have the others in ``row``.
    """
    for split in range(len(between), -1, -1):
        others: list[str] = []
        for number, value in enumerate(between):
            at = previous if number < split else row
            found = [one for one, values in columns.items() if at < len(values) and values[at] == value]
            free = [one for one in found if one != name and one not in others]
            others += free[:1]
        if len(others) == len(between):
            return (*others[split:], name, *others[:split])
    return None


def _rows_of(values: Sequence[T], value: T) -> Iterator[int]:
    at = -1
    for _ in range(MAX_ROWS):
        try:
            at = values.index(value, at + 1)
        except ValueError:
            return
        yield at
