"""A histogram's counts, with the trace of the last value in each bucket."""

from bisect import bisect_left

from prometheus_client.samples import Exemplar

LONGEST = 100
"""Characters of a trace id that an exemplar shows: OpenMetrics takes 128 with the label's name."""


class Buckets:
    """Counts by upper bound. What is added is an integer and, at most, one tuple."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self._last: list[tuple[str, float] | None] = [None] * (len(bounds) + 1)

    def add(self, value: float, trace: str = "") -> None:
        at = bisect_left(self.bounds, value)
        self.counts[at] += 1
        self.sum += value
        if trace:
            self._last[at] = (trace, value)

    def copy(self) -> "Buckets":
        """As it is now."""
        other = Buckets(self.bounds)
        other.counts, other.sum, other._last = self.counts.copy(), self.sum, self._last.copy()
        return other

    def cumulative(self) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
        """As ``HistogramMetricFamily`` wants them."""
        total, rows = 0, []
        for bound, count, last in zip((*self.bounds, float("inf")), self.counts, self._last, strict=True):
            total += count
            le = "+Inf" if bound == float("inf") else repr(bound)
            example = None if last is None else _exemplar(*last)
            rows.append((le, float(total)) if example is None else (le, float(total), example))
        return rows


def _exemplar(trace: str, value: float) -> Exemplar | None:
    """None for an id that is too long, or would have to be escaped: clients make them up, and not every reader of the
    format copes, which would cost the whole scrape.
    """
    plain = trace.isascii() and trace.isprintable() and '"' not in trace and "\\" not in trace
    return Exemplar({"trace_id": trace}, value) if plain and len(trace) <= LONGEST else None
