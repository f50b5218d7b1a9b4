"""A count has the plural that belongs to it."""

from __future__ import annotations

import pytest

from proxy.text.counted import counted


@pytest.mark.parametrize(("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_one_has_no_plural_s(count: int, text: str) -> None:
    assert counted(count, "row") == text


def test_a_plural_that_is_not_made_with_an_s_is_given() -> None:
    assert [counted(count, "query", "queries") for count in (1, 2)] == ["1 query", "2 queries"]
