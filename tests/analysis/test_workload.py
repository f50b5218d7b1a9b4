"""The workload counts requests, durations and writes per fingerprint; rare fingerprints cannot evict frequent ones."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from msgspec.structs import replace

from proxy.analysis.workload import DURATION_BOUNDS, Workload
from proxy.model import Outcome, Trace
from tests.rules.traces import span, trace


def trace_of(line: str, id_: str = "t", ms: float = 10.0) -> Trace:
    return replace(trace([span(line, 1, end=ms / 1000)]), id=id_)


def calls_by_fingerprint(workload: Workload) -> dict[str, int]:
    return {usage.fingerprint: usage.calls for usage in workload}


def test_requests_of_one_fingerprint_are_counted_together_with_rows_bytes_and_time() -> None:
    workload = Workload(10)
    workload.add(trace([span("GET /t?id=eq.1 → 3 rows, 2 kB", 1), span("GET /t?id=eq.2 → 5 rows, 7 kB, 30 ms", 2)]))
    (usage,) = workload
    assert (usage.fingerprint, usage.relation, usage.method) == ("GET t?id=eq.?", "public.t", "GET")
    assert (usage.calls, usage.traces, usage.rows, usage.most_rows) == (2, 1, 8, 5)
    assert (usage.size, usage.largest) == (9000, 7000)
    assert usage.seconds == pytest.approx(0.04)


def test_merged_and_failed_requests_are_counted_separately() -> None:
    merged, failed = replace(span("GET /t", 1), outcome=Outcome.MERGED), replace(span("GET /t", 2), status=500)
    workload = Workload(10)
    workload.add(trace([merged, failed, span("GET /t", 3)]))
    (usage,) = workload
    assert (usage.calls, usage.merged, usage.failed) == (3, 1, 1)


def test_a_trace_with_several_requests_counts_once() -> None:
    workload = Workload(10)
    for id_ in ("a", "a", "b"):
        workload.add(trace_of("GET /t", id_))
    (usage,) = workload
    assert (usage.calls, usage.traces) == (3, 2)


def test_only_requests_for_relations_are_counted_and_writes_are_counted_by_relation() -> None:
    workload = Workload(10)
    for line in ("GET /rpc/f", "PATCH /t?id=eq.1", "DELETE /t?id=eq.1", "GET /t", "HEAD /t", "POST /u"):
        workload.add(trace_of(line))
    assert workload.writes == {"public.t": 2, "public.u": 1}
    assert len(workload) == 5


def test_a_shared_call_is_one_slow_call_however_many_requests_it_answered() -> None:
    workload = Workload(10)
    workload.add(trace([replace(span(f"GET /t?id=eq.{n} → 900 ms", n), call=n // 8 + 1) for n in range(16)]))
    (usage,) = workload
    assert (usage.calls, usage.count_at_least(0.5)) == (16, 2)


def test_quantiles_are_at_most_one_step_too_high() -> None:
    workload = Workload(10)
    for number in range(1, 101):
        workload.add(trace_of("GET /t", ms=number))
    (usage,) = workload
    step = DURATION_BOUNDS[1] / DURATION_BOUNDS[0]
    assert 0.050 <= usage.quantile(0.5) <= 0.050 * step
    assert 0.095 <= usage.quantile(0.95) <= 0.095 * step
    workload.add(trace_of("GET /t", ms=1e6))
    assert usage.quantile(1.0) == DURATION_BOUNDS[-1]


def test_only_requests_that_certainly_took_so_long_are_counted() -> None:
    workload = Workload(10)
    for number in range(1, 101):
        workload.add(trace_of("GET /t", ms=number))
    (usage,) = workload
    step = DURATION_BOUNDS[1] / DURATION_BOUNDS[0]
    assert 100 - 50 * step <= usage.count_at_least(0.05) <= 50
    assert (usage.count_at_least(0.0), usage.count_at_least(0.2)) == (100, 0)
    workload.add(trace_of("GET /t", ms=1e6))
    assert usage.count_at_least(DURATION_BOUNDS[-1]) == 1


def test_above_the_limit_a_new_fingerprint_replaces_the_rarest_and_inherits_its_count_as_error() -> None:
    workload = Workload(2)
    for line in ("GET /a", "GET /a", "GET /b", "GET /c"):
        workload.add(trace_of(line))
    assert calls_by_fingerprint(workload) == {"GET a": 2, "GET c": 1}
    assert {usage.fingerprint: usage.error for usage in workload} == {"GET a": 0, "GET c": 1}
    assert workload.replaced == 1


@pytest.mark.parametrize("seed", range(5))
def test_random_fingerprints_do_not_replace_frequent_ones(seed: int) -> None:
    """Space-Saving's guarantee: a fingerprint with more than 1/limit of all requests is kept; its count plus `error`
    is not below the true count.
    """
    chance, limit = random.Random(seed), 50
    workload, real = Workload(limit), Counter[str]()
    for number in range(20_000):
        name = f"often{chance.randrange(10)}" if chance.random() < 0.5 else f"once{number}"
        real[f"GET {name}"] += 1
        workload.add(trace_of(f"GET /{name}"))
    assert len(workload) == limit
    usages = {usage.fingerprint: usage for usage in workload}
    for fingerprint, count in real.most_common(10):
        assert count > 20_000 / limit
        assert usages[fingerprint].calls <= count <= usages[fingerprint].calls + usages[fingerprint].error


def test_routes_of_a_fingerprint_and_written_relations_are_bounded() -> None:
    workload = Workload(3)
    for number in range(20):
        workload.add(replace(trace_of("GET /t"), route=f"/{number}"))
        workload.add(trace_of(f"POST /t{number}"))
    assert len(workload.writes) == 3
    assert all(len(usage.routes) <= 8 for usage in workload)
