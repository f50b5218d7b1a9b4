"""A log takes lines at a rate, and counts what it leaves out."""

from __future__ import annotations

from proxy.observe.rate_limit import RateLimit


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_of_one_period_is_let_through_and_the_rest_is_left_out() -> None:
    limit = RateLimit(lambda: 3.0, 1.0, Clock())
    assert [limit.acquire() for _ in range(5)] == [0, 0, 0, None, None]
    assert limit.left_out == 2


def test_the_next_line_is_told_how_many_were_left_out_before_it() -> None:
    clock = Clock()
    limit = RateLimit(lambda: 1.0, 1.0, clock)
    assert [limit.acquire() for _ in range(3)] == [0, None, None]
    clock.now = 1.0
    assert limit.acquire() == 2
    assert limit.left_out == 2


def test_no_more_than_one_period_is_saved_up() -> None:
    clock = Clock()
    limit = RateLimit(lambda: 2.0, 60.0, clock)
    limit.acquire()
    clock.now = 3600.0
    assert [limit.acquire() for _ in range(3)] == [0, 0, None]


def test_a_rate_of_zero_lets_nothing_through() -> None:
    clock = Clock()
    limit = RateLimit(lambda: 0.0, 1.0, clock)
    assert limit.acquire() is None
    clock.now = 100.0
    assert limit.acquire() is None


def test_a_rate_that_changes_holds_from_the_next_line_on() -> None:
    clock, rates = Clock(), [1.0]
    limit = RateLimit(lambda: rates[-1], 1.0, clock)
    assert [limit.acquire(), limit.acquire()] == [0, None]
    rates.append(2.0)
    clock.now = 1.0
    assert [limit.acquire() for _ in range(3)] == [1, 0, None]


def test_what_was_left_out_is_told_once() -> None:
    limit = RateLimit(lambda: 1.0, 1.0, Clock())
    limit.acquire()
    limit.acquire()
    assert (limit.take_unreported(), limit.take_unreported()) == (1, 0)
