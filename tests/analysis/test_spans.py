"""Groups of spans keep their order; predicates and totals follow from method, status and times."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.analysis.spans import (
    READS,
    by_fingerprint,
    caller_of,
    count_calls,
    elapsed_seconds,
    group_by,
    is_query,
    is_read,
    is_unbounded_read,
    literal_kind,
    may_write,
    steady_seconds,
    succeeded,
    total_bytes,
    total_rows,
    total_seconds,
)
from tests.rules.traces import span

A, B = span("GET /a?id=eq.1", 1, start=1.0, end=1.5), span("GET /b", 2, start=1.25, end=1.5)
AGAIN = span("GET /a?id=eq.2", 3, start=2.0, end=2.25)


def test_groups_and_their_items_keep_the_order_of_the_items() -> None:
    assert group_by([3, 1, 4, 5, 2], lambda number: number % 2) == {1: [3, 1, 5], 0: [4, 2]}
    assert [*by_fingerprint([A, B, AGAIN])] == ["GET a?id=eq.?", "GET b"]
    assert by_fingerprint([A, B, AGAIN])["GET a?id=eq.?"] == [A, AGAIN]


@pytest.mark.parametrize(
    ("line", "read", "unbounded"),
    [
        ("GET /a", True, True),
        ("GET /a?id=eq.1", True, True),
        ("GET /a?limit=2", True, False),
        ("GET /a?offset=2", True, False),
        ("GET /", False, False),
        ("HEAD /a", False, False),
        ("POST /a", False, False),
    ],
)
def test_a_read_is_a_get_of_a_relation_and_unbounded_without_limit_offset_and_range(
    line: str, read: bool, unbounded: bool
) -> None:
    request = span(line, 1)
    assert (is_read(request), is_unbounded_read(request)) == (read, unbounded)
    assert not is_read(replace(request, retry=True))
    assert not is_unbounded_read(replace(request, bypass_reason="range"))


def test_every_method_but_get_head_and_options_may_write() -> None:
    methods = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "other")
    assert [method for method in methods if may_write(replace(A, method=method))] == [*methods[3:]]
    assert all(method in READS for method in methods[:2])
    assert is_query(replace(A, method="POST"))
    assert not is_query(replace(A, method="POST", retry=True))


def test_the_literal_kind_of_a_column_that_is_not_a_key_is_empty() -> None:
    assert (literal_kind([A], "id"), literal_kind([A], "x")) == ("integer", "")


def test_a_key_is_a_number_only_if_it_is_in_all_spans() -> None:
    texts = [span(f"GET /a?id=eq.{value}", n) for n, value in enumerate(("27", " padded 27", "with, comma"))]
    assert literal_kind(texts[:1], "id") == "integer"
    assert literal_kind(texts, "id") == literal_kind(texts[1:], "id") == "text"


def test_only_a_2xx_succeeded() -> None:
    statuses = (199, 200, 206, 299, 300, 400, 0)
    assert [status for status in statuses if succeeded(replace(A, status=status))] == [200, 206, 299]


def test_the_caller_is_the_first_known_one() -> None:
    assert caller_of([A, replace(A, caller="x.ts"), replace(A, caller="y.ts")]) == "x.ts"
    assert caller_of([A]) == ""


def test_a_shared_call_counts_once() -> None:
    assert count_calls([A, replace(B, call=A.call), AGAIN, replace(A, call=0)]) == 2


def test_total_and_elapsed_seconds_follow_from_start_and_end() -> None:
    spans = [A, B, AGAIN]
    assert total_seconds(spans) == 1.0
    assert elapsed_seconds(spans) == 1.25


def test_an_unknown_number_of_rows_counts_0() -> None:
    assert total_rows([replace(A, rows=3), replace(A, rows=-1)]) == 3
    assert total_bytes([replace(A, size=3), replace(A, size=4)]) == 7


def test_the_steady_time_of_calls_leaves_out_what_delays_some_of_them() -> None:
    times = [0.1] * 9 + [3.0] * 3
    spans = [span("GET /t?id=eq.1", n, start=0.0, end=seconds) for n, seconds in enumerate(times)]
    assert round(steady_seconds(spans), 9) == 1.2
    assert steady_seconds(spans[:1]) == 0.1
