"""Traffic is counted in total, by fingerprint and by route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from proxy.analysis.workload import Workload
from proxy.audit.workload import TrafficCounter, queries, routes
from proxy.model import Outcome
from tests.audit.factories import everything
from tests.check.factories import trace_costs
from tests.rules.traces import parallel, span, trace

if TYPE_CHECKING:
    from proxy.audit.report import TrafficSummary
    from proxy.model import Trace

FAN_OUT = parallel([f"GET /videos?id=eq.{number} → 2 rows, 3 kB, 10 ms" for number in range(4)])
RELATION = FAN_OUT.spans[0].relation
MERGED = replace(
    FAN_OUT, id="m", spans=tuple(replace(span, call=9, shared=4, outcome=Outcome.MERGED) for span in FAN_OUT.spans)
)


def summary(*traces: Trace, **runs: Trace) -> TrafficSummary:
    """The summary of traces in one recording, and of ``runs``: one trace each from another process."""
    counter = TrafficCounter(10)
    for recorded in traces:
        counter.add("file", "run", 100.0, recorded)
    for name, recorded in runs.items():
        counter.add(name, name, 100.0, recorded)
    return counter.traffic(["file", *runs], everything)


def test_requests_calls_rows_and_bytes_are_counted() -> None:
    read = summary(FAN_OUT, MERGED)
    assert (read.traces, read.queries, read.kinds) == (2, 8, 1)
    assert (read.merged, read.merged_share, read.alone) == (4, 0.5, 4)
    assert (read.upstream_calls, read.saved_calls) == (5, 3)
    assert (read.rows, read.bytes, read.failed) == (16, 24_000, 0)
    assert (read.begin, read.end) == (100.0, 100.01)


def test_traces_are_counted_by_kind_and_parts_count_once() -> None:
    loose = replace(FAN_OUT, id="i", explicit=False)
    mixed = replace(FAN_OUT, id="x", explicit=False, mixed=True)
    read = summary(FAN_OUT, replace(FAN_OUT, part=2, truncated=True), loose, mixed)
    assert (read.traces, read.explicit, read.inferred, read.mixed, read.truncated) == (3, 1, 1, 1, 1)


def test_a_call_in_two_traces_of_one_run_counts_once() -> None:
    halves = [
        replace(MERGED, id=name, spans=spans) for name, spans in (("a", MERGED.spans[:2]), ("b", MERGED.spans[2:]))
    ]
    assert (summary(*halves).upstream_calls, summary(*halves).saved_calls) == (1, 3)
    assert summary(halves[0], other=halves[1]).upstream_calls == 2


def test_requests_with_a_name_that_may_not_be_shown_are_counted() -> None:
    counter = TrafficCounter(10)
    counter.add("file", "run", 0.0, FAN_OUT)
    assert counter.traffic([], lambda fingerprint, relation: relation != RELATION).nameless == 4


def test_requests_are_counted_by_bypass_reason_and_name() -> None:
    counter = TrafficCounter(10)
    span, two, *_ = FAN_OUT.spans
    counter.add("file", "run", 0.0, trace([replace(span, bypass_reason="range"), two]))
    assert counter.bypassed == {("range", ("GET videos?id=eq.?", RELATION)): 1}


def test_a_chunked_answer_counts_a_call_per_chunk() -> None:
    (span, *_) = FAN_OUT.spans
    read = summary(trace([replace(span, parts=3, outcome=Outcome.CHUNKED)]))
    assert (read.upstream_calls, read.saved_calls) == (3, -2)


def test_a_bypassed_request_does_not_count_as_alone_and_an_unanswered_one_saves_no_call() -> None:
    span, two, *_ = FAN_OUT.spans
    gone = replace(two, call=0, status=0, outcome=Outcome.GONE)
    read = summary(trace([replace(span, bypass_reason="range"), gone]))
    assert (read.alone, read.failed, read.upstream_calls, read.saved_calls) == (0, 1, 1, 0)


def test_retries_of_a_client_are_counted_separately() -> None:
    span, two, *_ = FAN_OUT.spans
    read = summary(trace([span, replace(two, retry=True)]))
    assert (read.queries, read.repeated) == (1, 1)


def test_no_traces_make_an_empty_summary() -> None:
    read = summary()
    assert (read.traces, read.merged_share, read.begin, read.end) == (0, 0.0, None, None)


def test_queries_are_ordered_by_time_and_only_those_that_may_be_shown() -> None:
    counter = Workload(10)
    slow = span("GET /slow?id=eq.1 → 3 rows, 1 kB, 100 ms", 1)
    counter.add(FAN_OUT)
    counter.add(replace(trace([slow, replace(slow, status=500, rows=-1)]), id="s", route=""))
    first, second = queries(counter, everything)
    assert (first.fingerprint, first.calls, first.failed, first.rows_per_call) == ("GET slow?id=eq.?", 2, 1, 1.5)
    assert (first.total, first.share, first.routes) == (200.0, 0.8333, ())
    assert 100 <= first.p50 <= 142
    assert (second.calls, second.rows, second.bytes, second.routes) == (4, 8, 12_000, ("GET /export",))
    assert [span.fingerprint for span in queries(counter, lambda fingerprint, relation: relation == RELATION)] == [
        "GET videos?id=eq.?"
    ]


def test_the_routes_of_a_query_are_ordered_by_frequency() -> None:
    counter = Workload(10)
    for route, count in (("a", 1), ("b", 3), ("c", 2)):
        counter.add(replace(FAN_OUT, id=route, route=route, spans=FAN_OUT.spans[:count]))
    assert queries(counter, everything)[0].routes == ("b", "c", "a")


def test_routes_are_ordered_by_queries_per_trace() -> None:
    def trace_of(name: str, count: int, route: str, explicit: bool = True) -> Trace:
        return replace(FAN_OUT, id=name, route=route, explicit=explicit, spans=FAN_OUT.spans[:count])

    traces = [
        trace_of("a", 1, "GET /a"),
        trace_of("b", 2, "GET /a"),
        trace_of("c", 4, "GET /a"),
        trace_of("d", 3, "", explicit=False),
    ]
    nameless, named = routes(trace_costs("file", traces))
    assert (nameless.route, nameless.traces, nameless.unjudged, nameless.p50_queries) == ("", 1, 1, 3)
    assert (named.route, named.traces, named.unjudged) == ("GET /a", 3, 0)
    assert (named.p50_queries, named.max_queries, named.queries) == (2, 4, 7)
    assert (named.upstream_calls, named.rows, named.bytes) == (7, 14, 21_000)
