"""How much work one callback of the event loop does at most, in calls of functions: a measure that no load changes."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class LongestTurn:
    """``with LongestTurn() as turn``: ``turn.calls`` is the most calls in one callback. asyncio's own loop only."""

    def __init__(self) -> None:
        self.calls = 0
        self._now = 0

    @property
    def total(self) -> int:
        """Calls so far."""
        return self._now

    def __enter__(self) -> Self:
        original = self._original = getattr(asyncio.Handle, "_run")  # noqa: B009 – not a public name
        turn = self

        def run(handle: asyncio.Handle) -> None:
            before = turn._now
            original(handle)
            turn.calls = max(turn.calls, turn._now - before)

        setattr(asyncio.Handle, "_run", run)  # noqa: B010 – not a public name
        sys.setprofile(self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        setattr(asyncio.Handle, "_run", self._original)  # noqa: B010 – not a public name

    def _count(self, frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            self._now += 1
