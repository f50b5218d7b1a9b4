"""What paced similar requests: code, which sends the next one at once, or a person or a timer, who waits.

Times differ from run to run, above all on a busy machine: it stops an application, and never makes a person or a timer
quicker. So the usual pause decides, not a single one, and what any request of the trace took is no pause.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from math import inf
from statistics import median

from proxy.analysis.spans import group_by
from proxy.analysis.steps import Steps
from proxy.model import Span

MOST_PAUSES = 0.5
"""At most this share of the pauses of a loop is longer than usual: those in which its machine did something else."""
LONGEST = 10
"""A pause of this many times the usual longest one ends a loop in any case."""
INTERVAL_TOLERANCE = 0.2
"""Intervals of a timer differ from their median by at most this share of it, but for some that are late."""
LATE_SHARE = 0.34
"""At most this share of the intervals of a timer is longer. None is shorter: a busy machine only delays timers."""
BACKOFF_FACTOR = 1.3
"""A client that backs off waits at least this many times as long before each retry."""
POOL_SECONDS = 1.0
"""A connection that was opened so long before a trace was opened for other requests."""
MIN_TIMER_SECONDS = 0.2
"""Minimum period of a timer: the work of an application between two reads takes less time than this."""


def runs_without_pauses(
    spans: Sequence[Span], pause: float, load: "BusyTime", most: float = MOST_PAUSES
) -> Iterator[list[Span]]:
    """The runs of ``spans``, by start, that no person and no timer paced: they pause for longer than ``pause`` seconds.

    ``load`` is of all spans of the trace: while any answer is awaited, there is no pause. A run is split at each long
    pause if these are more than ``most`` of its pauses, which is more than a busy machine makes.
    """
    for run in load.split(sorted(spans, key=lambda span: span.start), LONGEST * pause):
        parts = load.split(run, pause)
        yield from [run] if len(parts) - 1 <= most * (len(run) - 1) else parts


class BusyTime:
    """Total time in which at least one of the spans was in flight; computed when it is first asked for."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._after: dict[float, list[float]] = {}

    @cached_property
    def _ordered(self) -> tuple[list[float], list[float], list[float]]:
        """The starts, the busy seconds before each, and the end of what was in flight before it."""
        ordered = sorted(self._spans, key=lambda span: span.start)
        ends = list(accumulate((span.end for span in ordered), max, initial=-inf))
        busy = (max(span.end - max(span.start, ended), 0.0) for span, ended in zip(ordered, ends, strict=False))
        return [span.start for span in ordered], list(accumulate(busy, initial=0.0)), ends

    def pooled_connections(self, start: float, spans: Sequence[Span]) -> set[int]:
        """The connections that other requests used: those of all spans that began before ``start``, and those of
        ``spans`` that were open ``POOL_SECONDS`` before the trace.
        """
        old = self._ordered[0][0] - POOL_SECONDS
        before = {span.connection for span in self._spans if span.start < start}
        return before | {span.connection for span in spans if span.connected < old}

    def seconds_between(self, first: float, last: float) -> float:
        """Busy seconds of the spans that began at or after ``first`` and before ``last``; overlaps count once."""
        starts, sums, _ = self._ordered
        return sums[bisect_left(starts, last)] - sums[bisect_left(starts, first)]

    def split(self, ordered: Sequence[Span], pause: float) -> list[list[Span]]:
        """Spans by start, split where none of all was in flight for longer than ``pause`` seconds."""
        after = self._after.get(pause)
        if after is None:  # once for all runs of a trace, of which there may be hundreds
            starts, _, ends = self._ordered
            pairs = zip(starts, ends, strict=False)
            after = self._after[pause] = [start for start, ended in pairs if ended > -inf and start - ended > pause]
        return list(group_by(ordered, lambda span: bisect_right(after, span.start)).values())


def without_polling(spans: Sequence[Span]) -> Steps[list[Span]]:
    """``spans`` without polling: if a timer repeats a request, all its repetitions are left out."""
    repeated = [equal for equal in group_by(spans, lambda span: span.same).values() if len(equal) > 2]
    if not repeated:
        return list(spans)
    yield
    load, polled = BusyTime(spans), set()
    for equal in repeated:
        yield
        if is_polled(equal, load):
            polled.add(equal[0].same)
    return [span for span in spans if span.same not in polled]


def is_polled(equal: Sequence[Span], load: BusyTime) -> bool:
    """Whether a timer made these equal requests.

    The intervals of a timer, or its waits after each answer, are even, or they grow (backoff). A nested loop repeats
    requests at even intervals too, but other reads fill its intervals; ``load`` measures that over all reads.
    """
    if len(equal) < 3:
        return False
    ordered = sorted(equal, key=lambda span: span.start)
    intervals = [later.start - earlier.start for earlier, later in pairwise(ordered)]
    waits = [later.start - earlier.end for earlier, later in pairwise(ordered)]
    first, last = ordered[0].start, ordered[-1].start
    return (_is_timed(intervals) or _is_timed(waits)) and 2 * load.seconds_between(first, last) <= last - first


def _is_timed(waits: Sequence[float]) -> bool:
    usual = median(waits)
    short, late = (1 - INTERVAL_TOLERANCE) * usual, sum(wait > (1 + INTERVAL_TOLERANCE) * usual for wait in waits)
    even = min(waits) >= short and late <= len(waits) * LATE_SHARE
    grow = len(waits) >= 3 and all(later >= BACKOFF_FACTOR * earlier for earlier, later in pairwise(waits))
    return usual >= MIN_TIMER_SECONDS and (even or grow)
