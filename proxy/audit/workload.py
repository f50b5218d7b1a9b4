"""Counts the traffic of recordings: in total, by fingerprint and by route."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from proxy.analysis.spans import counts_as_query, group_by, total_bytes, total_rows
from proxy.analysis.workload import Usage, Workload
from proxy.audit.report import QueryUsage, RouteUsage, TrafficSummary
from proxy.model import Outcome, Span, Trace
from proxy.traces.cost import TraceCost, TraceCosts

SHARED_CALL = (Outcome.MERGED, Outcome.SHARED)
"""Outcomes of requests answered by a call that they shared with others."""

Name = tuple[str, str]
"""A fingerprint and its relation."""
MayShow = Callable[[str, str], bool]
"""Whether a fingerprint and its relation may be shown: PostgREST accepted them once, so they contain no values."""


class TrafficCounter:
    """Counts requests trace by trace, without keeping spans.

    ``fingerprints`` is the maximum number of fingerprints in the workload.
    """

    def __init__(self, fingerprints: int) -> None:
        self.workload = Workload(fingerprints)
        self.requests: Counter[Name] = Counter()
        """Requests by name."""
        self.bypassed: Counter[tuple[str, Name]] = Counter()
        """Requests not merged, by bypass reason and name."""
        self._costs = TraceCosts()
        self._counts: Counter[str] = Counter()
        self._shared: dict[tuple[str, int], int] = {}
        """Upstream calls that other traces may contain too: number of calls, by run and call number."""
        self._begin = math.inf
        self._end = -math.inf

    def add(self, source: str, run: str, epoch: float, trace: Trace) -> None:
        """Count a trace of a recording.

        ``epoch`` added to its times makes them seconds since 1970; ``run`` identifies the process that recorded it.
        """
        self.workload.add(trace)
        self._costs.add(source, trace)
        self._begin, self._end = min(self._begin, epoch + trace.start), max(self._end, epoch + trace.end)
        self._count_calls(run, trace)
        self.requests.update((span.fingerprint, span.relation) for span in trace.spans)
        self.bypassed.update(
            (span.bypass_reason, (span.fingerprint, span.relation)) for span in trace.spans if span.bypass_reason
        )
        for span in trace.spans:
            self._counts.update(_marks(span))
        self._counts["rows"] += total_rows(trace.spans)
        self._counts["bytes"] += total_bytes(trace.spans)

    @property
    def hours(self) -> float:
        """From the first request to the end of the last answer; recordings of several runs have clocks of their own."""
        return max(0.0, self._end - self._begin) / 3600

    def _count_calls(self, run: str, trace: Trace) -> None:
        """Count the upstream calls of a trace; one whose requests are all in this trace is in no other trace."""
        here = Counter(span.call for span in trace.spans if span.call)
        calls = {span.call: span for span in trace.spans if span.call}
        for call, span in calls.items():
            if here[call] == span.shared:
                self._counts["calls"] += span.parts
            else:
                self._shared[run, call] = span.parts
        unused = {call for span in trace.spans for call in span.unused_calls if call} - calls.keys()
        self._shared.update({(run, call): 1 for call in unused})

    def costs(self) -> list[TraceCost]:
        """The cost of each trace."""
        return self._costs.all()

    def traffic(self, sources: Sequence[str], may_show: MayShow) -> TrafficSummary:
        """The totals."""
        costs, counts = self.costs(), self._counts
        kinds = Counter(cost.kind for cost in costs)
        calls, requests = counts["calls"] + sum(self._shared.values()), self.requests.total()
        return TrafficSummary(
            sources=tuple(sources),
            begin=self._begin if costs else None,
            end=self._end if costs else None,
            traces=len(costs),
            explicit=kinds["explicit"],
            inferred=kinds["inferred"],
            mixed=kinds["mixed"],
            truncated=sum(cost.truncated for cost in costs),
            queries=counts["queries"],
            repeated=counts["repeated"],
            kinds=len({fingerprint for fingerprint, _ in self.requests}),
            merged=counts["merged"],
            merged_share=_share(counts["merged"], requests),
            alone=counts["alone"],
            upstream_calls=calls,
            saved_calls=counts["answered"] - calls,
            failed=counts["failed"],
            rows=counts["rows"],
            bytes=counts["bytes"],
            nameless=sum(count for name, count in self.requests.items() if not may_show(*name)),
        )


def _marks(span: Span) -> Iterator[str]:
    """The counters that a request increments."""
    if span.retry:
        yield "repeated"
    if counts_as_query(span.method, span.retry, span.bypass_reason):
        yield "queries"
    if span.outcome in SHARED_CALL:
        yield "merged"
    elif span.outcome is Outcome.PASSED and span.bypass_reason is None:
        yield "alone"
    if span.call:
        yield "answered"
    if span.status == 0 or span.status >= 400:
        yield "failed"


def queries(workload: Workload, may_show: MayShow) -> list[QueryUsage]:
    """The fingerprints that may be shown, those with the highest total time first."""
    seconds = sum(usage.seconds for usage in workload)
    usages = [_query_usage(usage, seconds) for usage in workload if may_show(usage.fingerprint, usage.relation)]
    return sorted(usages, key=lambda usage: (-usage.total, usage.fingerprint))


def _query_usage(usage: Usage, seconds: float) -> QueryUsage:
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


def routes(costs: Iterable[TraceCost]) -> list[RouteUsage]:
    """The routes, those with the most queries per trace first."""
    usages = [_route_usage(route, mine) for route, mine in group_by(costs, lambda cost: cost.route).items()]
    return sorted(usages, key=lambda usage: (-usage.p50_queries, -usage.max_queries, usage.route))


def _route_usage(route: str, costs: Sequence[TraceCost]) -> RouteUsage:
    counts = sorted(cost.queries for cost in costs)
    return RouteUsage(
        route=route,
        traces=len(costs),
        unjudged=sum(not cost.can_fail_build for cost in costs),
        p50_queries=counts[(len(counts) - 1) // 2],
        max_queries=counts[-1],
        queries=sum(counts),
        upstream_calls=sum(cost.upstream_calls for cost in costs),
        rows=sum(cost.rows for cost in costs),
        bytes=sum(cost.bytes for cost in costs),
    )


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
