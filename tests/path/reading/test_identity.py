"""Reading header lines: which are forwarded, and which are part of the identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.errors.codes import FaultError
from proxy.http1.head import parse_fields
from proxy.path.reading.identity import HeadRules, head_rules, lines_for_all, read_head, traceparent_of, with_peer
from proxy.postgrest.request.tracing import REQUEST_IDS, TRACING_HEADERS, TRACING_PREFIXES

if TYPE_CHECKING:
    from proxy.model import RequestHead

RULES = head_rules(b"upstream:3000", ("x-fanin-trace", "traceparent"), (), (), b"key")
HOST = b"Host: client\r\n"


def read(block: bytes, rules: HeadRules = RULES, minor: int = 1) -> RequestHead:
    return read_head(parse_fields(block.removesuffix(b"\r\n"), "FANIN102"), minor, rules)


def test_all_end_to_end_lines_are_forwarded_unchanged() -> None:
    head = read(
        b"accept:  a \r\nConnection: keep-alive, TE\r\nTE: trailers\r\nX-Fanin: off\r\nx-fanin-route: r\r\nHost: c\r\n"
        b"Keep-Alive: 5\r\nProxy-Connection: x\r\nHTTP2-Settings: x\r\nUpgrade: h2c\r\nX: \xff\r\nX: \xff"
    )
    assert head.forwarded_lines == b"accept:  a \r\nHost: upstream:3000\r\nX: \xff\r\nX: \xff\r\n"
    assert head.merged_lines == head.forwarded_lines + b"Accept-Encoding: identity\r\n"
    assert head.route == "r"


def test_the_clients_host_is_kept_unless_another_is_set() -> None:
    rules = head_rules(b"", (), (), (), b"key")
    assert read(HOST, rules).forwarded_lines == HOST


def test_a_merged_call_asks_for_no_compression() -> None:
    head = read(HOST + b"Accept-Encoding: gzip\r\nX: y")
    assert b"gzip" in head.forwarded_lines
    assert b"gzip" not in head.merged_lines
    assert head.merged_lines.endswith(b"Accept-Encoding: identity\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"Host: other",
        b"Accept-Encoding: br",
        b"traceparent: 00-1-2-3",
        b"X-Fanin-Trace: t",
        b"X-Fanin-Caller: c",
        b"If-None-Match: x",
        b"X-Retry-Count: 1",
        b"tracestate: x",
        b"Connection: close",
        *(name + b": x" for name in sorted(TRACING_HEADERS)),
        *(prefix + b"y: x" for prefix in TRACING_PREFIXES),
        b"X-B3-TraceId: x",
        b"Sentry-Trace: x",
    ],
)
def test_neutral_headers_are_not_identity(line: bytes) -> None:
    block = line + b"\r\nX: y" if line.startswith(b"Host") else HOST + line + b"\r\nX: y"
    one, two = read(HOST + b"X: y"), read(block)
    assert one.identity == two.identity
    assert one.identity_hash == two.identity_hash


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Bearer a",
        b"Cookie: a",
        b"apikey: a",
        b"Prefer: a",
        b"Accept: text/csv",
        b"Accept-Profile: p",
        b"User-Agent: a",
        b"X-Forwarded-For: 1.2.3.4",
        b"X-Real-IP: 1.2.3.4",
        b"X: y",
        b"x: y ",
        b"Range: 0-1",
        b"Origin: o",
        b"x-b3: x",
        b"sentry-trace-2: x",
        *(name + b": x" for name in REQUEST_IDS),
    ],
)
def test_every_other_header_is_identity(line: bytes) -> None:
    one, two = read(HOST), read(HOST + line)
    assert one.identity != two.identity
    assert one.identity_hash != two.identity_hash


def test_the_case_and_order_of_headers_are_identity() -> None:
    heads = [
        read(HOST + lines) for lines in (b"A: 1\r\nB: 2", b"B: 2\r\nA: 1", b"a: 1\r\nB: 2", b"A: 1\r\nA: 1\r\nB: 2")
    ]
    assert len({head.identity for head in heads}) == len(heads)


def test_settings_add_and_remove_neutral_headers() -> None:
    rules = head_rules(b"", (), ("X-Request-Id",), ("If-None-Match",), b"key")
    assert read(HOST + b"x-request-id: 1", rules).identity == read(HOST + b"x-request-id: 2", rules).identity
    assert read(HOST + b"if-none-match: 1", rules).identity != read(HOST + b"if-none-match: 2", rules).identity


def test_settings_may_name_all_headers_that_begin_alike() -> None:
    rules = head_rules(b"", (), ("X-Job-*",), ("x-datadog-*", "x-b3-traceid"), b"key")
    for name in (b"x-job-id", b"X-Job-", b"X-B3-SpanId", b"baggage"):
        assert read(HOST + name + b": 1", rules).identity == read(HOST, rules).identity, name
    for name in (b"x-job", b"x-datadog-origin", b"X-B3-TraceId"):
        assert read(HOST + name + b": 1", rules).identity != read(HOST, rules).identity, name


def test_host_is_identity_where_upstream_gets_it_unless_the_operator_says_otherwise() -> None:
    rules = head_rules(b"", (), (), (), b"key")
    assert read(b"Host: a", rules).identity != read(b"Host: b", rules).identity
    named = head_rules(b"", (), ("Host",), (), b"key")
    assert read(b"Host: a", named).identity == read(b"Host: b", named).identity
    assert read(b"Host: a", named).coalescing_identity != read(b"Host: b", named).coalescing_identity


def test_a_header_that_names_traces_is_identity_if_upstream_gets_it() -> None:
    rules = head_rules(b"upstream:3000", ("x-fanin-trace", "x-job", "traceparent"), (), (), b"key")
    assert read(HOST + b"x-job: 1", rules).identity != read(HOST + b"x-job: 2", rules).identity
    for line in (b"x-fanin-trace: 1", b"traceparent: 1"):
        assert read(HOST + line, rules).identity == read(HOST, rules).identity


def test_the_identity_hash_depends_on_the_key() -> None:
    other = head_rules(b"upstream:3000", (), (), (), b"another key")
    block = HOST + b"Authorization: Bearer a"
    assert read(block).identity_hash != read(block, other).identity_hash
    assert len(read(block).identity_hash) >= 16
    assert b"Bearer" not in read(block).identity_hash


def test_writes_of_one_caller_differ_in_the_length_of_their_bodies_only() -> None:
    short, long = (
        read(HOST + b"Authorization: a\r\nContent-Length: 2"),
        read(HOST + b"Authorization: a\r\ncontent-length: 30"),
    )
    other = read(HOST + b"Authorization: b\r\nContent-Length: 2")
    assert short.identity_hash != long.identity_hash
    assert short.caller_hash == long.caller_hash != other.caller_hash
    assert with_peer(short, b"1", b"k").caller_hash == with_peer(long, b"1", b"k").caller_hash
    assert read(HOST).caller_hash == read(HOST).identity_hash


def test_the_headers_that_only_name_a_call_are_known_by_name() -> None:
    assert read(HOST + b"Authorization: a").call_headers == ""
    assert read(HOST + b"X-Request-Id: 1\r\nX-CALL-ID: 2\r\nx-request-id: 3").call_headers == "x-request-id,x-call-id"
    assert read(HOST + b"Idempotency-Key: 1\r\nsentry-trace: 2").call_headers == "idempotency-key", "one is neutral"
    long = b"".join(b"X-%s-Call: 1\r\n" % (b"n" * 60 + b"%d" % number) for number in range(9))
    assert len(read(HOST + long.rstrip()).call_headers) <= 200


def test_reads_of_one_caller_are_its_reads_whatever_form_of_answer_they_ask_for() -> None:
    lines = (b"Accept: application/json", b"accept: application/vnd.pgrst.object+json", b"Prefer: count=exact")
    hashes = {read(HOST + b"Authorization: a\r\n" + line).caller_hash for line in lines}
    assert hashes == {read(HOST + b"Authorization: a").caller_hash}
    assert read(HOST + b"Authorization: a\r\nPrefer: missing=default").caller_hash not in hashes


@pytest.mark.parametrize(
    "name",
    [
        *REQUEST_IDS,
        *(b"Idempotency-Key", b"X-Idempotency-Key", b"X-Span", b"X-Call-Id", b"x-trace-uuid", b"X_Request_Id", b"Date"),
        *(
            b"X-Nonce",
            b"X-Message-Id",
            b"X-Amz-Date",
            b"X-Attempt",
            b"X-Request-Timestamp",
            b"X-Client-Trace-Id",
            b"traceparent",
            b"sentry-trace",
        ),
    ],
)
def test_a_header_that_only_names_a_call_does_not_tell_callers_apart(name: bytes) -> None:
    one, two = (read(HOST + b"Authorization: a\r\n" + name + b": " + value) for value in (b"1", b"2"))
    assert one.caller_hash == two.caller_hash == read(HOST + b"Authorization: a").caller_hash
    assert one.caller_hash != read(HOST + b"Authorization: b\r\n" + name + b": 1").caller_hash
    assert with_peer(one, b"1", b"k").caller_hash == with_peer(two, b"1", b"k").caller_hash
    assert with_peer(one, b"1", b"k").caller_hash != with_peer(one, b"2", b"k").caller_hash


@pytest.mark.parametrize(
    "name",
    [
        *(
            b"Authorization",
            b"apikey",
            b"Cookie",
            b"X-Api-Key",
            b"X-Forwarded-For",
            b"X-Tenant",
            b"X-Org-Id",
            b"Origin",
        ),
        *(
            b"X-User-Id",
            b"X-Session-Id",
            b"X-Request-User",
            b"X-Trace-Token",
            b"X-Call-Signature",
            b"X-Job",
            b"User-Agent",
        ),
        *(b"Accept-Profile", b"X-" + b"job-" * 20 + b"call"),
    ],
)
def test_every_other_header_of_the_identity_tells_callers_apart(name: bytes) -> None:
    assert read(HOST + name + b": 1").caller_hash != read(HOST + name + b": 2").caller_hash


def test_an_id_that_the_operator_compares_tells_callers_apart() -> None:
    rules = head_rules(b"", (), (), ("x-request-id", "sentry-*"), b"key")
    for name in (b"X-Request-Id", b"sentry-trace"):
        assert read(HOST + name + b": 1", rules).caller_hash != read(HOST + name + b": 2", rules).caller_hash


def test_the_preferences_of_a_write_are_those_that_decide_what_it_does() -> None:
    head = read(HOST + b"Prefer: return=minimal,resolution=merge-duplicates\r\nPrefer: secret, missing=default")
    assert head.write_preferences == "missing=default,resolution=merge-duplicates,return=minimal"


def test_a_forwarded_peer_is_identity() -> None:
    head = read(HOST + b"X: y")
    one, two = with_peer(head, b"10.0.0.1", b"key"), with_peer(head, b"10.0.0.2", b"key")
    assert one.forwarded_lines == head.forwarded_lines + b"X-Forwarded-For: 10.0.0.1\r\n"
    assert one.merged_lines == head.merged_lines + b"X-Forwarded-For: 10.0.0.1\r\n"
    assert len({head.identity, one.identity, two.identity}) == 3
    assert len({head.identity_hash, one.identity_hash, two.identity_hash}) == 3
    assert with_peer(head, b"10.0.0.1", b"key") == one


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b"X: y", "FANIN106"),
        (HOST + HOST, "FANIN106"),
        (HOST + b"Connection: X-Api-Key", "FANIN105"),
        (HOST + b"Connection: close\r\nConnection: authorization", "FANIN105"),
        (HOST + b"Content-Length: 1\r\nContent-Length: 1", "FANIN103"),
        (HOST + b"Transfer-Encoding: gzip", "FANIN111"),
    ],
)
def test_an_ambiguous_head_is_an_error(block: bytes, code: str) -> None:
    with pytest.raises(FaultError, match=code):
        read(block)


def test_http_1_0_needs_no_host_and_closes() -> None:
    assert read(b"X: y", minor=0).close
    assert read(b"Connection: keep-alive", minor=0).close
    assert not read(HOST).close
    assert read(HOST + b"Connection: TE, Close").close


@pytest.mark.parametrize(
    ("lines", "minor", "websocket"),
    [
        (b"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket", 1, True),
        (b"Connection: Upgrade\r\nUpgrade: h2c", 1, False),
        (b"Connection: Upgrade\r\nUpgrade: websocket, h2c", 1, False),
        (b"Upgrade: websocket", 1, False),
        (b"Connection: Upgrade", 1, False),
        (b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3", 1, False),
        (b"Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked", 1, False),
        (b"Connection: Upgrade\r\nUpgrade: websocket", 0, False),
    ],
)
def test_only_a_websocket_without_a_body_is_an_upgrade(lines: bytes, minor: int, websocket: bool) -> None:
    head = read(HOST + lines, minor=minor)
    assert head.websocket is websocket
    assert b"Upgrade" not in head.forwarded_lines


@pytest.mark.parametrize(
    ("lines", "trace"),
    [
        (b"X-Fanin-Trace: page-1", "page-1"),
        (b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        (b"traceparent: 00-1-2-3\r\nX-Fanin-Trace: t", "t"),
        (b"traceparent: nonsense", None),
        (b"traceparent: 00-" + b"s" * 32 + b"-00f067aa0ba902b7-01", None),
        (b"traceparent: 00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", None),
        (b"X: y", None),
        (b"X-Fanin-Trace: " + b"x" * 500, "x" * 200),
    ],
)
def test_the_trace_is_the_first_of_its_headers(lines: bytes, trace: str | None) -> None:
    assert read(HOST + lines).trace == trace


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"", None),
        (b"X-Fanin: off", "off"),
        (b"Content-Length: 1", "body"),
        (b"Expect: 100-continue", "expect"),
        (b"Range: 1-2", "range"),
        (b"Range: 0-1", None),
        (b"Accept: text/csv", "accept"),
        (b"Accept: */*", None),
        (b"Accept: application/vnd.pgrst.object+json", None),
        (b"Prefer: count=exact", None),
        (b"Prefer: count=planned", "count"),
        (b"Prefer: count=exact, count=planned", "count"),
    ],
)
def test_some_headers_prevent_merging(lines: bytes, reason: str | None) -> None:
    assert read(HOST + lines).bypass_reason == reason


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (b"Host: h\r\nTraceParent:  00-aB-1-01 \r\nX: y\r\n", b"00-ab-1-01"),
        (b"traceparent: 00-1-2-01\r\n", b"00-1-2-01"),
        (b"Host: h\r\nX-traceparent: 00-1-2-01\r\ntraceparent2: x\r\n", b""),
        (b"", b""),
    ],
)
def test_traceparent_is_found_in_header_lines(lines: bytes, value: bytes) -> None:
    assert traceparent_of(lines) == value


@pytest.mark.parametrize("name", ["Accept", "Accept-Profile", "Prefer", "Range"])
def test_a_header_that_postgrest_reads_is_never_neutral(name: str) -> None:
    rules = head_rules(b"", (), (name, "X-Job"), (), b"key")
    one, other = (read(f"Host: h\r\n{name}: {value}\r\nX-Job: {value}".encode(), rules) for value in ("0-1", "0-2"))
    assert one.identity != other.identity
    assert b"X-Job" not in one.identity


def test_a_range_from_the_first_row_on_is_not_in_the_lines_of_a_merged_call() -> None:
    head = read(b"Host: h\r\nRange-Unit: items\r\nRange: 0-24")
    assert head.range_limit == 25
    assert b"Range: 0-24" in head.identity
    assert b"Range: " not in head.merged_lines
    assert b"Range-Unit: items" in head.merged_lines
    assert b"Range: 0-\r\n" in read(b"Host: h\r\nRange: 0-").merged_lines, "it cuts nothing"


FORWARDING = replace(RULES, forwards_names=True)
NAMED = b"X-Fanin-Route: GET /a\r\nX-Fanin-Trace: t1\r\n"


def test_route_and_trace_go_to_upstream_only_if_the_operator_says_so_and_are_no_identity() -> None:
    lines = HOST + NAMED + b"X-Fanin-Caller: c\r\n"
    assert read(lines).name_lines is None
    assert b"Fanin" not in read(lines).forwarded_lines + read(lines).merged_lines
    head = read(lines, FORWARDING)
    assert head.forwarded_lines == NAMED + b"Host: upstream:3000\r\n"
    assert head.merged_lines == head.forwarded_lines + b"Accept-Encoding: identity\r\n"
    assert (head.identity, head.coalescing_identity) == (read(lines).identity, read(lines).coalescing_identity)
    assert read(HOST, FORWARDING).forwarded_lines == b"Host: upstream:3000\r\n"


def test_a_call_for_several_has_the_names_that_all_agree_on_and_their_number() -> None:
    heads = [read(HOST + NAMED, FORWARDING), read(HOST + NAMED, FORWARDING)]
    assert lines_for_all(heads[0].merged_lines, heads[:1]) == heads[0].merged_lines
    rest = b"Host: upstream:3000\r\n"
    assert lines_for_all(heads[0].forwarded_lines, heads) == NAMED + b"X-Fanin-Merged: 2\r\n" + rest
    other = read(HOST + b"X-Fanin-Route: X-Fanin-Trace: t1\r\n", FORWARDING)
    assert lines_for_all(heads[0].forwarded_lines, [*heads, other]) == b"X-Fanin-Merged: 3\r\n" + rest
    silent = [read(HOST), read(HOST)]
    assert lines_for_all(silent[0].forwarded_lines, silent) == rest


def test_a_peer_behind_the_names_leaves_them_at_the_beginning() -> None:
    head = with_peer(read(HOST + NAMED, FORWARDING), b"10.0.0.1", b"key")
    last = b"Host: upstream:3000\r\nX-Forwarded-For: 10.0.0.1\r\n"
    assert lines_for_all(head.forwarded_lines, [head, head]) == NAMED + b"X-Fanin-Merged: 2\r\n" + last
