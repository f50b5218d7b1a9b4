"""The cost of an application request."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.check.factories import trace_costs
from tests.rules.traces import parallel, span, trace

TWO = trace([span("GET /t?id=eq.1 → 3 rows, 2 kB", 1), span("GET /t?id=eq.2 → 4 rows, 1 kB", 2)])


def test_queries_calls_rows_and_bytes_are_counted() -> None:
    (cost,) = trace_costs("file", [TWO])
    assert (cost.queries, cost.upstream_calls, cost.rows, cost.bytes) == (2, 2, 7, 3000)
    assert (cost.source, cost.id, cost.route, cost.can_fail_build) == ("file", "t", "GET /export", True)


def test_a_shared_call_counts_once() -> None:
    shared = trace([replace(one, call=5, shared=2) for one in TWO.spans])
    (cost,) = trace_costs("file", [shared])
    assert (cost.queries, cost.upstream_calls) == (2, 1)


def test_retries_are_no_queries_and_unknown_rows_do_not_count() -> None:
    with_retry = trace([TWO.spans[0], replace(TWO.spans[1], retry=True, rows=-1)])
    (cost,) = trace_costs("file", [with_retry])
    assert (cost.queries, cost.upstream_calls, cost.rows) == (1, 2, 3)


def test_the_parts_of_a_trace_are_added_up() -> None:
    (cost,) = trace_costs("file", [replace(TWO, route=""), replace(TWO, part=2)])
    assert (cost.queries, cost.route) == (4, "GET /export")


@pytest.mark.parametrize("change", [{"explicit": False}, {"mixed": True}, {"truncated": True}])
def test_an_inferred_mixed_or_truncated_trace_cannot_fail_a_build(change: dict[str, bool]) -> None:
    (cost,) = trace_costs("file", [replace(TWO, **change)])
    assert not cost.can_fail_build
    assert [one.can_fail_build for one in trace_costs("file", [TWO, replace(TWO, part=2, truncated=True)])] == [False]


def test_an_inferred_trace_is_not_added_to_a_named_one_with_the_same_id() -> None:
    assert len(trace_costs("file", [TWO, replace(parallel(["GET /t?id=eq.1"]), id="t", explicit=False)])) == 2
