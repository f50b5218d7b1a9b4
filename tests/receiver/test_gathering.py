"""Spans of a trace come in any order and at any time; how many wait is bounded."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.receiver.assembly import Assembler, SpanReading
from proxy.receiver.endpoints import Endpoints
from proxy.receiver.gathering import Gatherer
from tests.receiver.spans import client, server


def gatherer(max_spans: int = 100) -> Gatherer:
    return Gatherer(Assembler(Endpoints(), SpanReading("public", 7000, 100), b"s"), max_spans)


def test_a_trace_closes_when_nothing_came_for_a_while() -> None:
    open_ = gatherer()
    root = server("GET /a")
    assert list(open_.add([client("http://db/t?id=eq.1", root.id)], 1.0)) == []
    assert list(open_.add([root], 5.0)) == []
    assert list(open_.quiet_since(4.0)) == []
    (trace,) = open_.quiet_since(5.0)
    assert trace.route == "GET /a"
    assert list(open_.quiet_since(9.0)) == []


def test_the_trace_that_was_quiet_longest_closes_first_if_too_many_wait() -> None:
    open_ = gatherer(max_spans=3)
    spans = [replace(client(f"http://db/t?id=eq.{n}"), trace=f"t{n}") for n in range(5)]
    closed = list(open_.add(spans, 1.0))
    assert [trace.id for trace in closed] == ["t0", "t1"]
    assert open_.closed_early == 2


def test_spans_without_ids_are_left_out() -> None:
    open_ = gatherer()
    assert list(open_.add([replace(client("http://db/t?id=eq.1"), trace="")])) == []
    assert list(open_.quiet_since(9.0)) == []
