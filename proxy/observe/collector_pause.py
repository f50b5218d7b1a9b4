"""Pauses Python's cyclic garbage collector while many objects are made that live only for a moment.

Rendering 10,000 series makes tens of thousands of tuples. The collector would scan them several times, with all objects
that the process keeps; each scan holds Python's lock (GIL), so that requests wait up to 30 ms for it.
"""

import gc
from types import TracebackType


class _PausedCollector:
    """``with paused_collector:`` no automatic collection inside; may be nested, or overlap in one thread. What is not
    part of a cycle is freed as usual.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._was_enabled = False

    def __enter__(self) -> None:
        if not self._inside:
            self._was_enabled = gc.isenabled()
            gc.disable()
        self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
        if not self._inside and self._was_enabled:
            gc.enable()


paused_collector = _PausedCollector()
