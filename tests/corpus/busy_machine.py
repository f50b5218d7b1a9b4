"""A recording as it would have been on a busy machine: everything stops at times, for all requests alike."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from random import Random

    from proxy.model import Trace

SHORT, STOPPED = 0.01, (0.05, 0.2)
"""Seconds of the usual stop on average, and those of a long one."""
SHORT_SHARE, LONG_SHARE = 0.3, 0.02
"""Shares of the moments, at which requests begin and end, before which the machine stops."""


def delayed(trace: Trace, random: Random) -> Trace:
    """``trace`` with stops at random moments: nothing comes earlier, and no request overtakes another."""
    moments = sorted({moment for span in trace.spans for moment in (span.start, span.end)})
    delays = [0.0, *accumulate(_stop(random) for _ in moments)]

    def later(moment: float) -> float:
        return moment + delays[bisect_right(moments, moment)]

    spans = [
        replace(span, start=later(span.start), end=later(span.end), connected=later(span.connected))
        for span in trace.spans
    ]
    return replace(trace, spans=tuple(spans), start=later(trace.start), end=later(trace.end))


def _stop(random: Random) -> float:
    kind = random.random()
    if kind < LONG_SHARE:
        return random.uniform(*STOPPED)
    return random.expovariate(1 / SHORT) if kind < LONG_SHARE + SHORT_SHARE else 0.0
