"""Spans are grouped in their order, and add up to what was asked of upstream."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.analysis.spans import (
    READS,
    asks_for_all,
    by_fingerprint,
    caller_of,
    calls_of,
    grouped,
    is_query,
    is_read,
    kind_of,
    may_write,
    rows_of,
    seconds_between,
    seconds_of,
    seconds_spared,
    size_of,
    succeeded,
)
from tests.rules.traces import span

A, B = span("GET /a?id=eq.1", 1, start=1.0, end=1.5), span("GET /b", 2, start=1.25, end=1.5)
AGAIN = span("GET /a?id=eq.2", 3, start=2.0, end=2.25)


def test_groups_and_what_is_in_them_are_in_the_order_of_the_items() -> None:
    assert grouped([3, 1, 4, 5, 2], lambda number: number % 2) == {1: [3, 1, 5], 0: [4, 2]}
    assert [*by_fingerprint([A, B, AGAIN])] == ["GET a?id=eq.?", "GET b"]
    assert by_fingerprint([A, B, AGAIN])["GET a?id=eq.?"] == [A, AGAIN]


@pytest.mark.parametrize(
    ("line", "read", "everything"),
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
def test_a_read_is_of_a_relation_and_of_all_rows_where_nothing_bounds_it(
    line: str, read: bool, everything: bool
) -> None:
    one = span(line, 1)
    assert (is_read(one), asks_for_all(one)) == (read, everything)
    assert not is_read(replace(one, retry=True))
    assert not asks_for_all(replace(one, bypass_reason="range"))


def test_whatever_is_no_plain_read_may_write() -> None:
    methods = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "other")
    assert [method for method in methods if may_write(replace(A, method=method))] == [*methods[3:]]
    assert all(method in READS for method in methods[:2])
    assert is_query(replace(A, method="POST"))
    assert not is_query(replace(A, method="POST", retry=True))


def test_the_kind_of_a_key_is_what_its_literals_look_like() -> None:
    assert (kind_of([A], "id"), kind_of([A], "x")) == ("integer", "")


def test_any_2xx_succeeded() -> None:
    statuses = (199, 200, 206, 299, 300, 400, 0)
    assert [status for status in statuses if succeeded(replace(A, status=status))] == [200, 206, 299]


def test_the_caller_is_the_first_that_is_told() -> None:
    assert caller_of([A, replace(A, caller="x.ts"), replace(A, caller="y.ts")]) == "x.ts"
    assert caller_of([A]) == ""


def test_a_call_that_several_share_is_one() -> None:
    assert calls_of([A, replace(B, call=A.call), AGAIN, replace(A, call=0)]) == 2


def test_times_are_added_or_taken_from_first_to_last() -> None:
    spans = [A, B, AGAIN]
    assert seconds_of(spans) == 1.0
    assert seconds_between(spans) == 1.25
    assert seconds_spared([A, AGAIN]) == 0.375


def test_rows_that_nobody_knows_are_none() -> None:
    assert rows_of([replace(A, rows=3), replace(A, rows=-1)]) == 3
    assert size_of([replace(A, size=3), replace(A, size=4)]) == 7
