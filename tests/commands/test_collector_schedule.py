"""Garbage is collected when the process has nothing to do, and seldom otherwise."""

from __future__ import annotations

import asyncio
import gc

from proxy.commands.collector_schedule import (
    IDLE,
    LEAST_INTERVAL,
    LONGEST_INTERVAL,
    MUCH,
    CollectorSchedule,
    run_schedule,
)

BUSY = 2 * IDLE


def collections(seconds: int, used: float, found: int = 0) -> int:
    """How often it is collected in that time, in which each second takes ``used`` of the processor."""
    begun: list[int] = []

    def collect() -> int:
        begun.append(found)
        return found

    schedule = CollectorSchedule(collect, 0.0, 0.0)
    for second in range(1, seconds + 1):
        schedule.tick(float(second), second * used)
    return len(begun)


def test_a_process_with_nothing_to_do_collects_once_a_minute() -> None:
    assert collections(600, 0.0) == 600 / LEAST_INTERVAL


def test_a_busy_process_in_which_nothing_is_found_collects_ever_more_rarely() -> None:
    hours, doublings = 10, 6  # 1, 2, 4, … 32 minutes
    assert 0 <= collections(hours * 3600, BUSY) - (hours - 1) * 3600 / LONGEST_INTERVAL <= doublings


def test_a_busy_process_in_which_much_is_found_collects_once_a_minute() -> None:
    assert collections(600, BUSY, MUCH + 1) == 600 / LEAST_INTERVAL


async def test_new_objects_begin_no_collection() -> None:
    begun: list[int] = []
    schedule = asyncio.create_task(run_schedule())
    await asyncio.sleep(0)
    gc.callbacks.append(lambda _, info: begun.append(info["generation"]))
    try:
        kept = [[number] for number in range(200_000)]
    finally:
        gc.callbacks.pop()
        schedule.cancel()
        await asyncio.gather(schedule, return_exceptions=True)
        gc.unfreeze()
    assert len(kept) == 200_000
    assert begun == []
    assert gc.isenabled()
