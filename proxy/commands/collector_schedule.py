"""When Python's cyclic garbage collector runs in the commands that serve, so that no request waits long for it.

A full collection scans every object that the process keeps: 15 ms and more once traces and fingerprints have filled up.
It finds nothing, since no request leaves a cycle, and Python starts it in the midst of a burst, because it counts new
objects. Here a full collection scans only what was made since the last one: afterwards, all objects are moved where
later ones do not look (``gc.freeze``). What becomes garbage there is found by a whole collection, when the process has
nothing else to do.

Python manual: https://docs.python.org/3/library/gc.html
"""

import asyncio
import gc
import time
from collections.abc import Mapping
from typing import Any, Protocol

THRESHOLDS = (1000, 10, 3)
"""New objects until the youngest are scanned; such scans until one of middle age; such until a full collection."""
INTERVAL = 1.0
"""Seconds between two looks at whether the process has nothing to do."""
IDLE = 0.05
"""The most of that time that the event loop of a process with nothing to do uses."""
WHOLE_INTERVAL = 60.0
"""The least seconds between two whole collections."""
LONGEST_INTERVAL = 3600.0
"""The most of them, in a process that always has something to do."""
MUCH = 1000
"""Objects found by a whole collection above which a process that always has something to do does not wait longer."""


class GarbageCollector(Protocol):
    """What is used of the module ``gc``."""

    def collect(self) -> int: ...
    def freeze(self) -> None: ...
    def unfreeze(self) -> None: ...


class CollectorSchedule:
    """``on_collection`` is a callback of the collector. Call ``tick`` every ``INTERVAL`` seconds."""

    def __init__(self, collector: GarbageCollector, now: float, cpu: float) -> None:
        self._collector = collector
        self._last_whole, self._last_cpu = now, cpu
        self._busy_interval = WHOLE_INTERVAL
        self._moved = False
        """Whether objects were moved since the last whole collection."""

    def on_collection(self, phase: str, info: Mapping[str, Any]) -> None:
        """See ``gc.callbacks``."""
        if phase == "stop" and info["generation"] == 2:
            self._collector.freeze()
            self._moved = True

    def tick(self, now: float, cpu: float) -> None:
        """``now``: the time; ``cpu``: what the event loop's thread has used so far; both in seconds."""
        used, self._last_cpu = cpu - self._last_cpu, cpu
        interval = WHOLE_INTERVAL if used <= IDLE * INTERVAL else self._busy_interval
        if self._moved and now - self._last_whole >= interval:
            self._last_whole = now
            found = self.collect_all()
            self._busy_interval = WHOLE_INTERVAL if found > MUCH else min(2 * self._busy_interval, LONGEST_INTERVAL)

    def collect_all(self) -> int:
        """A whole collection. Returns the number of objects that it found."""
        self._collector.unfreeze()
        found = self._collector.collect()
        self._collector.collect()  # of next to nothing: Python delays the next full one by what the last one has kept
        self._moved = False
        return found


async def run_schedule() -> None:
    """Until cancelled."""
    schedule = CollectorSchedule(gc, time.monotonic(), time.thread_time())
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(schedule.on_collection)
    schedule.collect_all()  # modules and tables
    try:
        while True:
            await asyncio.sleep(INTERVAL)
            schedule.tick(time.monotonic(), time.thread_time())
    finally:
        gc.callbacks.remove(schedule.on_collection)
        gc.set_threshold(*before)
