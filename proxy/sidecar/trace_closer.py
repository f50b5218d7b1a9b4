"""Closes traces that are due, and runs the rules on them in steps, so that requests are served in between."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from proxy.sidecar.rule_runner import RuleRunner
from proxy.traces.grouping import TraceGrouper

if TYPE_CHECKING:
    from proxy.model import Trace

RULE_SECONDS = 0.002
"""The most seconds of rules per iteration of the event loop, so that requests are not delayed."""
CLOSE_TRACE_TIMEOUT = 5.0
"""Seconds that ``close_trace`` waits for the trace's requests in flight."""
POLL_INTERVAL = 0.02
"""Seconds between two checks in ``close_trace``."""


class TraceCloser:
    """Holds the closed traces on which the rules have not run yet, and the run in progress."""

    def __init__(self, traces: TraceGrouper, rules: RuleRunner, clock: Callable[[], float]) -> None:
        self._traces = traces
        self._rules = rules
        self._clock = clock
        self._closed: deque[Trace] = deque()
        self._steps: Iterator[None] = iter(())
        self._rounds = 0

    async def run(self, now: float) -> None:
        """Close the traces that are due, run the rules on them, and on the workload if that is due."""
        self._closed += self._traces.sweep(now)
        while self._closed:
            self._steps = self._rules.steps(self._closed.popleft())
            now = await self._take_turns(self._steps, now)
        await self._take_turns(self._rules.inspection_steps(now), now)
        self._rounds += 1

    async def _take_turns(self, steps: Iterator[None], began: float) -> float:
        """Run ``steps``, in turns of ``RULE_SECONDS``. ``began`` is when the present turn began; returns the same."""
        for _ in steps:
            if self._clock() - began > RULE_SECONDS:
                await asyncio.sleep(0)
                began = self._clock()
        return began

    def finish(self) -> None:
        """Close all traces, and run the rules on them: fanin stops."""
        for _ in self._steps:
            pass
        for trace in (*self._closed, *self._traces.drain()):
            self._rules.run(trace)

    async def close_trace(self, trace: str) -> bool:
        """Close the trace with that id and run the rules on it. False if requests are in flight after the timeout."""
        deadline, done_at = self._clock() + CLOSE_TRACE_TIMEOUT, 0
        while self._clock() < deadline:
            if done_at and self._rounds >= done_at:
                return True
            if not done_at and self._traces.close_trace(trace):
                done_at = self._rounds + 2  # the run in progress may have taken the due traces already
            await asyncio.sleep(POLL_INTERVAL)
        return False
