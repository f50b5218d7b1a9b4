"""Fan-out detection: reads with one fingerprint that differ in one key, in parallel or one after another.

It also computes the impact of the calls that a fix saves.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter
from statistics import median

import msgspec

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, parse_fingerprint
from proxy.analysis.patterns.lookups import PATTERNS, varying_lookup
from proxy.analysis.patterns.pauses import BusyTime, runs_without_pauses, without_polling
from proxy.analysis.spans import NO_SINGLE_ROW, READS, group_by, was_refused
from proxy.analysis.steps import Steps
from proxy.findings.model import IMPACTS, impact_of
from proxy.model import Span, Trace
from proxy.postgrest.request.tracing import names_one_call
from proxy.settings_base import Count, Positive, Thresholds

CALL_IMPACTS = ((100, "CRITICAL"), (20, "HIGH"), (10, "MEDIUM"))
"""Minimum calls per impact; below the last step the impact is LOW. Counts are the same in each run, times are not."""
NOTICED_SECONDS = 5.0
"""A longer wait is noticed by any user. Far above the usual, so that a busy machine does not change the impact."""
TYPING_SECONDS, WORK_SECONDS = 0.08, 0.015
"""A person presses keys at longer intervals; a loop sends its next request sooner after an answer."""
LONGEST_WORK = 0.5
"""Seconds of other work in a step of a loop. After a longer pause a batch read would save little of the time."""
OWN_CONNECTIONS = 0.75
"""Minimum share of different connections in a burst whose answers are so quick that none overlap."""


class LoopThresholds(Thresholds):
    """Minimum calls and different values of a fan-out, and the longest pause in seconds within a loop."""

    min_calls: Count
    min_distinct: Count
    max_pause: Positive


class FanOut(msgspec.Struct, frozen=True):
    """Reads with one fingerprint that differ in the value of ``key``."""

    spans: tuple[Span, ...]
    key: Filter
    is_slow: bool = False
    """Whether long pauses are usual between them."""

    @property
    def plain_key(self) -> Filter | None:
        """The key if it is ``column=eq.value``; None for another condition (``proxy.analysis.patterns.lookups``)."""
        return self.key if self.key.operator == "eq" and "." not in self.key.column else None


FanOutDetector = Callable[[ParsedFingerprint, Sequence[Span], LoopThresholds, BusyTime], Steps[FanOut | None]]
"""``parallel_fan_out``, or one of the sequential ones: for given spans at most one of them returns a fan-out. The last
argument is of all spans of their trace.
"""


def fan_outs(
    trace: Trace, detect: FanOutDetector, bounds: LoopThresholds
) -> Iterator[tuple[ParsedFingerprint, FanOut] | None]:
    """The fan-outs in ``trace``, at most one per fingerprint and caller (``caller_key``): one call for several callers
    would give some the rows of others. None in a mixed trace (several application requests), nor of refused reads: one
    read for all their keys would be refused too.

    None where a step ends.
    """
    reads = (
        {}
        if trace.mixed
        else group_by([span for span in trace.spans if span.method in READS and _may_be_batched(span)], caller_key)
    )
    load = BusyTime(trace.spans)
    for spans in reads.values():
        yield None
        if len(spans) >= bounds.min_calls and not all(map(was_refused, spans)):
            parsed = parse_fingerprint(spans[0].fingerprint)
            fan_out = yield from detect(parsed, spans, bounds, load)
            if fan_out is not None:
                yield parsed, fan_out


def caller_key(span: Span) -> tuple[str, int | str]:
    """Equal for reads of one fingerprint and one caller (``Span.identity``: headers that only name a call make no other
    one), or of callers that differ only in a header that is new in each call and on which no access depends
    (``path.evidence.differing_headers``).
    """
    names = span.differing_headers
    if not names:
        return span.fingerprint, span.identity
    if span.exact_identity and all(names_one_call(name.encode()) for name in names.split(",")):
        return span.fingerprint, span.identity  # these make no other caller, also before fanin had found them
    return span.fingerprint, names


def _may_be_batched(span: Span) -> bool:
    refused = span.status >= 400 and was_refused(span) and span.status != NO_SINGLE_ROW
    return bool(span.relation) and not span.retry and not refused


def parallel_fan_out(
    parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds, load: BusyTime
) -> Steps[FanOut | None]:
    """All ``spans`` as one fan-out if they were in flight at the same time; else None."""
    if len(spans) < bounds.min_calls or not in_parallel(spans, load):
        return None
    key = yield from varying_key(parsed, spans, bounds)
    return FanOut(tuple(spans), key) if key is not None else None


def sequential_fan_out(
    parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds, load: BusyTime
) -> Steps[FanOut | None]:
    """The loops over a key among ``spans`` if most spans were sent one after another; else None."""
    if len(spans) < bounds.min_calls or in_parallel(spans, load):
        return None
    return (yield from looped_fan_out(parsed, spans, bounds, load))


def sequential_or_slow_fan_out(
    parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds, load: BusyTime
) -> Steps[FanOut | None]:
    """The same; else the slow loops, which a person may have paced, or other work in each step."""
    if len(spans) < bounds.min_calls or in_parallel(spans, load):
        return None
    asked = yield from without_polling(spans)
    found = yield from _loops_of(parsed, runs_without_pauses(asked, bounds.max_pause, load), bounds)
    if found is not None:
        return found
    slow = yield from _loops_of(parsed, load.split(sorted(asked, key=attrgetter("start")), LONGEST_WORK), bounds)
    return None if slow is None else msgspec.structs.replace(slow, is_slow=True)


def looped_fan_out(
    parsed: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds, load: BusyTime
) -> Steps[FanOut | None]:
    """The loops over a key among ``spans``: polling is left out, and what a person or a timer paces."""
    asked = yield from without_polling(spans)
    return (yield from _loops_of(parsed, runs_without_pauses(asked, bounds.max_pause, load), bounds))


def _loops_of(
    parsed: ParsedFingerprint, runs: Iterable[Sequence[Span]], bounds: LoopThresholds
) -> Steps[FanOut | None]:
    loops: list[Sequence[Span]] = []
    key = None
    for run in runs:
        yield
        its_key = yield from varying_key(parsed, run, bounds)
        if its_key is not None and not _is_typed(run, its_key):
            loops.append(run)
            key = its_key
    if len(loops) > 1:
        key = yield from varying_key(parsed, [span for run in loops for span in run], bounds)
    return None if key is None else FanOut(tuple(span for run in loops for span in run), key)


def _is_typed(run: Sequence[Span], key: Filter) -> bool:
    """Whether a person may have typed what a run, whose spans are in order, looks for by a pattern."""
    if key.operator not in PATTERNS:
        return False
    pairs = list(pairwise(run))
    intervals = median(later.start - earlier.start for earlier, later in pairs)
    return intervals >= TYPING_SECONDS and median(later.start - earlier.end for earlier, later in pairs) >= WORK_SECONDS


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


def in_parallel(spans: Sequence[Span], load: BusyTime | None = None) -> bool:
    """Whether at least half of the spans were in flight together with the one before or after them.

    Quick answers of a fan-out may not overlap, but then nearly each of its requests has a connection of its own, which
    was open by the time the one before was answered. A client that waits uses few connections in turn, those of a pool
    that other requests opened too, or opens one per request, after the previous answer. After a pause it may use any.
    Some clients use each connection of their pool in turn (aiohttp): if no two spans overlap, one that any request of
    the trace used before (``load``), or that is much older than the trace, tells nothing.
    """
    ordered = sorted(spans, key=attrgetter("start"))
    overlap = any(later.start < earlier.end for earlier, later in pairwise(ordered))
    connections = {span.connection for span in ordered}
    own = 0 not in connections and len(connections) >= OWN_CONNECTIONS * len(ordered)
    together: set[int] = set()
    used = set() if overlap or load is None or not own else load.pooled_connections(ordered[0].start, ordered)
    for at, (earlier, later) in enumerate(pairwise(ordered)):
        used.add(earlier.connection)
        if later.start < earlier.end or (own and _is_apart(earlier, later, used)):
            together |= {at, at + 1}
    return 2 * len(together) >= len(spans)


def _is_apart(earlier: Span, later: Span, used: set[int]) -> bool:
    """Whether ``later`` followed soon, on a further connection, which was open before the answer to ``earlier``."""
    soon = later.start - earlier.start < TYPING_SECONDS
    return soon and later.connection not in used and later.connected < earlier.end


def call_impact(calls: int, waited: float = 0.0) -> str:
    """Impact by the number of calls that a fix replaces; one step worse if a person noticed the wait for them.

    ``waited``: steady seconds of calls one after another. Those of parallel calls do not add up, and are not given.
    """
    return one_worse_if_noticed(impact_of(CALL_IMPACTS, calls), waited)


def one_worse_if_noticed(impact: str, waited: float) -> str:
    """``impact``, or the next worse one if a person noticed the wait."""
    return impact if waited < NOTICED_SECONDS else IMPACTS[min(IMPACTS.index(impact) + 1, len(IMPACTS) - 1)]
