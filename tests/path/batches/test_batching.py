"""BatchScheduler and SchedulerRegistry. Time is an argument, so no test waits."""

from __future__ import annotations

import gc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.path.batches.batching import (
    MAX_FURTHER_KEYS,
    MAX_KEY_CHARS,
    RECENT_LINGERS,
    RECENT_TIMES,
    SIZE_DECAY,
    BatchScheduler,
    BatchSettings,
    SchedulerRegistry,
)
from tests.factories import member

SETTINGS = BatchSettings(
    max_wait=0.01,
    linger=0.001,
    max_window=5,
    deadline_floor=0.25,
    deadline_factor=10.0,
    pause_first=1.0,
    pause_max=10.0,
)


def new_scheduler() -> BatchScheduler:
    return BatchScheduler(SETTINGS)


def burst(scheduler: BatchScheduler, size: int) -> float | None:
    """``size`` requests join one window, which is flushed; the wait that the first one got."""
    waits = [scheduler.enqueue(member("/t?id=eq.1")) for _ in range(size)]
    assert len(scheduler.flush()) == size
    return waits[0]


def run_call(scheduler: BatchScheduler, seconds: float | None) -> bool:
    scheduler.acquire()
    return scheduler.release(seconds)


def test_a_lone_request_is_sent_at_once() -> None:
    assert new_scheduler().enqueue(member("/t?id=eq.1")) == 0.0


def test_a_second_request_does_not_change_when_the_window_closes() -> None:
    scheduler = new_scheduler()
    first, second = member("/t?id=eq.1"), member("/t?id=eq.2")
    scheduler.enqueue(first)
    assert scheduler.enqueue(second) is None
    assert scheduler.flush() == [first, second]


def test_requests_gather_while_a_call_is_in_flight() -> None:
    scheduler = new_scheduler()
    burst(scheduler, 1)
    scheduler.acquire()
    assert scheduler.enqueue(member("/t?id=eq.2")) == SETTINGS.max_wait
    assert scheduler.enqueue(member("/t?id=eq.3")) is None
    assert scheduler.release(0.004), "the window is flushed when the call returns"
    assert len(scheduler.flush()) == 2


def test_a_call_that_returns_to_an_empty_window_flushes_nothing() -> None:
    assert not run_call(new_scheduler(), 0.004)


