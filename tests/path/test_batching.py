"""When a batch leaves. Time is an argument, so nothing here waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.path.batching import RECENT_LINGERS, SIZE_DECAY, BatchScheduler, BatchSettings, SchedulerRegistry
from tests.factories import member

PACE = BatchSettings(
    max_wait=0.01,
    linger=0.001,
    max_window=5,
    deadline_floor=0.25,
    deadline_factor=10.0,
    pause_first=1.0,
    pause_max=10.0,
)


def gate() -> BatchScheduler:
    return BatchScheduler(PACE)


def burst(gate: BatchScheduler, size: int) -> float | None:
    """``size`` members come and leave together; what the first was told."""
    waits = [gate.enqueue(member("/t?id=eq.1")) for _ in range(size)]
    assert len(gate.flush()) == size
    return waits[0]


def answered(gate: BatchScheduler, seconds: float | None) -> bool:
    gate.acquire()
    return gate.release(seconds)


def test_a_single_request_is_sent_at_once() -> None:
    assert gate().enqueue(member("/t?id=eq.1")) == 0.0


def test_the_first_request_sets_the_timer_of_the_window() -> None:
    one = gate()
    first, second = member("/t?id=eq.1"), member("/t?id=eq.2")
    one.enqueue(first)
    assert one.enqueue(second) is None
    assert one.flush() == [first, second]


def test_requests_wait_while_a_call_of_their_key_is_in_flight() -> None:
    one = gate()
    burst(one, 1)
    one.acquire()
    assert one.enqueue(member("/t?id=eq.2")) == PACE.max_wait
    assert one.enqueue(member("/t?id=eq.3")) is None
    assert one.release(0.004), "those who gathered leave when the call returns"
    assert len(one.flush()) == 2


def test_a_returning_call_closes_no_window_if_nobody_waits() -> None:
    assert not answered(gate(), 0.004)


@given(st.lists(st.floats(0.0001, 1.0), min_size=1, max_size=100))
def test_no_request_waits_longer_than_half_the_median_upstream_time(times: list[float]) -> None:
    one = gate()
    for seconds in times:
        answered(one, seconds)
    burst(one, 4)
    one.acquire()
    wait = one.enqueue(member("/t?id=eq.1"))
    median = sorted(times[-64:])[len(times[-64:]) // 2]
    assert wait == min(PACE.max_wait, 0.5 * median)


def test_a_key_with_recent_fan_outs_lingers() -> None:
    one = gate()
    burst(one, 4)
    assert one.enqueue(member("/t?id=eq.1")) == PACE.linger


def test_a_linger_is_not_longer_than_the_longest_wait() -> None:
    one = gate()
    answered(one, 0.0004)
    burst(one, 4)
    assert one.enqueue(member("/t?id=eq.1")) == pytest.approx(0.0002)


def test_lingering_stops_when_less_than_half_of_the_lingers_batch() -> None:
    one = gate()
    lingered = 0
    for _ in range(100):
        burst(one, 4)
        burst(one, 4)  # fans out, and so would linger
        lingered += burst(one, 1) != 0.0
    one_more = [burst(one, 1) for _ in range(3 * RECENT_LINGERS)]
    assert lingered > 0
    assert one_more[-1] == 0.0


def test_lingering_continues_while_half_of_the_lingers_batch() -> None:
    one = gate()
    burst(one, 5)
    waits = [burst(one, 5 if n % 2 else 4) for n in range(50)]
    assert set(waits) == {PACE.linger}


def test_a_window_with_max_window_requests_is_full() -> None:
    one = gate()
    for n in range(PACE.max_window):
        assert not one.full
        one.enqueue(member(f"/t?id=eq.{n}"))
    assert one.full
    one.flush()
    assert not one.full


def test_a_cancelled_request_is_not_in_the_batch_and_the_last_one_empties_the_window() -> None:
    one = gate()
    first, second = member("/t?id=eq.1"), member("/t?id=eq.2")
    one.enqueue(first)
    one.enqueue(second)
    assert not one.cancel(first)
    assert one.cancel(second)
    assert one.flush() == []
    assert one.idle


def test_cancelling_after_the_flush_changes_nothing() -> None:
    one = gate()
    first = member("/t?id=eq.1")
    one.enqueue(first)
    one.flush()
    assert one.cancel(first)


def test_a_request_after_the_flush_is_in_the_next_window() -> None:
    one = gate()
    burst(one, 2)
    late = member("/t?id=eq.3")
    one.enqueue(late)
    assert one.flush() == [late]


def test_a_scheduler_is_idle_without_waiting_requests_and_calls_in_flight() -> None:
    one = gate()
    seen = [one.idle]
    one.enqueue(member("/t?id=eq.1"))
    seen.append(one.idle)
    one.flush()
    one.acquire()
    seen.append(one.idle)
    one.release(None)
    seen.append(one.idle)
    assert seen == [True, False, False, True]


def test_the_deadline_is_ten_times_the_95th_percentile_and_at_least_the_floor() -> None:
    one = gate()
    assert one.deadline() == PACE.deadline_floor
    for n in range(1, 21):
        answered(one, n / 100)
    assert one.deadline() == pytest.approx(2.0)


def test_a_failed_call_does_not_count_for_upstream_times() -> None:
    one = gate()
    answered(one, None)
    assert one.deadline() == PACE.deadline_floor


def test_pauses_double_with_each_failure_up_to_a_maximum() -> None:
    one = gate()
    now, lengths = 0.0, []
    for _ in range(6):
        one.record_failure(now)
        length = next(s for s in (1.0, 2.0, 4.0, 8.0, 10.0) if not one.paused(now + s))
        lengths.append(length)
        now += length
    assert lengths == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_failures_during_a_pause_do_not_extend_it() -> None:
    one = gate()
    assert [one.record_failure(5.0) for _ in range(3)] == [True, False, False]
    assert one.paused(5.9)
    assert not one.paused(6.0)


def test_a_successful_merge_resets_the_pause() -> None:
    one = gate()
    one.record_failure(0.0)
    one.record_failure(1.0)
    one.record_merge(keys=2, rows=2, size=100)
    one.record_failure(100.0)
    assert not one.paused(101.0)


def test_large_answers_stop_merging_for_a_limited_number_of_requests() -> None:
    one = gate()
    one.record_merge(keys=1, rows=1, size=1000)
    assert not one.too_large(300)
    refused = 0
    while one.too_large(200):
        refused += 1
    assert refused == next(n for n in range(99) if 300 * SIZE_DECAY**n <= 200)


def test_there_is_one_scheduler_per_fingerprint_and_identity() -> None:
    gates = SchedulerRegistry(10, gate)
    one = gates.get("a", b"x")
    assert gates.get("a", b"x") is one
    assert gates.get("a", b"y") is not one
    assert gates.get("b", b"x") is not one
    assert len(gates) == 3


def test_the_registry_counts_paused_schedulers() -> None:
    gates = SchedulerRegistry(10, gate)
    for name in ("a", "b", "c"):
        one = gates.get(name, b"x")
        assert one is not None
        if name != "c":
            one.record_failure(0.0)
    assert (gates.paused(0.5), gates.paused(1.0)) == (2, 0)


def test_the_least_recently_used_idle_scheduler_is_evicted() -> None:
    gates = SchedulerRegistry(2, gate)
    a, b = gates.get("a", b""), gates.get("b", b"")
    assert gates.get("a", b"") is a
    assert gates.get("c", b"") is not None
    assert gates.get("a", b"") is a
    assert gates.get("b", b"") is not b
    assert len(gates) == 2


def test_a_busy_scheduler_is_never_evicted() -> None:
    gates = SchedulerRegistry(2, gate)
    for name in ("a", "b"):
        busy = gates.get(name, b"")
        assert busy is not None
        busy.acquire()
    assert gates.get("c", b"") is None
    kept = gates.get("a", b"")
    assert kept is not None
    assert kept.in_flight == 1


def test_rows_per_key_follow_recent_answers_and_decay() -> None:
    one = gate()
    assert one.rows_per_key == 1.0
    one.record_merge(keys=2, rows=20, size=100)
    assert one.rows_per_key == 10.0
    one.record_merge(keys=2, rows=2, size=100)
    assert one.rows_per_key == 9.0


def test_find_returns_only_a_scheduler_that_get_created() -> None:
    gates = SchedulerRegistry(9, gate)
    assert gates.find("a", b"x") is None
    one = gates.get("a", b"x")
    assert gates.find("a", b"x") is one
    assert gates.find("a", b"y") is None
    assert gates.find(7, b"x") is None


def test_after_a_success_the_next_pause_is_as_short_as_the_first() -> None:
    one = gate()
    one.record_failure(0.0)
    one.record_failure(1.0)
    assert one.paused(2.9)
    one.record_success()
    one.record_failure(3.0)
    assert one.paused(3.9)
    assert not one.paused(4.0)
