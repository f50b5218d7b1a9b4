"""The counts of a histogram, with the trace of the last value per bucket as its exemplar."""

from bisect import bisect_left

from prometheus_client.samples import Exemplar

MAX_TRACE_ID = 100
"""Maximum characters of a trace id in an exemplar: OpenMetrics allows 128, including the name of the label."""


class Buckets:
    """Counts by upper bound. Adding a value allocates at most one tuple."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self._last: list[tuple[str, float] | None] = [None] * (len(bounds) + 1)

    def add(self, value: float, trace: str = "") -> None:
        index = bisect_left(self.bounds, value)
        self.counts[index] += 1
        self.sum += value
        if trace:
            self._last[index] = (trace, value)

    def copy(self) -> "Buckets":
        """A copy of the present counts."""
        other = Buckets(self.bounds)
        other.counts, other.sum, other._last = self.counts.copy(), self.sum, self._last.copy()
        return other

    def cumulative(self) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
        """Cumulative counts in the format of ``HistogramMetricFamily``."""
        total, rows = 0, []
        for bound, count, last in zip((*self.bounds, float("inf")), self.counts, self._last, strict=True):
            total += count
            le = "+Inf" if bound == float("inf") else repr(bound)
            example = None if last is None else _exemplar(*last)
            rows.append((le, float(total)) if example is None else (le, float(total), example))
        return rows


def _exemplar(trace: str, value: float) -> Exemplar | None:
    """The exemplar; None for an id that is too long or needs escapes.

    Clients choose the ids, and a parser that does not support escapes in exemplars would reject the whole scrape.
    """
    plain = trace.isascii() and trace.isprintable() and '"' not in trace and "\\" not in trace
    return Exemplar({"trace_id": trace}, value) if plain and len(trace) <= MAX_TRACE_ID else None
