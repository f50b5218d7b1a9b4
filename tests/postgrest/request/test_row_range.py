"""limit, offset and Range are combined as in PostgREST."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.row_range import row_range


@pytest.mark.parametrize(
    ("limit", "offset", "header", "rows"),
    [
        (None, None, "", (None, 0)),
        ("5", None, "", (5, 0)),
        (None, "3", "", (None, 3)),
        ("5", "3", "", (5, 3)),
        ("0", None, "", (0, 0)),
        (None, None, "0-9", (10, 0)),
        (None, None, "10-19", (10, 10)),
        (None, None, "10-", (None, 10)),
        (None, None, "items=1-2", (None, 0)),
        ("10", None, "2-3", (2, 2)),
        ("2", "5", "0-99", (2, 5)),
        ("5", None, "3-99", (2, 3)),
    ],
)
def test_limit_offset_and_range_are_combined(
    limit: str | None, offset: str | None, header: str, rows: tuple[int | None, int]
) -> None:
    combined = row_range(limit, offset, header)
    assert (combined.limit, combined.offset) == rows
    assert not combined.notes


@pytest.mark.parametrize("limit", ["abc", "-1", "1.5", "", "9" * 19, "١"])
def test_a_limit_that_is_not_a_number_is_noted(limit: str) -> None:
    assert "is not a plain number" in row_range(limit, None, "").notes[0]
    assert row_range(limit, None, "").limit is None
    assert row_range(limit, "0", "").limit == 0


@pytest.mark.parametrize(("limit", "header"), [("5", "9-12"), (None, "3-1")])
def test_an_empty_range_is_noted(limit: str | None, header: str) -> None:
    assert "416" in row_range(limit, None, header).notes[0]
