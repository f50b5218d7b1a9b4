"""What several rules ask of look-alike reads: whether they differ in a key, whether they overlap, what they cost."""

from collections.abc import Sequence
from itertools import pairwise

from proxy.model import Span
from proxy.postgrest.shown import Filter, Shown
from proxy.thresholds import NPlusOne

IMPACTS = ((1.0, 100, "CRITICAL"), (0.2, 20, "HIGH"), (0.05, 10, "MEDIUM"))
"""Seconds of calls saved, or calls, from which an impact holds; below the last it is LOW."""


def varying_key(shown: Shown, spans: Sequence[Span], bounds: NPlusOne) -> Filter | None:
    """The ``eq`` filter with most values among ``spans``, all of one fingerprint; None where they are too few."""
    if len(spans) < bounds.min_calls:
        return None
    varying = [f for f in shown.filters if f.operator == "eq" and distinct(spans, f) >= bounds.min_distinct]
    return max(varying, key=lambda f: distinct(spans, f), default=None)


def distinct(spans: Sequence[Span], condition: Filter) -> int:
    """How many values a filter has."""
    return len({span.literals[condition.at] for span in spans})


def in_parallel(spans: Sequence[Span]) -> bool:
    """Whether at least half of the spans began before the one before them ended."""
    ordered = sorted(spans, key=lambda span: span.start)
    overlapping = sum(later.start < earlier.end for earlier, later in pairwise(ordered))
    return 2 * overlapping >= len(spans)


def impact(calls: int, seconds: float) -> str:
    """By the calls, or the seconds that the calls saved would take one after another."""
    return next((name for least, many, name in IMPACTS if seconds >= least or calls >= many), "LOW")
