"""When Python's cyclic garbage collector runs in the commands that serve: when they have nothing else to do.

It scans every object that the process keeps, and no request is answered meanwhile: 15 ms and more once traces and
fingerprints have filled up. Python starts it in the midst of a burst, because it counts new objects. It finds nothing
there: neither requests nor connections leave cycles of objects, and what is in no cycle is freed at once, without it.

Python manual: https://docs.python.org/3/library/gc.html
"""

import asyncio
import gc
import time
from collections.abc import Callable

INTERVAL = 1.0
"""Seconds between two looks at whether the process has nothing to do."""
IDLE = 0.05
"""The most of that time that the event loop of a process with nothing to do uses."""
LEAST_INTERVAL = 60.0
"""The least seconds between two collections. While little is found, each pause is twice as long as the one before."""
LONGEST_IDLE, LONGEST = 600.0, 3600.0
"""The most seconds: in a process that has nothing to do at times, and in one that always has."""
MUCH = 1000
"""Objects found by a collection after which the next pause is the least again."""


class CollectorSchedule:
    """Call ``tick`` every ``INTERVAL`` seconds."""

    def __init__(self, collect: Callable[[], int], now: float, cpu: float) -> None:
        """``collect`` returns the number of objects that it found."""
        self._collect = collect
        self._last, self._last_cpu = now, cpu
        self._interval = LEAST_INTERVAL

    def tick(self, now: float, cpu: float) -> None:
        """``now``: the time; ``cpu``: what the event loop's thread has used so far; both in seconds."""
        used, self._last_cpu = cpu - self._last_cpu, cpu
        longest = LONGEST_IDLE if used <= IDLE * INTERVAL else LONGEST
        if now - self._last >= min(self._interval, longest):
            self._last = now
            found = self._collect()
            self._interval = LEAST_INTERVAL if found > MUCH else min(2 * self._interval, LONGEST)


async def run_schedule() -> None:
    """Until cancelled."""
    gc.collect()
    gc.freeze()  # modules and tables live as long as the process: later collections do not scan them
    gc.disable()
    schedule = CollectorSchedule(gc.collect, time.monotonic(), time.thread_time())
    try:
        while True:
            await asyncio.sleep(INTERVAL)
            schedule.tick(time.monotonic(), time.thread_time())
    finally:
        gc.enable()
