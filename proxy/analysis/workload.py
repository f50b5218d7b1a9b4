"""Request counts per fingerprint over time, in bounded memory whatever clients send.

The most frequent fingerprints are kept by the Space-Saving algorithm (Metwally, Agrawal, El Abbadi: Efficient
Computation of Frequent and Top-k Elements in Data Streams, 2005): a new fingerprint replaces the one with the lowest
count and inherits this count as its maximum error. So rare fingerprints replace each other and frequent ones stay.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from proxy.analysis.estimates.cache_estimate import CacheEstimate
from proxy.analysis.estimates.in_flight import InFlight
from proxy.analysis.spans import caller_of, may_write
from proxy.analysis.steps import slices
from proxy.model import Outcome, Span, Trace

DURATION_BOUNDS = tuple(0.0005 * 2 ** (step / 2) for step in range(34))
"""Upper bounds of the duration histogram, in seconds: 0.5 ms to 46 s, each 1.41 times the previous one."""
USAGE = 3_500
"""Estimated bytes of the counts of one fingerprint, and of what finds them."""
MAX_HEADERS = 8
"""Maximum number of differing sets of headers that are kept per fingerprint."""
SHARED_CALL = frozenset((Outcome.MERGED, Outcome.SHARED))
MAX_ROUTES = 8
"""Maximum number of routes that are kept per fingerprint."""


class Usage:
    """Counts of one fingerprint, since it was first seen or since it replaced another one."""

    def __init__(self, span: Span, error: int) -> None:
        self.fingerprint = span.fingerprint
        self.relation = span.relation
        self.method = span.method
        self.error = error
        """Maximum overestimate of the count in the ranking: the count of the fingerprint that was replaced."""
        self.calls = 0
        self.merged = 0
        """Requests answered by a call that they shared: merged or coalesced."""
        self.failed = 0
        self.traces = 0
        self.rows = 0
        self.most_rows = 0
        self.size = 0
        self.largest = 0
        self.seconds = 0.0
        self.first_start = span.start
        self.last_end = span.end
        self.routes: dict[str, int] = {}
        self.caller = ""
        self.differing_headers: dict[str, int] = {}
        """Number of reads that shared no call only because of these headers (names joined by commas)."""
        self.identity = span.identity
        self.one_identity = True
        """Whether all requests had the identity of the first one, so that policies gave them the same rows."""
        self.media = span.media
        """What the requests ask for, as ``Span.media``; an array of rows if they differ."""
        self.cache = CacheEstimate()
        self._counts = [0] * (len(DURATION_BOUNDS) + 1)
        self._last_trace = ""

    def add(self, spans: Sequence[Span], trace: Trace) -> None:
        """Count requests of ``trace``; at least one."""
        self.calls += len(spans)
        self.merged += len([span for span in spans if span.outcome in SHARED_CALL])
        self.failed += len([span for span in spans if not 0 < span.status < 400])
        self.one_identity = self.one_identity and {span.identity for span in spans} == {self.identity}
        if self.media and {span.media for span in spans} != {self.media}:
            self.media = ""
        rows, sizes = [span.rows for span in spans if span.rows > 0], [span.size for span in spans]
        self.rows += sum(rows)
        self.most_rows = max(self.most_rows, *rows, 0)
        self.size += sum(sizes)
        self.largest = max(self.largest, *sizes)
        self.last_end = max(self.last_end, *[span.end for span in spans])
        self.seconds += sum([span.end - span.start for span in spans])
        # A shared call that was slow is one slow call, however many requests it answered.
        for seconds in {span.call or -span.number: span.end - span.start for span in spans}.values():
            self._counts[bisect_left(DURATION_BOUNDS, seconds)] += 1
        self.caller = self.caller or caller_of(spans)
        if trace.route and (trace.route in self.routes or len(self.routes) < MAX_ROUTES):
            self.routes[trace.route] = self.routes.get(trace.route, 0) + len(spans)
        for span in spans:
            if span.differing_headers:
                self._count_headers(span.differing_headers)
        if trace.id != self._last_trace:
            self._last_trace = trace.id
            self.traces += 1

    def _count_headers(self, names: str) -> None:
        if names in self.differing_headers or len(self.differing_headers) < MAX_HEADERS:
            self.differing_headers[names] = self.differing_headers.get(names, 0) + 1

    def count_at_least(self, seconds: float) -> int:
        """Number of upstream calls that certainly took ``seconds`` or longer; buckets below it do not count."""
        return sum(
            count for least, count in zip((0.0, *DURATION_BOUNDS), self._counts, strict=True) if least >= seconds
        )

    def quantile(self, share: float) -> float:
        """Duration in seconds that ``share`` of the upstream calls did not exceed; at most 1.41 times too high."""
        return quantile_of(self._counts, share)


def quantile_of(counts: Sequence[int], share: float) -> float:
    """The same of a histogram over ``DURATION_BOUNDS``; what lies above the last one counts as that one."""
    wanted, seen = share * sum(counts), 0
    for bound, count in zip(DURATION_BOUNDS, counts, strict=False):
        seen += count
        if seen >= wanted:
            return bound
    return DURATION_BOUNDS[-1]


class Workload:
    """Counts of at most ``limit`` fingerprints and ``max_bytes`` estimated bytes, and of writes to at most ``limit``
    relations.
    """

    def __init__(self, limit: int, max_bytes: int = 16_000_000) -> None:
        self.limit = limit
        self.held_bytes = 0
        self._max_bytes = max_bytes
        self.replaced = 0
        """Number of fingerprints that a new one replaced."""
        self.began: float | None = None
        self.writes: dict[str, int] = {}
        """Number of write requests, by relation."""
        self.in_flight = InFlight()
        self._all_writes = 0
        self._usages: dict[str, Usage] = {}
        self._ranks: dict[int, dict[str, None]] = {}
        """Fingerprints by count; the count is calls plus error."""
        self._lowest_count = 1

    def __len__(self) -> int:
        return len(self._usages)

    def __iter__(self) -> Iterator[Usage]:
        return iter(self._usages.values())

    def add(self, trace: Trace) -> None:
        """Count the spans of a closed trace."""
        for _ in self.add_in_steps(trace):
            pass

    def add_in_steps(self, trace: Trace) -> Iterator[None]:
        """Same as ``add``, in steps."""
        if self.began is None:
            self.began = trace.start
        for some in slices(trace.spans):
            self.in_flight.add(some)
            queries = filter(attrgetter("relation"), some)
            for _, group in groupby(queries, attrgetter("fingerprint")):  # ranks a fan-out once, not once per call
                spans = list(group)
                usage = self._find_or_add(spans[0], len(spans))
                usage.add(spans, trace)
                usage.cache.add(spans, self._all_writes)
                if may_write(spans[0]):  # a fingerprint has one method and one relation
                    self._count_writes(spans[0].relation, len(spans))
            yield

    def _find_or_add(self, span: Span, calls: int) -> Usage:
        usage = self._usages.get(span.fingerprint)
        if usage is not None:
            self._raise_count(usage.fingerprint, usage.calls + usage.error, calls)
            return usage
        error, size = 0, _size_of(span.fingerprint)
        while self._usages and (len(self._usages) >= self.limit or self.held_bytes + size > self._max_bytes):
            error = max(error, self._replace_least())
        self.held_bytes += size
        usage = self._usages[span.fingerprint] = Usage(span, error)
        self._ranks.setdefault(error + calls, {})[span.fingerprint] = None
        self._lowest_count = (
            min(self._lowest_count, error + calls) if self._lowest_count in self._ranks else min(self._ranks)
        )
        return usage

    def _raise_count(self, fingerprint: str, count: int, by: int) -> None:
        rank = self._ranks[count]
        del rank[fingerprint]
        self._ranks.setdefault(count + by, {})[fingerprint] = None
        if not rank:
            del self._ranks[count]
            if count == self._lowest_count:
                self._lowest_count = count + 1 if count + 1 in self._ranks else min(self._ranks)

    def _replace_least(self) -> int:
        """Remove the fingerprint with the lowest count, the oldest of several; return its count."""
        count, rank = self._lowest_count, self._ranks[self._lowest_count]
        fingerprint = next(iter(rank))
        del rank[fingerprint], self._usages[fingerprint]
        self.held_bytes -= _size_of(fingerprint)
        if not rank:
            del self._ranks[count]
            self._lowest_count = min(self._ranks, default=1)
        self.replaced += 1
        return count

    def _count_writes(self, relation: str, requests: int) -> None:
        self._all_writes += requests
        if relation in self.writes or len(self.writes) < self.limit:
            self.writes[relation] = self.writes.get(relation, 0) + requests


def _size_of(fingerprint: str) -> int:
    return USAGE + len(fingerprint)
