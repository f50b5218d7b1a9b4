"""What was asked over time, by fingerprint: counts that stay bounded whatever clients make up.

Heavy hitters are kept by Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k
Elements in Data Streams, 2005): a new fingerprint takes the place of the one with the fewest calls and inherits their
number as its possible error, so that random ones push each other out and the real ones stay.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from proxy.model import Outcome, Span, Trace

BOUNDS = tuple(0.0005 * 2 ** (step / 2) for step in range(34))
"""Upper bounds of durations, in seconds: half a millisecond to 46 s, each 1.41 times the one before."""
ROUTES = 8
"""Routes that are named for one fingerprint."""


class Usage:
    """One fingerprint, since it was first seen or since it took another one's place."""

    def __init__(self, span: Span, error: int) -> None:
        self.fingerprint = span.fingerprint
        self.relation = span.relation
        self.method = span.method
        self.error = error
        """How many calls of others its rank may hold."""
        self.calls = 0
        self.merged = 0
        """Requests that shared a call: merged or equal ones."""
        self.failed = 0
        self.traces = 0
        self.rows = 0
        self.most_rows = 0
        self.size = 0
        self.largest = 0
        self.seconds = 0.0
        self.first = span.start
        self.last = span.end
        self.routes: dict[str, int] = {}
        self.caller = ""
        self._counts = [0] * (len(BOUNDS) + 1)
        self._trace = ""

    def add(self, span: Span, trace: Trace) -> None:
        """Count one request of ``trace``."""
        self.calls += 1
        self.merged += span.outcome in (Outcome.MERGED, Outcome.SHARED)
        self.failed += span.status == 0 or span.status >= 400
        seconds = span.end - span.start
        if span.rows > 0:
            self.rows += span.rows
            self.most_rows = max(self.most_rows, span.rows)
        self.size += span.size
        self.largest = max(self.largest, span.size)
        self.seconds += seconds
        self.last = max(self.last, span.end)
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.caller = self.caller or span.caller
        if trace.route and (trace.route in self.routes or len(self.routes) < ROUTES):
            self.routes[trace.route] = self.routes.get(trace.route, 0) + 1
        if trace.id != self._trace:
            self._trace = trace.id
            self.traces += 1

    def longer_than(self, seconds: float) -> int:
        """How many of its requests surely took as long, or longer."""
        return sum(count for least, count in zip((0.0, *BOUNDS), self._counts, strict=True) if least >= seconds)

    def quantile(self, share: float) -> float:
        """Seconds that ``share`` of its requests stayed below, at most 1.41 times too many."""
        wanted, seen = share * self.calls, 0
        for bound, count in zip(BOUNDS, self._counts, strict=False):
            seen += count
            if seen >= wanted:
                return bound
        return BOUNDS[-1]


class Workload:
    """At most ``limit`` fingerprints, and as many relations that are written to."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.replaced = 0
        """How often a fingerprint lost its place to a new one."""
        self.began: float | None = None
        self.writes: dict[str, int] = {}
        """Requests that wrote, by relation."""
        self._usages: dict[str, Usage] = {}
        self._ranks: dict[int, dict[str, None]] = {}
        """Fingerprints by their count, which is that of their calls plus their error."""
        self._least = 1

    def __len__(self) -> int:
        return len(self._usages)

    def __iter__(self) -> Iterator[Usage]:
        return iter(self._usages.values())

    def add(self, trace: Trace) -> None:
        """Count the spans of a trace that closed."""
        if self.began is None:
            self.began = trace.start
        asked = filter(attrgetter("relation"), trace.spans)
        for _, alike in groupby(asked, attrgetter("fingerprint")):  # a fan-out is placed once, not call by call
            spans = list(alike)
            usage = self._place(spans[0], len(spans))
            for span in spans:
                usage.add(span, trace)
                if span.method not in ("GET", "HEAD", "OPTIONS"):
                    self._wrote(span.relation)

    def _place(self, span: Span, calls: int) -> Usage:
        usage = self._usages.get(span.fingerprint)
        if usage is not None:
            self._move(usage.fingerprint, usage.calls + usage.error, calls)
            return usage
        error = self._make_room() if len(self._usages) >= self.limit else 0
        usage = self._usages[span.fingerprint] = Usage(span, error)
        self._ranks.setdefault(error + calls, {})[span.fingerprint] = None
        self._least = min(self._least, error + calls) if self._least in self._ranks else min(self._ranks)
        return usage

    def _move(self, fingerprint: str, count: int, by: int) -> None:
        rank = self._ranks[count]
        del rank[fingerprint]
        self._ranks.setdefault(count + by, {})[fingerprint] = None
        if not rank:
            del self._ranks[count]
            if count == self._least:
                self._least = count + 1 if count + 1 in self._ranks else min(self._ranks)

    def _make_room(self) -> int:
        """Give up the one with the fewest calls, of those the oldest; its count is returned."""
        count, rank = self._least, self._ranks[self._least]
        fingerprint = next(iter(rank))
        del rank[fingerprint], self._usages[fingerprint]
        if not rank:
            del self._ranks[count]
        self.replaced += 1
        return count

    def _wrote(self, relation: str) -> None:
        if relation in self.writes or len(self.writes) < self.limit:
            self.writes[relation] = self.writes.get(relation, 0) + 1
