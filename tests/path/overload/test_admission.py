"""A queue that stands for a while is an overload, one that empties is not."""

from __future__ import annotations

from math import inf

from proxy.path.overload.admission import RECENT, SHORTER, WRITE_FACTOR, Admission

TARGET, INTERVAL = 0.05, 0.5


def admission() -> Admission:
    return Admission(TARGET, INTERVAL)


def standing(made: Admission, since: float = 0.0) -> Admission:
    """After calls that all waited for too long, for an interval."""
    made.observe(None, since)
    for step in range(1, 12):
        made.observe(0.2, since + step * INTERVAL / 10)
    return made


def test_waits_above_the_target_for_an_interval_are_an_overload_and_shorter_ones_are_not() -> None:
    made = admission()
    made.observe(None, 0.0)
    assert not made.observe(0.2, INTERVAL - 0.001)
    assert made.observe(0.2, INTERVAL)
    assert made.overloaded
    assert not made.observe(0.2, INTERVAL + 0.1), "it has begun"


def test_one_short_wait_in_an_interval_makes_it_a_burst() -> None:
    made = admission()
    for step in range(100):
        made.observe(0.04 if step % 4 == 0 else 3.0, step * INTERVAL / 4.1)
    assert not made.overloaded


def test_a_burst_of_any_size_after_a_pause_is_no_overload() -> None:
    made = admission()
    for burst in range(50):
        began = burst * 10.0
        made.observe(None, began)
        for step in range(9):
            made.observe(step * 0.05, began + step * 0.05)
        assert not made.overloaded


def test_it_ends_when_nobody_had_to_wait_long_for_an_interval() -> None:
    made = standing(admission())
    made.observe(None, 1.0)
    assert made.overloaded, "the queue may be empty because its calls were refused"
    made.record_refusal("read", 1.2)
    made.observe(0.01, 1.2 + INTERVAL - 0.01)
    assert made.overloaded
    made.record_refusal("retry", 1.6)
    made.observe(0.01, 1.2 + INTERVAL)
    assert not made.overloaded, "retries are refused without a wait"


def test_soon_after_an_overload_the_next_one_is_found_sooner() -> None:
    made = standing(admission())
    made.observe(None, 2.0)
    assert not made.overloaded
    assert not made.observe(0.2, 2.0 + INTERVAL / SHORTER - 0.01)
    assert made.observe(0.2, 2.0 + INTERVAL / SHORTER)
    made.observe(None, 9.0)
    made.observe(None, 9.0 + RECENT * INTERVAL)
    assert not made.observe(0.2, 9.1 + RECENT * INTERVAL + INTERVAL / SHORTER), "it is long ago"


def test_at_twice_the_capacity_it_lasts_and_nobody_who_is_served_waits_longer_than_the_target() -> None:
    """A simulation: a call arrives each 5 ms, one is served each 10 ms."""
    made, queue, waits = admission(), list[float](), list[float]()
    for step in range(12_000):
        now = step * 0.005
        queue.append(now)
        made.observe(now - queue[0], now)
        while queue and now - queue[0] >= made.most_wait("read"):
            queue.pop(0)
            made.record_refusal("read", now)
        if step % 2 and queue:
            waits.append(now - queue.pop(0))
        assert made.overloaded or now <= 2 * INTERVAL
    assert max(waits[200:]) <= TARGET
    assert len(waits) >= 0.99 * 6000, "no place stays empty"


def test_retries_are_refused_first_and_writes_last() -> None:
    assert {admission().most_wait("retry"), admission().most_wait("read"), admission().most_wait("write")} == {inf}
    made = standing(admission())
    waits = made.most_wait("retry"), made.most_wait("read"), made.most_wait("write")
    assert waits == (0.0, TARGET, WRITE_FACTOR * TARGET)
