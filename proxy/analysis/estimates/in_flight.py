"""How many upstream calls were in flight at once, in bounded memory: a lower bound."""

from collections.abc import Sequence

from proxy.model import Span

MOST_SECONDS = 600
"""Seconds whose load is kept; the oldest one makes room for a new one."""


class InFlight:
    """The most calls in flight, of one trace at a moment or of all traces on average over a second.

    A call that answered several requests counts once, and a request without an upstream call does not count.
    """

    def __init__(self) -> None:
        self.most = 0
        self._busy: dict[int, float] = {}
        """Seconds that calls were in flight, by the second of the clock."""

    def add(self, spans: Sequence[Span]) -> None:
        """Count spans of one trace."""
        calls = {span.call: span for span in spans if span.call}
        for span in calls.values():
            self._add_busy(span)
        edges = sorted(edge for span in calls.values() for edge in ((span.end, -1), (span.start, 1)))
        now = 0
        for _, step in edges:
            now += step
            self.most = max(self.most, now)

    def _add_busy(self, span: Span) -> None:
        first, last = int(span.start), int(span.end)
        for second in range(max(first, last - MOST_SECONDS + 1), last + 1):
            share = (min(span.end, second + 1) - max(span.start, second)) / max(span.shared, 1)
            busy = self._busy.get(second, 0.0) + share
            if second not in self._busy and len(self._busy) >= MOST_SECONDS:
                del self._busy[next(iter(self._busy))]
            self._busy[second] = busy
            self.most = max(self.most, int(busy))
