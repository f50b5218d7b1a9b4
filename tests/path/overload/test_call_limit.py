"""The limit finds what upstream handles at once, in a simulation; below capacity it stays as it is."""

from __future__ import annotations

import heapq

import pytest

from proxy.path.overload.call_limit import EPOCH, MAX_KINDS, CallLimit

MOST = 64


def simulate(limit: CallLimit, places: int, clients: int, seconds: float, service: float = 0.02) -> list[int]:
    """``clients`` call without a pause for ``seconds``; upstream serves ``places`` at once, the others wait there.
    The limits after each second.
    """
    free = [0.0] * places
    in_flight: list[tuple[float, float]] = []  # end, begin
    now, limits, since = 0.0, [], 0.0
    while now < seconds:
        while len(in_flight) < min(limit.calls, clients):
            start = max(now, heapq.heappop(free))
            heapq.heappush(free, start + service)
            heapq.heappush(in_flight, (start + service, now))
        now, began = heapq.heappop(in_flight)
        limit.record("read", now - began, len(in_flight) + 1, now)
        if now - since >= 1.0:
            limits.append(limit.calls)
            since = now
    return limits


def warm(limit: CallLimit, places: int) -> None:
    """Upstream has answered some calls while it was not busy."""
    simulate(limit, places, max(1, places // 2), 2.0)


@pytest.mark.parametrize("places", [10, 20])
def test_at_many_times_the_capacity_it_comes_down_to_twice_what_upstream_handles(places: int) -> None:
    limit = CallLimit(4, MOST)
    warm(limit, places)
    limits = simulate(limit, places, 1000, 4 * EPOCH)
    assert all(places <= each <= 3 * places for each in limits[3:]), limits


def test_below_capacity_it_stays_at_the_most() -> None:
    limit = CallLimit(4, MOST)
    assert set(simulate(limit, 40, 30, 20.0)) == {MOST}


def test_a_slower_kind_of_calls_does_not_lower_it() -> None:
    limit = CallLimit(4, MOST)
    for step in range(2000):
        limit.record("look-up", 0.005, MOST, step * 0.01)
        limit.record("report", 0.8, MOST, step * 0.01)
    assert limit.calls == MOST


def test_it_stays_within_its_bounds() -> None:
    limit = CallLimit(10, MOST)
    for step in range(5000):
        limit.record("read", 0.01 if step < 100 else 60.0, MOST, step * 0.01)
        assert 10 <= limit.calls <= MOST
    assert limit.calls == 10
    assert CallLimit(10, 4).calls == 4


def test_it_grows_again_when_upstream_is_well() -> None:
    limit = CallLimit(4, MOST)
    warm(limit, 10)
    simulate(limit, 10, 1000, 10.0)
    assert limit.calls < MOST
    for step in range(600):
        limit.record("read", 0.02, 3, 100 + step * 0.05)
    assert limit.calls == MOST


def test_it_remembers_a_bounded_number_of_kinds() -> None:
    limit = CallLimit(4, MOST)
    for number in range(10 * MAX_KINDS):
        limit.record(f"kind {number}", 0.01, 1, number * 0.1)
    assert len(limit._kinds) == MAX_KINDS
