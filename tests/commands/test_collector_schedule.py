"""Full collections scan what is new; whole ones wait until the process has nothing to do."""

from __future__ import annotations

import asyncio
import gc

import pytest

from proxy.commands.collector_schedule import (
    IDLE,
    LONGEST_INTERVAL,
    MUCH,
    WHOLE_INTERVAL,
    CollectorSchedule,
    run_schedule,
)

BUSY = 2 * IDLE


class FakeCollector:
    """Counts the whole collections, each of which finds ``found`` objects."""

    def __init__(self, found: int = 0) -> None:
        self.found = found
        self.whole = 0
        self.schedule = CollectorSchedule(self, 0.0, 0.0)
        self._moved = False

    def collect(self) -> int:
        whole, self._moved = not self._moved, False
        self.whole += whole
        self.schedule.on_collection("stop", {"generation": 2})
        return self.found if whole else 0

    def freeze(self) -> None:
        self._moved = True

    def unfreeze(self) -> None:
        self._moved = False

    def run(self, seconds: int, used: float) -> int:
        """The number of whole collections in that time, in which each second takes ``used`` of the processor."""
        before = self.whole
        for second in range(1, seconds + 1):
            self.schedule.on_collection("stop", {"generation": 2})
            self.schedule.tick(float(second), second * used)
        return self.whole - before


def test_a_process_with_nothing_to_do_collects_once_a_minute() -> None:
    assert FakeCollector().run(600, 0.0) == 600 / WHOLE_INTERVAL


def test_a_busy_process_in_which_nothing_is_found_collects_ever_more_rarely() -> None:
    hours = 10
    counted = FakeCollector().run(hours * 3600, BUSY)
    doubled = 6  # 1, 2, 4, … 32 minutes
    assert hours * 3600 / LONGEST_INTERVAL - 1 <= counted <= hours * 3600 / LONGEST_INTERVAL + doubled


def test_a_busy_process_in_which_much_is_found_collects_once_a_minute() -> None:
    assert FakeCollector(MUCH + 1).run(600, BUSY) == 600 / WHOLE_INTERVAL


def test_nothing_is_collected_where_nothing_was_moved_since() -> None:
    collector = FakeCollector()
    collector.schedule.collect_all()
    before = collector.whole
    collector.schedule.tick(2 * LONGEST_INTERVAL, 0.0)
    assert collector.whole == before


@pytest.mark.parametrize("generation", [0, 1])
def test_younger_objects_are_not_moved(generation: int) -> None:
    collector = FakeCollector()
    collector.schedule.on_collection("stop", {"generation": generation})
    collector.schedule.on_collection("start", {"generation": 2})
    collector.schedule.tick(2 * LONGEST_INTERVAL, 0.0)
    assert collector.whole == 0


async def test_a_full_collection_scans_only_what_is_new() -> None:
    """By Python's own count of the objects that later collections scan."""
    kept = [[number] for number in range(100_000)]
    schedule = asyncio.create_task(run_schedule())
    await asyncio.sleep(0)
    most = 0

    def count(phase: str, info: dict[str, int]) -> None:
        nonlocal most
        if phase == "start" and info["generation"] == 2:
            most = max(most, sum(len(gc.get_objects(generation)) for generation in range(3)))

    gc.callbacks.append(count)
    try:
        kept += [[number] for number in range(200_000)]
    finally:
        gc.callbacks.remove(count)
        schedule.cancel()
        await asyncio.gather(schedule, return_exceptions=True)
        gc.unfreeze()
    assert len(kept) == 300_000
    assert 0 < most < 60_000
