"""Several columns of a list that a loop asks for in turn are found from its last values, and no others."""

from __future__ import annotations

import pytest

from proxy.prefetch_in_turn import columns_in_turn, interleaved

COLUMNS = {
    "id": [1, 2, 3, 4],
    "creator_id": [11, 12, 13, 14],
    "approver_id": [21, 0, 23, 24],
    "owner_id": [31, 32, 33, 34],
}
"""By name; 0 is null."""


@pytest.mark.parametrize(
    ("recent", "value", "names", "row"),
    [
        ((11, 31), 12, ("creator_id", "owner_id"), 1),
        ((31, 12), 32, ("creator_id", "owner_id"), 1),
        ((32, 13, 33), 14, ("creator_id", "owner_id"), 3),
        ((13, 23), 14, ("creator_id", "approver_id"), 3),
        ((11, 21, 31), 12, ("creator_id", "approver_id", "owner_id"), 1),
        ((23, 33, 14), 24, ("creator_id", "approver_id", "owner_id"), 3),
        ((21, 13), 23, ("creator_id", "approver_id"), 2),
        ((99, 13, 23), 14, ("creator_id", "approver_id"), 3),
    ],
    ids=[
        "two",
        "two from the second on",
        "the latest count",
        "another pair",
        "three",
        "three rotated",
        "null",
        "after",
    ],
)
def test_columns_are_found_in_the_order_in_which_they_are_asked_for(
    recent: tuple[int, ...], value: int, names: tuple[str, ...], row: int
) -> None:
    found = columns_in_turn(COLUMNS, recent, value)
    assert found is not None
    several, at, own = found
    turns = {several[shift:] + several[:shift] for shift in range(len(several))}
    assert names in turns
    assert (at, COLUMNS[own][at]) == (row, value)


@pytest.mark.parametrize(
    ("recent", "value"),
    [((), 12), ((11,), 12), ((11, 12), 13), ((11, 31), 13), ((11, 34), 12), ((11, 99), 12), ((12, 31), 11)],
    ids=["first", "second", "one column", "a row is left out", "another row", "an unknown value", "backwards"],
)
def test_values_that_do_not_stand_in_turn_are_no_columns(recent: tuple[int, ...], value: int) -> None:
    assert columns_in_turn(COLUMNS, recent, value) is None


def test_the_same_value_in_two_columns_counts_once_for_each() -> None:
    assert columns_in_turn({"a": [1, 2], "b": [1, 5]}, (1, 1), 2) == (("a", "b"), 1, "a")
    assert columns_in_turn({"a": [1, 2]}, (1, 1), 2) is None


def test_columns_are_read_row_by_row() -> None:
    assert interleaved([[1, 2], [11, 12], [21, 22]]) == [1, 11, 21, 2, 12, 22]
