"""The spans of one trace id become one trace of queries, each once, without what spans do not show."""

from __future__ import annotations

import pytest

from tests.receiver.spans import client, gathered, server

DB = "http://db:3000"


def test_requests_become_queries_with_their_trace_route_and_code() -> None:
    root = server("GET /orders", http__request__method="GET", http__route="/orders/{id}")
    read = client(
        f"{DB}/items?select=id&order_id=eq.7", root.id, start=5_000_000, code__file__path="a.py", code__line__number=3
    )
    (trace,), _ = gathered(root, read)
    (span,) = trace.spans
    assert (trace.id, trace.kind, trace.route) == ("t1", "explicit", "GET /orders/{id}")
    assert span.fingerprint == "GET items?select=id&order_id=eq.?"
    assert (span.relation, span.status, span.caller) == ("public.items", 200, "a.py:3")
    assert (span.rows, span.cut, span.identity) == (-1, None, 0)
    assert span.start == pytest.approx(0.005)
    assert span.end - span.start == pytest.approx(0.001)


def test_values_are_only_compared() -> None:
    requests = [client(f"{DB}/items?id=eq.{key}") for key in ("secret", "secret", "other")]
    (trace,), _ = gathered(*requests)
    first, second, third = trace.spans
    assert first.literals == second.literals != third.literals
    assert first.same == second.same != third.same
    assert "secret" not in repr(trace)


def test_a_request_within_another_one_is_the_same_query() -> None:
    """Two instrumentations of one client, and a gateway that passes the request on."""
    outer = client(f"{DB}/items?id=eq.1")
    inner = client(f"{DB}/items?id=eq.1", outer.id)
    gateway = server("proxy", outer.id)
    behind = client("http://postgrest:3000/items?id=eq.1", gateway.id)
    (trace,), _ = gathered(outer, inner, gateway, behind)
    assert len(trace.spans) == 1


def test_a_span_that_comes_twice_counts_once() -> None:
    read = client(f"{DB}/items?id=eq.1")
    (trace,), _ = gathered(read, read)
    assert len(trace.spans) == 1


def test_requests_to_other_services_are_left_out() -> None:
    (trace,), _ = gathered(client(f"{DB}/items?id=eq.1"), client("http://mail/send"))
    assert len(trace.spans) == 1
    assert gathered(client("http://mail/send"))[0] == []


def test_a_trace_with_two_servers_is_called_by_its_root() -> None:
    root = server("page")
    one, two = server("GET /a", root.id), server("GET /b", root.id)
    (trace,), _ = gathered(root, one, two, client(f"{DB}/t?id=eq.1", one.id), client(f"{DB}/t?id=eq.2", two.id))
    assert trace.route == "page"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://x.supabase.co/rest/v1/t", "no query string"),
        ("https://x.supabase.co/rest/v1/t?id=eq.REDACTED", "replaced"),
    ],
)
def test_requests_that_hide_their_query_are_left_out_and_told(url: str, why: str) -> None:
    traces, assembler = gathered(client(url), client(url))
    assert traces == []
    (warning,) = assembler.warnings("file")
    assert warning.startswith("file: requests to PostgREST that were left out: 2, because")
    assert why in warning


def test_more_spans_than_the_limit_make_a_truncated_trace() -> None:
    (trace,), _ = gathered(*(client(f"{DB}/t?id=eq.{n}") for n in range(5)), max_spans=3)
    assert len(trace.spans) == 3
    assert trace.truncated


def test_sizes_and_rows_are_known_only_if_every_answer_shows_them() -> None:
    sized = client(f"{DB}/t?id=eq.1", http__response__body__size=70, db__response__returned_rows=4)
    (trace,), assembler = gathered(sized)
    assert (trace.spans[0].size, trace.spans[0].rows) == (70, 4)
    assert [assembler.shows(name) for name in ("rows", "total", "bytes", "headers")] == [True, False, True, False]
    assert not gathered(sized, client(f"{DB}/t?id=eq.2"))[1].shows("bytes")


def test_parents_that_go_round_in_a_circle_end() -> None:
    one = server("a", "00000000000000aa")
    read = client(f"{DB}/t?id=eq.1", one.id)
    loop = server("b", one.id)
    (trace,), _ = gathered(one, loop, read)
    assert len(trace.spans) == 1


def test_a_write_counts_for_the_reads_after_it() -> None:
    (trace,), _ = gathered(
        client(f"{DB}/t?id=eq.1", start=0),
        client(f"{DB}/t?id=eq.1", method="PATCH", start=10),
        client(f"{DB}/t?id=eq.1", start=20),
    )
    assert [span.writes for span in trace.spans] == [0, 0, 1]


def test_a_long_list_is_a_long_list() -> None:
    ids = ",".join(str(number) for number in range(100_000, 102_000))
    (trace,), _ = gathered(client(f"{DB}/t?select=id&id=in.({ids})"))
    assert trace.spans[0].listed == pytest.approx(2000, rel=0.1)
    assert trace.spans[0].fingerprint == "GET t?select=id&id=in.?"
