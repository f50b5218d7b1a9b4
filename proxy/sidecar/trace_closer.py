"""Closes traces when their time is over, and runs the rules on them in steps between which traffic goes on."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from proxy.sidecar.rule_runner import RuleRunner
from proxy.traces.grouping import TraceGrouper

if TYPE_CHECKING:
    from proxy.model import Trace

RULE_SECONDS_PER_TURN = 0.002
"""Seconds of rules per loop turn: traffic comes first."""
CLOSE_TRACE_TIMEOUT = 5.0
"""Seconds that a trace which a client says is over is given for its requests in flight."""
POLL = 0.02
"""Seconds between two checks whether such a trace has closed."""


class TraceCloser:
    """The closed traces that rules have not run on yet, and the run under way."""

    def __init__(self, traces: TraceGrouper, rules: RuleRunner, clock: Callable[[], float]) -> None:
        self._traces = traces
        self._rules = rules
        self._clock = clock
        self._closed: deque[Trace] = deque()
        self._steps: Iterator[None] = iter(())
        self._rounds = 0

    async def run(self, now: float) -> None:
        """Close what is due, and run the rules on it."""
        began = now
        self._closed += self._traces.sweep(now)
        while self._closed:
            self._steps = self._rules.steps(self._closed.popleft())
            for _ in self._steps:
                if self._clock() - began > RULE_SECONDS_PER_TURN:
                    await asyncio.sleep(0)
                    began = self._clock()
        self._rounds += 1

    def finish(self) -> None:
        """The end: run the rules on everything that is left."""
        for _ in self._steps:
            pass
        for trace in (*self._closed, *self._traces.drain()):
            self._rules.run(trace)

    async def close_trace(self, trace: str) -> bool:
        """Close the trace of that name and run the rules on it; False where some of it stays in flight."""
        until, done_at = self._clock() + CLOSE_TRACE_TIMEOUT, 0
        while self._clock() < until:
            if done_at and self._rounds >= done_at:
                return True
            if not done_at and self._traces.close_trace(trace):
                done_at = self._rounds + 2  # the round under way may have swept already
            await asyncio.sleep(POLL)
        return False
