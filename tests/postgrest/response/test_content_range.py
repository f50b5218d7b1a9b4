"""Content-Range of PostgREST's answers."""

from __future__ import annotations

import pytest

from proxy.postgrest.response.content_range import rows_and_total


@pytest.mark.parametrize(
    ("value", "rows", "total"),
    [
        (b"0-9/*", 10, None),
        (b"0-0/1", 1, 1),
        (b"5-9/20", 5, 20),
        (b"*/*", 0, None),
        (b"*/0", 0, 0),
        (b"*/4", 0, 4),
    ],
)
def test_rows_and_total_are_parsed(value: bytes, rows: int, total: int | None) -> None:
    assert rows_and_total(value) == (rows, total)


@pytest.mark.parametrize(
    "value", [None, b"", b"x", b"0-/*", b"-1/*", b"9-0/*", b"a-b/*", b"0-" + b"9" * 5000 + b"/*", b"bytes 0-1/*"]
)
def test_a_malformed_range_has_an_unknown_number_of_rows(value: bytes | None) -> None:
    assert rows_and_total(value) == (-1, None)


def test_a_total_that_is_not_a_number_is_none() -> None:
    assert rows_and_total(b"0-1/" + b"9" * 5000) == (2, None)
