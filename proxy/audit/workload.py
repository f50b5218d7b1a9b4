"""What was asked: all of it together, by kind of query, by route."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from proxy.audit.report import Asked, Routed, Traffic
from proxy.check.work import Work
from proxy.model import Outcome, Span, Trace
from proxy.postgrest.spans import grouped, rows_of, size_of
from proxy.workload import Usage, Workload

COMPANY = (Outcome.MERGED, Outcome.SHARED)
"""Outcomes of requests that got their answer out of a call with others."""

Shown = Callable[[str, str], bool]
"""Whether a fingerprint and its relation may be shown: upstream has taken them."""


class Part(msgspec.Struct, frozen=True):
    """A recording: what times in it lack to seconds since 1970, which run it is of, its traces."""

    epoch: float
    run: str
    traces: tuple[Trace, ...]


def traffic(parts: Mapping[str, Part], works: Sequence[Work], shown: Shown) -> Traffic:
    """All of it together. ``parts`` are by their names."""
    spans = [span for part in parts.values() for trace in part.traces for span in trace.spans]
    kinds = Counter(_kinds(parts))
    outcomes = Counter(span.outcome for span in spans)
    merged = sum(outcomes[one] for one in COMPANY)
    calls = _calls(parts.values())
    return Traffic(
        sources=tuple(parts),
        begin=min((part.epoch + trace.start for part in parts.values() for trace in part.traces), default=None),
        end=max((part.epoch + trace.end for part in parts.values() for trace in part.traces), default=None),
        traces=len(works),
        explicit=kinds["explicit"],
        inferred=kinds["inferred"],
        mixed=kinds["mixed"],
        truncated=kinds["truncated"],
        queries=sum(work.queries for work in works),
        repeated=sum(span.retry for span in spans),
        kinds=len({span.fingerprint for span in spans}),
        merged=merged,
        merged_share=_share(merged, len(spans)),
        alone=sum(span.outcome is Outcome.PASSED and span.refusal is None for span in spans),
        upstream_calls=calls,
        saved_calls=sum(span.call > 0 for span in spans) - calls,
        failed=sum(span.status == 0 or span.status >= 400 for span in spans),
        rows=rows_of(spans),
        bytes=size_of(spans),
        nameless=sum(not shown(span.fingerprint, span.relation) for span in spans),
    )


def _calls(parts: Iterable[Part]) -> int:
    """Upstream calls that answered, each counted once; those of one run may be told in several recordings."""
    calls = {
        (part.run, span.call): span.parts
        for part in parts
        for trace in part.traces
        for span in trace.spans
        if span.call
    }
    return sum(calls.values())


def _kinds(parts: Mapping[str, Part]) -> Iterable[str]:
    """The kind of each trace, parts of one together; and `truncated`, where one is."""
    for part in parts.values():
        for traces in grouped(part.traces, lambda trace: (trace.id, trace.explicit)).values():
            yield "explicit" if traces[0].explicit else ("mixed" if any(one.mixed for one in traces) else "inferred")
            if any(one.truncated for one in traces):
                yield "truncated"


def queries(workload: Workload, shown: Shown) -> list[Asked]:
    """Kinds of queries that may be shown, those that took the most time first."""
    seconds = sum(usage.seconds for usage in workload)
    told = [_asked(usage, seconds) for usage in workload if shown(usage.fingerprint, usage.relation)]
    return sorted(told, key=lambda one: (-one.total, one.fingerprint))


def _asked(usage: Usage, seconds: float) -> Asked:
    return Asked(
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


def routes(works: Iterable[Work]) -> list[Routed]:
    """Those whose traces have the most queries first."""
    told = [_routed(route, mine) for route, mine in grouped(works, lambda work: work.route).items()]
    return sorted(told, key=lambda one: (-one.p50_queries, -one.max_queries, one.route))


def _routed(route: str, works: Sequence[Work]) -> Routed:
    counts = sorted(work.queries for work in works)
    return Routed(
        route=route,
        traces=len(works),
        unjudged=sum(not work.gates for work in works),
        p50_queries=counts[(len(counts) - 1) // 2],
        max_queries=counts[-1],
        queries=sum(counts),
        upstream_calls=sum(work.upstream_calls for work in works),
        rows=sum(work.rows for work in works),
        bytes=sum(work.bytes for work in works),
    )


def spans_of(parts: Iterable[Part]) -> Iterable[Span]:
    """Every request."""
    return (span for part in parts for trace in part.traces for span in trace.spans)


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