@given(st.lists(st.floats(0.0001, 1.0), min_size=1, max_size=100))
def test_no_hold_is_longer_than_half_the_median_upstream_time(times: list[float]) -> None:
    scheduler = new_scheduler()
    for seconds in times:
        run_call(scheduler, seconds)
    burst(scheduler, 4)
    scheduler.acquire()
    wait = scheduler.enqueue(member("/t?id=eq.1"))
    median = sorted(times[-64:])[len(times[-64:]) // 2]
    assert wait == min(SETTINGS.max_wait, 0.5 * median)


def test_a_window_lingers_after_a_fan_out() -> None:
    scheduler = new_scheduler()
    burst(scheduler, 4)
    assert scheduler.enqueue(member("/t?id=eq.1")) == SETTINGS.linger


def test_a_linger_is_no_longer_than_the_longest_wait() -> None:
    scheduler = new_scheduler()
    run_call(scheduler, 0.0004)
    burst(scheduler, 4)
    assert scheduler.enqueue(member("/t?id=eq.1")) == pytest.approx(0.0002)


def test_lingering_ends_when_most_lingers_gather_no_second_request() -> None:
    scheduler = new_scheduler()
    lingered = 0
    for _ in range(100):
        burst(scheduler, 4)
        burst(scheduler, 4)  # a fan-out, so that the next window lingers
        lingered += burst(scheduler, 1) != 0.0
    lone_waits = [burst(scheduler, 1) for _ in range(3 * RECENT_LINGERS)]
    assert lingered > 0
    assert lone_waits[-1] == 0.0


def test_lingering_goes_on_while_half_of_the_lingers_gather_a_second_request() -> None:
    scheduler = new_scheduler()
    burst(scheduler, 5)
    waits = [burst(scheduler, 5 if n % 2 else 4) for n in range(50)]
    assert set(waits) == {SETTINGS.linger}


def test_a_window_with_max_window_requests_is_full() -> None:
    scheduler = new_scheduler()
    for n in range(SETTINGS.max_window):
        assert not scheduler.full
        scheduler.enqueue(member(f"/t?id=eq.{n}"))
    assert scheduler.full
    scheduler.flush()
    assert not scheduler.full


def test_a_disconnected_request_is_not_in_the_batch_and_the_last_one_leaves_the_window_empty() -> None:
    scheduler = new_scheduler()
    first, second = member("/t?id=eq.1"), member("/t?id=eq.2")
    scheduler.enqueue(first)
    scheduler.enqueue(second)
    assert not scheduler.cancel(first)
    assert scheduler.cancel(second)
    assert scheduler.flush() == []
    assert scheduler.idle


def test_a_disconnect_after_the_flush_changes_nothing() -> None:
    scheduler = new_scheduler()
    first = member("/t?id=eq.1")
    scheduler.enqueue(first)
    scheduler.flush()
    assert scheduler.cancel(first)


def test_a_request_that_arrives_after_the_flush_is_in_the_next_window() -> None:
    scheduler = new_scheduler()
    burst(scheduler, 2)
    late = member("/t?id=eq.3")
    scheduler.enqueue(late)
    assert scheduler.flush() == [late]


def test_a_scheduler_is_idle_without_waiting_requests_and_calls_in_flight() -> None:
    scheduler = new_scheduler()
    idle = [scheduler.idle]
    scheduler.enqueue(member("/t?id=eq.1"))
    idle.append(scheduler.idle)
    scheduler.flush()
    scheduler.acquire()
    idle.append(scheduler.idle)
    scheduler.release(None)
    idle.append(scheduler.idle)
    assert idle == [True, False, False, True]


def test_the_deadline_is_ten_times_the_95th_percentile_and_at_least_the_floor() -> None:
    scheduler = new_scheduler()
    assert scheduler.deadline() == SETTINGS.deadline_floor
    for n in range(1, 21):
        run_call(scheduler, n / 100)
    assert scheduler.deadline() == pytest.approx(2.0)


def test_a_failed_call_does_not_count_for_the_deadline() -> None:
    scheduler = new_scheduler()
    run_call(scheduler, None)
    assert scheduler.deadline() == SETTINGS.deadline_floor


def test_each_failure_doubles_the_pause_up_to_a_maximum() -> None:
    scheduler = new_scheduler()
    now, lengths = 0.0, []
    for _ in range(6):
        scheduler.record_failure(now)
        length = next(s for s in (1.0, 2.0, 4.0, 8.0, 10.0) if not scheduler.paused(now + s))
        lengths.append(length)
        now += length
    assert lengths == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_failures_during_a_pause_belong_to_the_failure_that_started_it() -> None:
    scheduler = new_scheduler()
    assert [scheduler.record_failure(5.0) for _ in range(3)] == [True, False, False]
    assert scheduler.paused(5.9)
    assert not scheduler.paused(6.0)


def test_after_a_used_merged_answer_the_next_pause_is_as_short_as_the_first() -> None:
    scheduler = new_scheduler()
    scheduler.record_failure(0.0)
    scheduler.record_failure(1.0)
    scheduler.record_merge(keys=2, rows=2, size=100)
    scheduler.record_failure(100.0)
    assert not scheduler.paused(101.0)


def test_large_answers_stop_merging_for_a_limited_number_of_requests() -> None:
    scheduler = new_scheduler()
    scheduler.record_merge(keys=1, rows=1, size=1000)
    assert not scheduler.too_large(300)
    rejected = 0
    while scheduler.too_large(200):
        rejected += 1
    assert rejected == next(n for n in range(99) if 300 * SIZE_DECAY**n <= 200)


def test_there_is_one_scheduler_per_fingerprint_and_identity() -> None:
    registry = SchedulerRegistry(10, new_scheduler)
    scheduler = registry.get("a", b"x")
    assert registry.get("a", b"x") is scheduler
    assert registry.get("a", b"y") is not scheduler
    assert registry.get("b", b"x") is not scheduler
    assert len(registry) == 3


def test_the_registry_counts_paused_schedulers() -> None:
    registry = SchedulerRegistry(10, new_scheduler)
    for name in ("a", "b", "c"):
        scheduler = registry.get(name, b"x")
        assert scheduler is not None
        if name != "c":
            scheduler.record_failure(0.0)
    assert (registry.paused(0.5), registry.paused(1.0)) == (2, 0)


def test_a_full_registry_replaces_the_least_recently_used_idle_scheduler() -> None:
    registry = SchedulerRegistry(2, new_scheduler)
    a, b = registry.get("a", b""), registry.get("b", b"")
    assert registry.get("a", b"") is a
    assert registry.get("c", b"") is not None
    assert registry.get("a", b"") is a
    assert registry.get("b", b"") is not b
    assert len(registry) == 2


def test_a_busy_scheduler_is_never_replaced() -> None:
    registry = SchedulerRegistry(2, new_scheduler)
    for name in ("a", "b"):
        busy = registry.get(name, b"")
        assert busy is not None
        busy.acquire()
    assert registry.get("c", b"") is None
    first = registry.get("a", b"")
    assert first is not None
    assert first.in_flight == 1


def test_rows_per_key_rise_at_once_and_fall_slowly() -> None:
    scheduler = new_scheduler()
    assert scheduler.rows_per_key == 1.0
    scheduler.record_merge(keys=2, rows=20, size=100)
    assert scheduler.rows_per_key == 10.0
    scheduler.record_merge(keys=2, rows=2, size=100)
    assert scheduler.rows_per_key == 9.0


def test_all_keys_are_expected_until_one_had_no_row_and_again_after_some_answers_in_which_all_had() -> None:
    scheduler, expected = new_scheduler(), [new_scheduler().expects_all_keys]
    for empty in (1, 0, 0, 0, 0):
        scheduler.record_merge(keys=2, rows=2, size=100, empty=empty)
        expected.append(scheduler.expects_all_keys)
    assert expected == [True, False, False, False, False, True]


def test_find_returns_only_schedulers_that_get_created() -> None:
    registry = SchedulerRegistry(9, new_scheduler)
    assert registry.find("a", b"x") is None
    scheduler = registry.get("a", b"x")
    assert registry.find("a", b"x") is scheduler
    assert registry.find("a", b"y") is None
    assert registry.find(7, b"x") is None


def test_after_a_success_the_next_pause_is_as_short_as_the_first() -> None:
    scheduler = new_scheduler()
    scheduler.record_failure(0.0)
    scheduler.record_failure(1.0)
    assert scheduler.paused(2.9)
    scheduler.record_success()
    scheduler.record_failure(3.0)
    assert scheduler.paused(3.9)
    assert not scheduler.paused(4.0)


def test_the_registry_is_bounded_in_characters_of_its_fingerprints() -> None:
    registry = SchedulerRegistry(10_000, new_scheduler)
    for number in range(MAX_KEY_CHARS // 8000 + 50):
        assert registry.get(f"{number:08000}", b"") is not None
    assert len(registry) == MAX_KEY_CHARS // 8000
    busy = registry.find(f"{MAX_KEY_CHARS // 8000 + 49:08000}", b"")
    assert busy is not None


def test_a_window_of_requests_with_many_keys_is_full_before_planning_them_takes_long() -> None:
    scheduler = BatchScheduler(msgspec.structs.replace(SETTINGS, max_window=10_000))
    filters = "&".join(f"c{n}=eq.1" for n in range(16))
    requests = [member(f"/t?{filters}&n=eq.{n}") for n in range(MAX_FURTHER_KEYS // 15 + 1)]
    for request in requests:
        assert not scheduler.full
        scheduler.enqueue(request)
    assert scheduler.full
    for _ in range(2):
        scheduler.cancel(requests[0])
    batch = scheduler.flush()
    assert batch == requests[1:]
    for request in batch[1:]:
        assert scheduler.enqueue(request) is None or request is batch[1]
    assert len(scheduler.flush()) == len(batch) - 1


def test_the_garbage_collector_visits_no_part_of_a_scheduler() -> None:
    scheduler = new_scheduler()
    for _ in range(100):
        burst(scheduler, 2)
        scheduler.acquire()
        scheduler.release(0.1)
    gc.collect()
    assert not any(map(gc.is_tracked, (scheduler, *gc.get_referents(scheduler))))
    assert len(scheduler._times) == RECENT_TIMES
