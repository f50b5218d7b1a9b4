"""A loop that ends at once has fetched little in vain, and one that goes on fetches the rest in few calls."""

from __future__ import annotations

import pytest

from proxy.prefetch_size import FIRST_KEYS, keys_ahead


def test_the_first_fetch_is_small() -> None:
    assert keys_ahead(0, 0, 200) == FIRST_KEYS == 8
    assert keys_ahead(0, 0, 3) == 3


def test_a_loop_over_fifty_needs_two_fetches() -> None:
    assert FIRST_KEYS + keys_ahead(FIRST_KEYS, FIRST_KEYS, 200) + 3 >= 50


def test_no_fetch_reads_more_than_the_most() -> None:
    assert keys_ahead(100, 100, 200) == 200


@pytest.mark.parametrize(("used", "size"), [(8, 40), (4, 20), (3, 0), (0, 0)])
def test_the_next_fetch_grows_with_what_was_used_of_the_last_one(used: int, size: int) -> None:
    assert keys_ahead(8, used, 200) == size


@pytest.mark.parametrize(("used", "size"), [(30, 60), (3, 6), (1, 2), (0, 0)])
def test_after_a_write_the_next_fetch_is_as_large_as_the_distance_to_it_suggests(used: int, size: int) -> None:
    assert keys_ahead(40, used, 200, was_dropped=True) == size
    assert keys_ahead(40, used, 1, was_dropped=True) == min(size, 1)
