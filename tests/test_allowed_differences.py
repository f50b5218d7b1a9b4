"""The allowed differences, and that the comparators of the tests and of fanin allow no others."""

from __future__ import annotations

import pytest

from proxy.allowed_differences import TIME_HEADERS, is_compared
from proxy.postgrest.response.gateway import SUPABASE
from tests.e2e.support.answer_differences import differences
from tests.e2e.support.harness import RawAnswer

HEAD = b"HTTP/1.1 200 OK\r\nDate: now\r\nA: 1\r\nB: 2\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "name", [b"content-type", b"set-cookie", b"content-location", b"date", b"vary", b"etag", b"via"]
)
def test_end_to_end_headers_are_compared(name: bytes) -> None:
    assert is_compared(name)


@pytest.mark.parametrize(
    "name", [b"connection", b"keep-alive", b"content-length", b"transfer-encoding", b"x-fanin-trace"]
)
def test_hop_by_hop_framing_and_fanins_headers_are_not_compared(name: bytes) -> None:
    assert not is_compared(name)


def test_only_two_headers_may_differ_in_value() -> None:
    assert {b"date", b"server-timing"} == TIME_HEADERS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Date: now", b"Date: then"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 2"),
        (b"\r\n\r\n", b"\r\nConnection: close\r\nX-Fanin: passed\r\n\r\n"),
    ],
)
def test_allowed_differences_are_not_reported(before: bytes, after: bytes) -> None:
    assert not differences(RawAnswer(HEAD, b"ok"), RawAnswer(HEAD.replace(before, after), b"ok"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"200 OK", b"200 Fine"),
        (b"200 OK", b"206 OK"),
        (b"Date: now\r\n", b""),
        (b"Date: now\r\nA: 1", b"A: 1\r\nDate: now"),
        (b"A: 1\r\nB: 2", b"B: 2\r\nA: 1"),
        (b"B: 2", b"b: 2"),
        (b"B: 2", b"B:2"),
        (b"B: 2\r\nA: 1\r\n", b"B: 2\r\n"),
        (b"\r\n\r\n", b"\r\nX-New: y\r\n\r\n"),
    ],
)
def test_other_differences_of_heads_are_reported(before: bytes, after: bytes) -> None:
    changed = HEAD.replace(before, after, 1)
    assert changed != HEAD
    assert differences(RawAnswer(HEAD, b"ok"), RawAnswer(changed, b"ok"))


def test_differences_of_bodies_interim_answers_and_completeness_are_reported() -> None:
    whole = RawAnswer(HEAD, b"ok")
    assert differences(whole, RawAnswer(HEAD, b"ok "))
    assert differences(whole, RawAnswer(HEAD, b"ok", complete=False))
    assert differences(whole, RawAnswer(HEAD, b"ok", interim=[b"HTTP/1.1 103 Early Hints\r\n\r\n"]))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (b"cf-ray: 1\r\n", b"cf-ray: 2\r\n"),
        (b"X-Kong-Proxy-Latency: 1\r\n", b"X-Kong-Proxy-Latency: 2\r\n"),
        (b"Set-Cookie: __cf_bm=1; path=/\r\n", b""),
        (b"Vary: Accept-Encoding\r\n", b""),
    ],
)
def test_values_cookies_and_compression_of_a_gateway_may_differ_under_its_profile(one: bytes, two: bytes) -> None:
    before, after = (RawAnswer(HEAD.replace(b"B: 2\r\n", line), b"ok") for line in (one, two))
    assert differences(before, after)
    assert not differences(before, after, SUPABASE)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (b"cf-ray: 1\r\n", b""),
        (b"cf-ray: 1\r\n", b"cf-ray: 1\r\ncf-ray: 1\r\n"),
        (b"cf-ray: 1\r\nvia: 1\r\n", b"via: 1\r\ncf-ray: 1\r\n"),
        (b"Set-Cookie: session=1\r\n", b""),
        (b"Vary: Accept, Accept-Encoding\r\n", b"Vary: Accept\r\n"),
        (b"X-Film: 1\r\n", b"X-Film: 2\r\n"),
    ],
)
def test_other_differences_of_gateway_answers_are_reported(one: bytes, two: bytes) -> None:
    before, after = (RawAnswer(HEAD.replace(b"B: 2\r\n", line), b"ok") for line in (one, two))
    assert differences(before, after, SUPABASE)
