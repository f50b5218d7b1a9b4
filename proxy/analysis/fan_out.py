"""Fan-out detection: reads with one fingerprint that differ in one key, in parallel or one after another.

It also tells polling from loops, and computes the impact of the calls that a fix saves.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from math import inf
from operator import attrgetter
from statistics import median

import msgspec

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, parse_fingerprint
from proxy.analysis.lookups import PATTERNS, varying_lookup
from proxy.analysis.spans import NO_SINGLE_ROW, READS, group_by, is_query, was_refused
from proxy.analysis.steps import Steps
from proxy.findings.model import IMPACTS, impact_of
from proxy.model import Span, Trace
from proxy.settings_base import Count, Positive, Thresholds

CALL_IMPACTS = ((100, "CRITICAL"), (20, "HIGH"), (10, "MEDIUM"))
"""Minimum calls per impact; below the last step the impact is LOW. Counts are the same in each run, times are not."""
NOTICED_SECONDS = 5.0
"""A longer wait is noticed by any user. Far above the usual, so that a busy machine does not change the impact."""
INTERVAL_TOLERANCE = 0.2
"""Intervals of a timer differ from their median by at most this share of it, but for some that are late."""
LATE_SHARE = 0.34
"""At most this share of the intervals of a timer is longer. None is shorter: a busy machine only delays timers."""
BACKOFF_FACTOR = 1.3
"""A client that backs off waits at least this many times as long before each retry."""
TYPING_SECONDS, WORK_SECONDS = 0.08, 0.015
"""A person presses keys at longer intervals; a loop sends its next request sooner after an answer."""
MIN_TIMER_SECONDS = 0.2
"""Minimum period of a timer: the work of an application between two reads takes less time than this."""


class LoopThresholds(Thresholds):
    """Minimum calls and different values of a fan-out, and the longest pause in seconds within a loop."""

    min_calls: Count
    min_distinct: Count
    max_pause: Positive


class FanOut(msgspec.Struct, frozen=True):
    """Reads with one fingerprint that differ in the value of ``key``."""

    spans: tuple[Span, ...]
    key: Filter

    @property
    def plain_key(self) -> Filter | None:
        """The key if it is ``column=eq.value``; None for another condition (``proxy.analysis.lookups``)."""
        return self.key if self.key.operator == "eq" and "." not in self.key.column else None


FanOutDetector = Callable[[ParsedFingerprint, Sequence[Span], LoopThresholds], Steps[FanOut | None]]
"""``parallel_fan_out`` or ``sequential_fan_out``: for given spans at most one of them returns a fan-out."""


def fan_outs(
    trace: Trace, detect: FanOutDetector, bounds: LoopThresholds
) -> Iterator[tuple[ParsedFingerprint, FanOut] | None]:
    """The fan-outs in ``trace``, at most one per fingerprint and caller (``_caller``): one call for several callers
    would give some the rows of others. None in a mixed trace (several application requests), nor of refused reads: one
    read for all their keys would be refused too.

    None where a step ends.
    """
    reads = (
        {}
        if trace.mixed
        else group_by([span for span in trace.spans if span.method in READS and _may_be_batched(span)], _caller)
    )
    for spans in reads.values():
        yield None
        if len(spans) >= bounds.min_calls and not all(map(was_refused, spans)):
            parsed = parse_fingerprint(spans[0].fingerprint)
            fan_out = yield from detect(parsed, spans, bounds)
            if fan_out is not None:
                yield parsed, fan_out


def _caller(span: Span) -> tuple[str, int | str]:
    """Equal for reads of one fingerprint and one identity, or of identities that differ only in a header that is new in
    each call and on which no access depends (``path.differing_headers``).
    """
    return span.fingerprint, span.differing_headers or span.identity


def is_read_or_count(span: Span) -> bool:
    """Whether the request is a query for rows, or by HEAD for their number."""
    return span.method in READS and is_query(span)


def _may_be_batched(span: Span) -> bool:
    refused = span.status >= 400 and was_refused(span) and span.status != NO_SINGLE_ROW
    return bool(span.relation) and not span.retry and not refused


def parallel_fan_out(parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds) -> Steps[FanOut | None]:
    """All ``spans`` as one fan-out if they were in flight at the same time; else None."""
    if len(spans) < bounds.min_calls or not in_parallel(spans):
        return None
    key = yield from varying_key(parsed, spans, bounds)
    return FanOut(tuple(spans), key) if key is not None else None


def sequential_fan_out(
    parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds
) -> Steps[FanOut | None]:
    """The loops over a key among ``spans`` if most spans were sent one after another; else None."""
    if len(spans) < bounds.min_calls or in_parallel(spans):
        return None
    return (yield from looped_fan_out(parsed, spans, bounds))


def looped_fan_out(parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds) -> Steps[FanOut | None]:
    """The loops over a key among ``spans``: polling is left out, and a pause ends a loop."""
    loops: list[list[Span]] = []
    key = None
    asked = yield from without_polling(spans)
    for run in split_at_pauses(asked, bounds.max_pause):
        yield
        its_key = yield from varying_key(parsed, run, bounds)
        if its_key is not None:
            found = _without_typing(run, its_key, bounds)
            loops += found
            key = its_key if found else key
    if len(loops) > 1:
        key = yield from varying_key(parsed, [span for run in loops for span in run], bounds)
    return None if key is None else FanOut(tuple(span for run in loops for span in run), key)


def _without_typing(run: list[Span], key: Filter, bounds: LoopThresholds) -> list[list[Span]]:
    """The loops in ``run``, whose spans are in order. One by a pattern ends where a person may have typed."""
    if key.operator not in PATTERNS:
        return [run]
    loops = [run[:1]]
    for earlier, later in pairwise(run):
        typed = later.start - earlier.start >= TYPING_SECONDS and later.start - earlier.end >= WORK_SECONDS
        loops += [[later]] if typed else []
        loops[-1] += [] if typed else [later]
    return [
        loop for loop in loops if len(loop) >= bounds.min_calls and distinct_values(loop, key) >= bounds.min_distinct
    ]


def varying_key(parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds) -> Steps[Filter | None]:
    """The ``eq`` filter with the most values in ``spans``, which have one fingerprint; for reads, else another lookup.

    None below ``bounds.min_calls`` spans or ``bounds.min_distinct`` values.
    """
    if len(spans) < bounds.min_calls:
        return None
    found = yield from most_varied(parsed, spans, bounds.min_distinct)
    if found is None and parsed.method in READS:
        found = yield from varying_lookup(spans, bounds.min_distinct)
    return found


def most_varied(parsed: ParsedFingerprint, spans: Sequence[Span], least: int) -> Steps[Filter | None]:
    """The ``eq`` filter with the most values in ``spans``, the first of several; None if none has ``least`` values."""
    found, needed = None, least
    for condition in parsed.filters:
        if condition.operator == "eq":
            yield
            values = distinct_values(spans, condition)
            if values >= needed:
                found, needed = condition, values + 1
    return found


def distinct_values(spans: Sequence[Span], condition: Filter) -> int:
    """Number of different values of a filter in ``spans``."""
    return len({span.literals[condition.index] for span in spans})


def has_many_rows_per_key(parsed: ParsedFingerprint, spans: Sequence[Span]) -> bool:
    """Whether one key may have several rows: some answers had several, or the query has an order."""
    return bool(parsed.order) or any(span.rows > 1 for span in spans)


def in_parallel(spans: Sequence[Span]) -> bool:
    """Whether at least half of the spans did not wait for the previous span: they began before it ended, or soon after
    it began, on a further connection that was open by then.

    Quick answers of a fan-out may not overlap, but each of its requests has a connection of its own. A client that
    waits uses one or two connections in turn, or opens one per request, after the previous answer. After a pause it may
    use any connection of its pool, which other requests have opened.
    """
    ordered = sorted(spans, key=attrgetter("start"))
    used = {0}
    together = 0
    for earlier, later in pairwise(ordered):
        used.add(earlier.connection)
        soon = later.start - earlier.start < TYPING_SECONDS
        apart = soon and later.connection not in used and later.connected < earlier.end
        together += apart or later.start < earlier.end
    return 2 * together >= len(spans)


def split_at_pauses(spans: Sequence[Span], pause: float) -> Iterator[list[Span]]:
    """``spans`` by start, split where no span was in flight for longer than ``pause`` seconds."""
    run: list[Span] = []
    ended = 0.0
    for span in sorted(spans, key=lambda span: span.start):
        if run and span.start - ended > pause:
            yield run
            run = []
        ended = max(ended, span.end) if run else span.end
        run.append(span)
    if run:
        yield run


class BusyTime:
    """Total time in which at least one of the spans was in flight."""

    def __init__(self, spans: Sequence[Span]) -> None:
        ordered = sorted(spans, key=lambda span: span.start)
        self._starts = [span.start for span in ordered]
        ends = list(accumulate((span.end for span in ordered), max, initial=-inf))
        busy = (max(span.end - max(span.start, ended), 0.0) for span, ended in zip(ordered, ends, strict=False))
        self._sums = list(accumulate(busy, initial=0.0))

    def seconds_between(self, first: float, last: float) -> float:
        """Busy seconds of the spans that began at or after ``first`` and before ``last``; overlaps count once."""
        return self._sums[bisect_left(self._starts, last)] - self._sums[bisect_left(self._starts, first)]


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


def call_impact(calls: int, waited: float = 0.0) -> str:
    """Impact by the number of calls that a fix replaces; one step worse if a person noticed the wait for them.

    ``waited``: steady seconds of calls one after another. Those of parallel calls do not add up, and are not given.
    """
    return one_worse_if_noticed(impact_of(CALL_IMPACTS, calls), waited)


def one_worse_if_noticed(impact: str, waited: float) -> str:
    """``impact``, or the next worse one if a person noticed the wait."""
    return impact if waited < NOTICED_SECONDS else IMPACTS[min(IMPACTS.index(impact) + 1, len(IMPACTS) - 1)]
