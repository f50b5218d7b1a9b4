"""What several rules ask of look-alikes: whether they differ in a key, whether they overlap, what they cost."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from math import inf
from statistics import median

import msgspec

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, read_fingerprint
from proxy.analysis.spans import by_fingerprint, grouped, is_read
from proxy.findings.model import impact_of
from proxy.model import Span, Trace
from proxy.settings_base import Count, Positive, Thresholds

IMPACTS = ((1.0, 100, "CRITICAL"), (0.2, 20, "HIGH"), (0.05, 10, "MEDIUM"))
"""Seconds of calls saved, or calls, from which an impact holds; below the last it is LOW."""
EVEN = 0.2
"""By how much of their median intervals may differ that a timer made."""
GROWING = 1.3
"""How many times the one before each wait is of a client that backs off."""
FASTEST = 0.2
"""Seconds between two that a timer made, at least: what an application does between two reads takes less."""


class LoopThresholds(Thresholds):
    """From where on look-alikes are a fan-out or a loop."""

    min_calls: Count
    min_distinct: Count
    max_pause: Positive


class FanOut(msgspec.Struct, frozen=True):
    """Look-alikes that differ in ``key``."""

    spans: tuple[Span, ...]
    key: Filter


Find = Callable[[ParsedFingerprint, Sequence[Span], LoopThresholds], FanOut | None]
"""``together`` or ``in_turn``: at most one of them finds something, by what most spans of the fingerprint do."""


def fan_outs(trace: Trace, find: Find, bounds: LoopThresholds) -> Iterator[tuple[ParsedFingerprint, FanOut]]:
    """Of each kind of read that fans out in ``trace``; none where it may mix several requests of the application."""
    reads = {} if trace.mixed else by_fingerprint(filter(is_read, trace.spans))
    for fingerprint, spans in reads.items():
        shown = read_fingerprint(fingerprint)
        found = find(shown, spans, bounds)
        if found is not None:
            yield shown, found


def together(shown: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds) -> FanOut | None:
    """All of them, if they were in flight together."""
    key = varying_key(shown, spans, bounds)
    return FanOut(tuple(spans), key) if key is not None and in_parallel(spans) else None


def in_turn(shown: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds) -> FanOut | None:
    """The loops over a key among them, if they were sent one after another."""
    fans_out = varying_key(shown, spans, bounds) is not None
    return loop(shown, spans, bounds) if fans_out and not in_parallel(spans) else None


def loop(shown: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds) -> FanOut | None:
    """The loops over a key among them: without what is polled, and with no pause in a loop."""
    looped = [run for run in runs(unpolled(spans), bounds.max_pause) if varying_key(shown, run, bounds) is not None]
    found = tuple(span for run in looped for span in run)
    key = varying_key(shown, found, bounds)
    return None if key is None else FanOut(found, key)


def varying_key(shown: ParsedFingerprint, spans: Sequence[Span], bounds: LoopThresholds) -> Filter | None:
    """The ``eq`` filter with most values among ``spans``, all of one fingerprint; None where they are too few."""
    if len(spans) < bounds.min_calls:
        return None
    return most_varied(shown, spans, bounds.min_distinct)


def most_varied(shown: ParsedFingerprint, spans: Sequence[Span], least: int) -> Filter | None:
    """The ``eq`` filter with most values among ``spans``, if it has at least as many."""
    varied = [f for f in shown.filters if f.operator == "eq" and distinct(spans, f) >= least]
    return max(varied, key=lambda f: distinct(spans, f), default=None)


def distinct(spans: Sequence[Span], condition: Filter) -> int:
    """How many values a filter has."""
    return len({span.literals[condition.at] for span in spans})


def is_list(shown: ParsedFingerprint, spans: Sequence[Span]) -> bool:
    """Whether a key has several rows: some had, or an order says that they may."""
    return bool(shown.order) or any(span.rows > 1 for span in spans)


def in_parallel(spans: Sequence[Span]) -> bool:
    """Whether at least half of the spans began before the one before them ended."""
    ordered = sorted(spans, key=lambda span: span.start)
    overlapping = sum(later.start < earlier.end for earlier, later in pairwise(ordered))
    return 2 * overlapping >= len(spans)


def runs(spans: Sequence[Span], pause: float) -> Iterator[list[Span]]:
    """``spans`` in their order, cut where nothing was asked for longer than ``pause`` seconds."""
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


class Load:
    """How long something was in flight."""

    def __init__(self, spans: Sequence[Span]) -> None:
        ordered = sorted(spans, key=lambda span: span.start)
        self._starts = [span.start for span in ordered]
        ends = list(accumulate((span.end for span in ordered), max, initial=-inf))
        busy = (max(span.end - max(span.start, ended), 0.0) for span, ended in zip(ordered, ends, strict=False))
        self._sums = list(accumulate(busy, initial=0.0))

    def between(self, first: float, last: float) -> float:
        """Seconds of those that began from ``first`` on and before ``last``; of several at once they count once."""
        return self._sums[bisect_left(self._starts, last)] - self._sums[bisect_left(self._starts, first)]


def unpolled(spans: Sequence[Span]) -> list[Span]:
    """Those that no timer made: of each value asked again and again by one, all are left out."""
    asked = grouped(spans, lambda span: span.same)
    load = Load(spans)
    polled = {same for same, again in asked.items() if is_polled(again, load)}
    return [span for span in spans if span.same not in polled]


def is_polled(again: Sequence[Span], load: Load) -> bool:
    """Whether a timer made these equal requests: its intervals, or its waits after each answer, are even, or they grow.
    A loop within a loop asks at even intervals too, but fills them with its other reads: ``load`` is of all of them.
    """
    if len(again) < 3:
        return False
    ordered = sorted(again, key=lambda span: span.start)
    intervals = [later.start - earlier.start for earlier, later in pairwise(ordered)]
    waits = [later.start - earlier.end for earlier, later in pairwise(ordered)]
    first, last = ordered[0].start, ordered[-1].start
    return (_is_timed(intervals) or _is_timed(waits)) and 2 * load.between(first, last) <= last - first


def _is_timed(waits: Sequence[float]) -> bool:
    usual = median(waits)
    even = all(abs(wait - usual) <= EVEN * usual for wait in waits)
    grow = len(waits) >= 3 and all(later >= GROWING * earlier for earlier, later in pairwise(waits))
    return usual >= FASTEST and (even or grow)


def impact(calls: int, seconds: float) -> str:
    """By the calls, or the seconds that the calls saved would take one after another."""
    return impact_of(IMPACTS, seconds, calls)
