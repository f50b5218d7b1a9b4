"""What a request became is told in its headers and in its span, of which no part is a value unless settings say so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from proxy.http1.head import RequestLine
from proxy.model import Outcome
from proxy.server.server import ClientRequest
from proxy.sidecar.request_context import (
    MAX_TARGET,
    ClientAnswer,
    LiteralHasher,
    RequestContext,
    SpanOptions,
    UpstreamUse,
)
from proxy.traces.grouping import OpenTrace
from tests.factories import head, query

if TYPE_CHECKING:
    from proxy.server.client_connection import ClientConnection
    from proxy.transport.connection import Body

HASHED = LiteralHasher(b"k" * 16)
CLIENT = SimpleNamespace(number=4, opened=0.5)
PLAIN = SpanOptions(HASHED, shapes=False, values=False)


def context(target: str = "/t?id=eq.7", lines: str = "Host: h", **changes: Any) -> RequestContext:
    """A request that arrived at 1.0."""
    line = RequestLine(b"GET", target.encode(), 1)
    request = ClientRequest(line, head(lines), cast("Body", None), cast("ClientConnection", CLIENT), 1.0)
    asked = query(target, lines)
    return RequestContext(request=request, query=asked, bypass_reason=asked.bypass_reason, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "passed"),
        ({"outcome": Outcome.MERGED, "upstream": UpstreamUse(call=3, shared=9)}, "merged; size=9; calls=1"),
        ({"outcome": Outcome.SHARED, "upstream": UpstreamUse(call=3, shared=2)}, "shared; size=2; calls=1"),
        ({"outcome": Outcome.CHUNKED, "upstream": UpstreamUse(call=3, parts=4)}, "chunked; calls=4"),
        ({"outcome": Outcome.FALLBACK}, "fallback"),
    ],
)
def test_the_header_says_what_became_of_the_request(changes: dict[str, Any], told: str) -> None:
    assert context(**changes).fanin_headers(2.0, timing=False) == f"X-Fanin: {told}\r\n"


def test_the_header_says_why_a_request_was_not_merged() -> None:
    assert context("/t?id=eq.7&offset=2").disposition == "passed; reason=offset"


def test_times_are_milliseconds_and_upstreams_only_where_it_was_asked() -> None:
    alone = context()
    assert alone.fanin_headers(1.5, timing=True).endswith("Server-Timing: fanin;dur=500.0\r\n")
    alone.upstream.waited = 0.25
    assert alone.fanin_headers(1.5, timing=True).endswith("fanin;dur=500.0, upstream;dur=250.0\r\n")


def test_a_traced_request_names_its_trace_and_counts_the_calls_that_were_saved() -> None:
    trace = OpenTrace("tr\u00e4ce", b"", "", True, 1, 0.0)
    trace.queries = 2
    for _ in range(2):
        lines = context(trace=trace, upstream=UpstreamUse(call=5, shared=2)).fanin_headers(2.0, timing=False)
    assert lines.splitlines()[1:] == ["X-Fanin-Trace: tr\\xe4ce", "X-Fanin-Queries: 2", "X-Fanin-Saved: 1"]


def test_a_span_has_hashes_and_no_values() -> None:
    span = context("/t?id=eq.7&name=eq.hush").span(1, 3.0, PLAIN, None)
    assert (span.fingerprint, span.start, span.end) == ("GET t?id=eq.?&name=eq.?", 1.0, 3.0)
    assert (span.connection, span.connected) == (4, 0.5)
    assert span.literals == tuple(map(HASHED, context("/t?id=eq.7&name=eq.hush").query.filters))
    assert len(set(span.literals)) == 2
    assert (span.target, span.shapes) == ("", ())
    assert "hush" not in repr(span)


def test_a_span_says_what_its_request_accepts_unless_that_is_rows() -> None:
    kinds = {
        "application/json": "",
        "application/vnd.pgrst.object+json": "object",
        "application/vnd.pgrst.object+json;nulls=stripped": "object,nulls=stripped",
        "application/vnd.pgrst.array+json;nulls=stripped": "nulls=stripped",
        "text/csv": "other",
    }
    lines = {accept: f"Host: h\r\nAccept: {accept}" for accept in kinds}
    assert {accept: context(lines=line).span(1, 2.0, PLAIN, None).media for accept, line in lines.items()} == kinds


def test_a_span_has_the_target_where_values_are_shown_but_no_key_of_supabase_and_nothing_very_long() -> None:
    options = SpanOptions(HASHED, shapes=False, values=True)
    assert context("/t?id=eq.7").span(1, 2.0, options, None).target == "/t?id=eq.7"
    for target in ("/t?id=eq.7&apikey=hush", "/t?a=eq." + "x" * MAX_TARGET):
        assert context(target).span(1, 2.0, options, None).target == ""


def test_a_span_has_what_literals_look_like_where_that_is_kept() -> None:
    options = SpanOptions(HASHED, shapes=True, values=False)
    span = context("/t?id=eq.12345&name=eq.hush").span(1, 2.0, options, None)
    assert [kind for kind, _ in span.shapes] == ["integer", "text"]


def test_an_answer_of_as_many_rows_as_max_rows_is_cut() -> None:
    answered = context(answer=ClientAnswer(status=200, rows=1000))
    assert answered.span(1, 2.0, PLAIN, 1000).cut is True
    assert answered.span(1, 2.0, PLAIN, 1001).cut is False
    assert answered.span(1, 2.0, PLAIN, None).cut is None


def test_equal_requests_of_one_caller_are_the_same_and_those_of_two_callers_are_not() -> None:
    ann, bob = "Host: h\nAuthorization: ann", "Host: h\nAuthorization: bob"
    one, again, other = [context(lines=lines).span(1, 2.0, PLAIN, None).same for lines in (ann, ann, bob)]
    assert one == again != other


def test_a_hash_depends_on_the_salt() -> None:
    assert HASHED(b"7") == LiteralHasher(b"k" * 16)(b"7") != LiteralHasher(b"x" * 16)(b"7")


def test_only_the_beginning_of_a_body_is_kept_for_its_keys() -> None:
    answer = ClientAnswer(key_bytes=bytearray())
    for _ in range(100):
        answer.add(b"x" * 100_000)
    assert answer.size == 10_000_000
    assert answer.key_bytes is not None
    assert len(answer.key_bytes) < answer.size / 2


def test_a_request_id_makes_no_other_caller_and_another_identity() -> None:
    token = "Host: h\nAuthorization: Bearer {}\nX-Request-Id: {}"
    spans = [context(lines=token.format(*pair)).span(1, 2.0, PLAIN, None) for pair in ((1, 1), (1, 2), (2, 2))]
    assert len({span.exact_identity for span in spans}) == 3
    assert {span.call_headers for span in spans} == {"x-request-id"}
    assert spans[0].identity == spans[1].identity != spans[2].identity
