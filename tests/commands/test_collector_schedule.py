"""Garbage is collected when the process has nothing to do, and seldom otherwise."""

from __future__ import annotations

import asyncio
import gc

from proxy.commands.collector_schedule import IDLE, MUCH, CollectorSchedule, run_schedule

BUSY = 2 * IDLE


def collections(*used: tuple[int, float], found: int = 0) -> list[int]:
    """The seconds at which it is collected. Each of ``used``: for how many seconds, and the processor's share."""
    begun: list[int] = []
    second, cpu = 0, 0.0

    def collect() -> int:
        begun.append(second)
        return found

    schedule = CollectorSchedule(collect, 0.0, 0.0)
    for seconds, share in used:
        for _ in range(seconds):
            second += 1
            cpu += share
            schedule.tick(float(second), cpu)
    return begun


def test_where_little_is_found_each_pause_is_twice_as_long_up_to_ten_minutes() -> None:
    assert collections((2200, 0.0)) == [60, 180, 420, 900, 1500, 2100]


def test_in_a_process_that_is_always_busy_pauses_grow_to_an_hour() -> None:
    assert collections((11_000, BUSY)) == [60, 180, 420, 900, 1860, 3780, 7380, 10_980]


def test_a_process_that_was_busy_collects_as_soon_as_it_has_nothing_to_do() -> None:
    assert collections((5000, BUSY), (10, 0.0))[-2:] == [3780, 5001]


def test_where_much_is_found_it_is_collected_once_a_minute() -> None:
    assert collections((300, BUSY), found=MUCH + 1) == [60, 120, 180, 240, 300]


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
