"""BatchScheduler: half of the requests that go round leave while the other half is in flight."""

from __future__ import annotations

import msgspec
import pytest

from proxy.path.batches.batching import LEAST_HALF, STEADY_BATCHES, STEADY_GAP, BatchScheduler
from tests.factories import member
from tests.path.batches.test_batching import SETTINGS, burst

WIDE = msgspec.structs.replace(SETTINGS, max_window=1000)


def joined_until_full(scheduler: BatchScheduler, most: int) -> int | None:
    """After how many requests the window is full, None if it is not after ``most``."""
    for count in range(1, most + 1):
        scheduler.enqueue(member("/t?id=eq.1"))
        if scheduler.full:
            return count
    return None


def after_a_batch_of(size: int, batches: int = STEADY_BATCHES + 1) -> BatchScheduler:
    """A scheduler whose last batches had so many requests, all answered."""
    scheduler = BatchScheduler(WIDE)
    for _ in range(batches):
        burst(scheduler, size)
    scheduler.acquire(size)
    scheduler.release(0.002, size)
    return scheduler


@pytest.mark.parametrize("in_flight", [0, 1])
def test_half_of_the_requests_that_go_round_leave_at_once(in_flight: int) -> None:
    scheduler = after_a_batch_of(48)
    for _ in range(in_flight):
        scheduler.acquire(24)
    assert joined_until_full(scheduler, 48) == 24


def test_the_first_batch_and_small_ones_are_not_halved() -> None:
    assert joined_until_full(BatchScheduler(WIDE), 100) is None
    assert joined_until_full(after_a_batch_of(2 * LEAST_HALF - 1), 100) is None
    assert joined_until_full(after_a_batch_of(2 * LEAST_HALF), 100) == LEAST_HALF


def test_with_two_calls_in_flight_half_of_the_requests_wait_as_before() -> None:
    scheduler = after_a_batch_of(48)
    scheduler.acquire(16)
    scheduler.acquire(16)
    assert joined_until_full(scheduler, 48) is None
    scheduler.release(0.002, 16)
    assert scheduler.full


def test_requests_in_flight_go_round_too_and_are_forgotten_when_fewer_come() -> None:
    scheduler = after_a_batch_of(40)
    scheduler.acquire(40)
    burst(scheduler, 40)
    scheduler.release(0.002, 40)
    assert joined_until_full(scheduler, 80) == 40
    scheduler.flush()
    for _ in range(100):
        burst(scheduler, 1)
    assert joined_until_full(scheduler, 80) is None


def test_a_load_is_steady_after_some_batches_and_no_more_after_a_gap() -> None:
    assert joined_until_full(after_a_batch_of(48, STEADY_BATCHES), 48) is None
    scheduler = after_a_batch_of(48)
    late = msgspec.structs.replace(member("/t?id=eq.1"), arrived=member("/t?id=eq.1").arrived + 2 * STEADY_GAP)
    scheduler.enqueue(late)
    scheduler.flush()
    assert joined_until_full(scheduler, 100) is None
