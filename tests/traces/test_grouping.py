"""Spans grouped into traces. Time is an argument, so no test waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.model import Outcome, Span, Trace
from proxy.observe.trace_size import spans_bytes
from proxy.traces.grouping import MAX_CALLERS, MIN_NAMED_TRACES, SWEPT, GroupingSettings, TraceGrouper
from tests.factories import head

if TYPE_CHECKING:
    from proxy.traces.grouping import OpenTrace

QUIET = GroupingSettings(quiet_explicit=1.0, quiet_inferred=0.05, max_age=60.0, max_spans=10, max_open=5)
W3C = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def span(number: int = 1, call: int = 1) -> Span:
    return Span(
        number=number,
        method="GET",
        relation="t",
        fingerprint="GET t?id=eq.?",
        same=number,
        literals=(number,),
        key_types=(("id", "integer"),),
        caller="",
        retry=False,
        start=0.0,
        end=0.0,
        status=200,
        size=2,
        cut=None,
        rows=0,
        outcome=Outcome.PASSED,
        call=call,
        shared=1,
        bypass_reason=None,
    )


class Clients:
    """Sends requests and collects the closed traces."""

    def __init__(self, **quiet: float) -> None:
        values = {name: getattr(QUIET, name) for name in GroupingSettings.__struct_fields__} | quiet
        self.traces = TraceGrouper(GroupingSettings(**values))

    def begin(self, now: float, lines: str = "", peer: str = "1.1.1.1") -> OpenTrace:
        trace = self.traces.begin(head("Host: h\n" + lines if lines else "Host: h"), peer, now)
        assert trace is not None
        return trace

    def ask(self, now: float, lines: str = "", peer: str = "1.1.1.1") -> OpenTrace:
        """Send a request that is answered at once."""
        trace = self.begin(now, lines, peer)
        self.traces.end(trace, span(), now)
        return trace

    def closed(self, now: float) -> list[Trace]:
        return self.traces.sweep(now)


def test_a_trace_counts_the_requests_without_a_call_of_their_own() -> None:
    clients = Clients()
    trace = clients.ask(0.0)
    for call in (7, 7, 8, 7):
        clients.begin(0.0)
        trace.record_call(call)
    assert trace.calls_saved == 2


def test_requests_with_one_trace_id_are_one_trace_for_all_callers() -> None:
    clients = Clients()
    clients.ask(0.0, "X-Fanin-Trace: a\nAuthorization: x", peer="1.1.1.1")
    clients.ask(0.5, "X-Fanin-Trace: a\nAuthorization: y", peer="2.2.2.2")
    assert clients.closed(1.25) == []
    (trace,) = clients.closed(1.5)
    assert (trace.id, trace.explicit, len(trace.spans), trace.part) == ("a", True, 2, 1)
    assert (trace.start, trace.end) == (0.0, 0.5)


def test_traceparent_names_a_trace_by_its_trace_id() -> None:
    clients = Clients()
    clients.ask(0.0, f"traceparent: {W3C}")
    clients.ask(0.0, f"traceparent: {W3C.replace('b7ad6b7169203331', '00f067aa0ba902b7')}")
    (trace,) = clients.closed(9.0)
    assert trace.id == "0af7651916cd43dd8448eb211c80319c"
    assert len(trace.spans) == 2


def test_fanins_header_has_precedence_over_traceparent() -> None:
    clients = Clients()
    clients.ask(0.0, f"traceparent: {W3C}\nX-Fanin-Trace: mine")
    assert clients.closed(9.0)[0].id == "mine"


@pytest.mark.parametrize("value", ["x", "00-short-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c"])
def test_a_malformed_traceparent_names_nothing(value: str) -> None:
    clients = Clients()
    clients.ask(0.0, f"traceparent: {value}")
    assert not clients.closed(9.0)[0].explicit


def test_without_an_id_a_gap_separates_two_traces() -> None:
    clients = Clients()
    for now in (0.0, 0.04, 0.08, 0.2):
        clients.ask(now)
    first, second = clients.closed(9.0)
    assert (len(first.spans), len(second.spans)) == (3, 1)
    assert not first.explicit
    assert first.id != second.id


def test_a_request_in_flight_keeps_a_trace_open() -> None:
    clients = Clients()
    slow = clients.begin(0.0)
    assert clients.closed(5.0) == []
    clients.traces.end(slow, span(), 5.0)
    assert clients.closed(5.04) == []
    assert len(clients.closed(5.06)) == 1


def test_each_caller_and_address_has_its_own_inferred_trace() -> None:
    clients = Clients()
    clients.ask(0.0)
    clients.ask(0.0, peer="2.2.2.2")
    clients.ask(0.0, "Authorization: y")
    assert len(clients.closed(9.0)) == 3


def test_an_inferred_trace_that_overlaps_a_named_one_of_the_caller_is_mixed() -> None:
    for named_first in (True, False):
        clients = Clients()
        order = ["X-Fanin-Trace: a", ""] if named_first else ["", "X-Fanin-Trace: a"]
        for lines in order:
            clients.ask(0.0, lines)
        mixed = {trace.explicit: trace.mixed for trace in clients.closed(9.0)}
        assert mixed == {True: False, False: True}


def test_an_inferred_trace_after_a_named_one_is_not_mixed() -> None:
    clients = Clients()
    clients.ask(0.0, "X-Fanin-Trace: a")
    clients.closed(5.0)
    clients.ask(6.0)
    assert not clients.closed(9.0)[0].mixed


def test_an_inferred_trace_of_two_routes_is_mixed() -> None:
    clients = Clients()
    clients.ask(0.0, "X-Fanin-Route: /a")
    clients.ask(0.0, "X-Fanin-Route: /b")
    (trace,) = clients.closed(9.0)
    assert trace.mixed
    assert trace.route == "/a"


def test_a_named_trace_of_two_routes_is_one_trace() -> None:
    clients = Clients()
    clients.ask(0.0, "X-Fanin-Trace: a\nX-Fanin-Route: /a")
    clients.ask(0.0, "X-Fanin-Trace: a\nX-Fanin-Route: /b")
    assert not clients.closed(9.0)[0].mixed


def test_a_trace_with_too_many_spans_is_truncated_and_continues_as_the_next_part() -> None:
    clients = Clients()
    for _ in range(13):
        clients.ask(0.0, "X-Fanin-Trace: a")
    first, second = clients.closed(9.0)
    assert (len(first.spans), first.truncated, first.part) == (10, True, 1)
    assert (len(second.spans), second.truncated, second.part) == (3, False, 2)


def test_the_spans_of_a_trace_are_bounded_if_all_are_in_flight_at_once() -> None:
    clients = Clients()
    going = [clients.begin(0.0) for _ in range(50)]
    for going_on in going:
        clients.traces.end(going_on, span(), 0.0)
    (trace,) = clients.closed(0.0)
    assert len(trace.spans) == 10
    assert trace.truncated


def test_a_trace_closes_at_its_maximum_age_as_truncated() -> None:
    clients = Clients()
    clients.ask(0.0)
    late = clients.begin(0.01)
    (trace,) = clients.closed(60.0)
    assert trace.truncated
    clients.traces.end(late, span(), 61.0)
    assert clients.closed(99.0) == []


def test_an_id_that_is_used_again_is_the_next_part() -> None:
    clients = Clients()
    clients.ask(0.0, "X-Fanin-Trace: a")
    clients.ask(5.0, "X-Fanin-Trace: a")
    clients.ask(10.0, "X-Fanin-Trace: a")
    assert [trace.part for trace in clients.closed(99.0)] == [1, 2, 3]


def test_a_caller_with_a_new_id_per_call_is_grouped_by_timing_and_counted_once() -> None:
    clients = Clients(max_open=1000)
    for n in range(MIN_NAMED_TRACES):
        clients.ask(0.0, f"traceparent: 00-{n + 1:032d}-b7ad6b7169203331-01")
    assert len(clients.closed(9.0)) == MIN_NAMED_TRACES
    assert clients.traces.per_call_callers == 1
    for n in range(20, 25):
        clients.ask(10.0, f"traceparent: 00-{n:032d}-b7ad6b7169203331-01")
    (trace,) = clients.closed(20.0)
    assert (trace.explicit, len(trace.spans)) == (False, 5)
    assert clients.traces.per_call_callers == 1


def test_a_caller_with_some_longer_traces_keeps_its_ids() -> None:
    clients = Clients(max_open=1000)
    for n in range(2 * MIN_NAMED_TRACES):
        for _ in range(1 + (n % 10 == 0)):
            clients.ask(0.0, f"X-Fanin-Trace: {n}")
    clients.closed(9.0)
    assert clients.ask(10.0, "X-Fanin-Trace: x").explicit


def test_the_number_of_stored_callers_is_bounded() -> None:
    clients = Clients(max_open=MAX_CALLERS + 10)
    for n in range(MAX_CALLERS + 5):
        clients.ask(0.0, f"X-Fanin-Trace: {n}\nAuthorization: {n}")
    clients.closed(9.0)
    assert len(clients.traces._id_uses) == MAX_CALLERS


def test_beyond_the_limit_requests_are_counted_and_not_traced() -> None:
    clients = Clients()
    for n in range(QUIET.max_open):
        clients.begin(0.0, f"X-Fanin-Trace: {n}")
    assert clients.traces.begin(head("Host: h\nX-Fanin-Trace: more"), "1.1.1.1", 0.0) is None
    assert clients.traces.dropped == 1
    assert len(clients.traces) == QUIET.max_open


def test_a_client_can_close_a_trace_without_requests_in_flight() -> None:
    clients = Clients()
    clients.ask(0.0, "X-Fanin-Trace: a")
    open_ = clients.begin(0.0, "X-Fanin-Trace: a")
    clients.ask(0.0, "X-Fanin-Trace: b")
    assert not clients.traces.close_trace("a")
    clients.traces.end(open_, span(), 0.1)
    assert clients.traces.close_trace("a")
    (trace,) = clients.closed(0.1)
    assert (trace.id, len(trace.spans), trace.truncated) == ("a", 2, False)
    assert clients.traces.close_trace("a")
    assert clients.closed(0.1) == []


def test_an_inferred_trace_cannot_be_closed_by_name() -> None:
    clients = Clients()
    clients.ask(0.0)
    for name in ("", "inferred-1"):
        assert clients.traces.close_trace(name)
    assert len(clients.traces) == 1


def test_traces_that_a_client_closes_do_not_count_as_ids_per_call() -> None:
    clients = Clients(max_open=1000)
    for n in range(2 * MIN_NAMED_TRACES):
        assert clients.ask(0.0, f"X-Fanin-Trace: {n}").explicit
        assert clients.traces.close_trace(str(n))
    assert clients.traces.per_call_callers == 0


def test_drain_closes_every_trace() -> None:
    clients = Clients()
    clients.ask(0.0, "X-Fanin-Trace: a")
    clients.begin(0.0, "X-Fanin-Trace: b")
    (trace,) = clients.traces.drain()
    assert trace.id == "a"
    assert len(clients.traces) == 0


def test_a_shared_call_of_a_trace_counts_once() -> None:
    clients = Clients()
    for call in (7, 7, 8, 0):
        clients.traces.end(clients.begin(0.0), span(call=call), 0.0)
    assert clients.closed(9.0)[0].calls == 2


def test_beyond_the_bytes_of_open_traces_requests_are_not_traced_and_their_traces_close() -> None:
    size = spans_bytes([span()])
    clients = Clients(max_bytes=3 * size)
    own = head("Host: h\nX-Fanin-Trace: a")
    for number in range(5):
        opened = clients.traces.begin(own, "", 0.0)
        assert opened is not None
        clients.traces.end(opened, span(number + 1), 0.0)
    assert clients.traces.dropped > 0
    assert 0 < clients.traces.held_bytes <= 3 * size
    (closed, *_) = clients.traces.sweep(0.0)
    assert closed.truncated
    assert closed.held_bytes == spans_bytes(closed.spans)
    clients.traces.sweep(9.0)
    clients.traces.sweep(9.0)
    assert clients.traces.held_bytes == 0, "the caller has finished with what the last sweep returned"


def test_a_sweep_looks_at_a_largest_number_of_traces_and_later_sweeps_at_the_others() -> None:
    clients = Clients(max_open=3 * SWEPT)
    for number in range(2 * SWEPT + 1):
        opened = clients.traces.begin(head(f"Host: h\nX-Fanin-Trace: {number}"), "", 0.0)
        assert opened is not None
        clients.traces.end(opened, span(), 0.0)
    assert [len(clients.traces.sweep(5.0)) for _ in range(4)] == [SWEPT, SWEPT, 1, 0]
