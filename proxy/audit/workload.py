"""What was asked: all of it together, by kind of query, by route."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from proxy.analysis.spans import grouped, rows_of, size_of
from proxy.analysis.workload import Usage, Workload
from proxy.audit.report import QueryUsage, RouteUsage, TrafficSummary
from proxy.model import Outcome, Span, Trace
from proxy.traces.cost import TraceCost, TraceCosts

COMPANY = (Outcome.MERGED, Outcome.SHARED)
"""Outcomes of requests that got their answer out of a call with others."""

Name = tuple[str, str]
"""A fingerprint, and its relation."""
Shown = Callable[[str, str], bool]
"""Whether a fingerprint and its relation may be shown: upstream has taken them."""


class TrafficCounter:
    """All that was asked, counted trace by trace; of spans themselves nothing is kept.

    ``fingerprints`` is how many kinds of queries are counted at most.
    """

    def __init__(self, fingerprints: int) -> None:
        self.workload = Workload(fingerprints)
        self.asked: Counter[Name] = Counter()
        """Requests by what they asked."""
        self.refused: Counter[tuple[str, Name]] = Counter()
        """Requests that were refused, by the reason and what they asked."""
        self._works = TraceCosts()
        self._counts: Counter[str] = Counter()
        self._shared: dict[tuple[str, int], int] = {}
        """Upstream calls that other traces may tell of as well: by run and number, how many they are."""
        self._begin = math.inf
        self._end = -math.inf

    def add(self, source: str, run: str, epoch: float, trace: Trace) -> None:
        """A trace of a recording; ``epoch`` is what its times lack to seconds since 1970, ``run`` tells its process."""
        self.workload.add(trace)
        self._works.add(source, trace)
        self._begin, self._end = min(self._begin, epoch + trace.start), max(self._end, epoch + trace.end)
        self._count_calls(run, trace)
        self.asked.update((span.fingerprint, span.relation) for span in trace.spans)
        self.refused.update(
            (span.bypass_reason, (span.fingerprint, span.relation)) for span in trace.spans if span.bypass_reason
        )
        for span in trace.spans:
            self._counts.update(_marks(span))
        self._counts["rows"] += rows_of(trace.spans)
        self._counts["bytes"] += size_of(trace.spans)

    def _count_calls(self, run: str, trace: Trace) -> None:
        """A call whose requests are all in this trace is in no other."""
        here = Counter(span.call for span in trace.spans if span.call)
        calls = {span.call: span for span in trace.spans if span.call}
        for call, span in calls.items():
            if here[call] == span.shared:
                self._counts["calls"] += span.parts
            else:
                self._shared[run, call] = span.parts

    def works(self) -> list[TraceCost]:
        """What each trace cost."""
        return self._works.all()

    def traffic(self, sources: Sequence[str], shown: Shown) -> TrafficSummary:
        """All of it together."""
        works, counts = self.works(), self._counts
        kinds = Counter(work.kind for work in works)
        calls, requests = counts["calls"] + sum(self._shared.values()), self.asked.total()
        return TrafficSummary(
            sources=tuple(sources),
            begin=self._begin if works else None,
            end=self._end if works else None,
            traces=len(works),
            explicit=kinds["explicit"],
            inferred=kinds["inferred"],
            mixed=kinds["mixed"],
            truncated=sum(work.truncated for work in works),
            queries=requests - counts["repeated"],
            repeated=counts["repeated"],
            kinds=len({fingerprint for fingerprint, _ in self.asked}),
            merged=counts["merged"],
            merged_share=_share(counts["merged"], requests),
            alone=counts["alone"],
            upstream_calls=calls,
            saved_calls=counts["answered"] - calls,
            failed=counts["failed"],
            rows=counts["rows"],
            bytes=counts["bytes"],
            nameless=sum(count for name, count in self.asked.items() if not shown(*name)),
        )


def _marks(span: Span) -> Iterator[str]:
    """What a request counts as."""
    if span.retry:
        yield "repeated"
    if span.outcome in COMPANY:
        yield "merged"
    elif span.outcome is Outcome.PASSED and span.bypass_reason is None:
        yield "alone"
    if span.call:
        yield "answered"
    if span.status == 0 or span.status >= 400:
        yield "failed"


def queries(workload: Workload, shown: Shown) -> list[QueryUsage]:
    """Kinds of queries that may be shown, those that took the most time first."""
    seconds = sum(usage.seconds for usage in workload)
    told = [_asked(usage, seconds) for usage in workload if shown(usage.fingerprint, usage.relation)]
    return sorted(told, key=lambda one: (-one.total, one.fingerprint))


def _asked(usage: Usage, seconds: float) -> QueryUsage:
    return QueryUsage(
        fingerprint=usage.fingerprint,
        relation=usage.relation,
        method=usage.method,
        calls=usage.calls,
        error=usage.error,
        merged=usage.merged,
        failed=usage.failed,
        traces=usage.traces,
        p50=_ms(usage.quantile(0.5)),
        p95=_ms(usage.quantile(0.95)),
        total=_ms(usage.seconds),
        share=_share(usage.seconds, seconds),
        rows=usage.rows,
        rows_per_call=round(usage.rows / usage.calls, 2),
        bytes=usage.size,
        routes=tuple(sorted(usage.routes, key=lambda route: -usage.routes[route])),
    )


def routes(works: Iterable[TraceCost]) -> list[RouteUsage]:
    """Those whose traces have the most queries first."""
    told = [_routed(route, mine) for route, mine in grouped(works, lambda work: work.route).items()]
    return sorted(told, key=lambda one: (-one.p50_queries, -one.max_queries, one.route))


def _routed(route: str, works: Sequence[TraceCost]) -> RouteUsage:
    counts = sorted(work.queries for work in works)
    return RouteUsage(
        route=route,
        traces=len(works),
        unjudged=sum(not work.can_fail_build for work in works),
        p50_queries=counts[(len(counts) - 1) // 2],
        max_queries=counts[-1],
        queries=sum(counts),
        upstream_calls=sum(work.upstream_calls for work in works),
        rows=sum(work.rows for work in works),
        bytes=sum(work.bytes for work in works),
    )


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
