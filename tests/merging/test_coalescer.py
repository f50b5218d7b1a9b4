"""Coalescer with a fake upstream: every request gets the answer that it would get alone."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FALLBACK_REASONS, FaultError
from proxy.merging.coalescer import SHARED_FAULTS
from proxy.merging.waiters import BufferedAnswer, FailedCall, SendAlone, StreamedAnswer
from proxy.model import Outcome
from proxy.observe.events import CANCELLED, NO_ANSWER, UpstreamCalled, Warned, WindowClosed
from proxy.path.batches.coalescing import stable_in_settings
from proxy.settings.rules import RuleSettings
from tests.factories import member
from tests.merging.harness import (
    NOT_SENT,
    OK_HEAD,
    FakeUpstream,
    MergingHarness,
    bodies,
    fallbacks,
    finish,
    finish_all,
    ids,
    run_loop,
)

PAGE = "/t?order=id&offset=10"


def call_results(harness: MergingHarness) -> list[tuple[str, int]]:
    return [(event.kind, event.status) for event in harness.events if isinstance(event, UpstreamCalled)]


def costs(harness: MergingHarness) -> list[str]:
    return [event.costs for event in harness.events if isinstance(event, UpstreamCalled)]


# Answers that are shared.


async def test_equal_reads_share_one_call_and_each_gets_a_copy() -> None:
    harness = MergingHarness(upstream=FakeUpstream(body=b'[{"a":1}]'))
    replies = await finish_all(harness, harness.coalesce(*[PAGE] * 3))
    assert harness.upstream.heads == [b"GET /t?order=id&offset=10 HTTP/1.1\r\nHost: h\r\n\r\n"]
    assert bodies(replies) == [b'[{"a":1}]'] * 3
    for reply in replies:
        assert isinstance(reply, BufferedAnswer)
        assert reply.slice.head == OK_HEAD + b"\r\nContent-Length: 9\r\n"
        assert (reply.call, reply.shared, reply.outcome, reply.slice.rows) == (1, 3, Outcome.SHARED, 1)
    assert call_results(harness) == [("shared", 200)]
    assert costs(harness) == ["FAN003"]


async def test_requests_with_equal_keys_share_an_original() -> None:
    harness = MergingHarness()
    replies = await finish_all(harness, harness.merge(*ids(7, 7)))
    assert bodies(replies) == [b"[]", b"[]"]
    assert harness.upstream.heads == [b"GET /t?id=eq.7 HTTP/1.1\r\nHost: h\r\n\r\n"]
    assert not harness.fetcher.sent


async def test_a_lone_request_is_sent_alone_with_its_bypass_reason() -> None:
    harness = MergingHarness()
    (reply,) = await finish_all(harness, harness.coalesce(PAGE))
    assert isinstance(reply, SendAlone)
    assert (reply.reason, reply.is_fallback) == ("offset", False)
    assert not harness.upstream.heads


async def test_requests_with_different_targets_heads_or_methods_share_no_call() -> None:
    harness = MergingHarness()
    tasks = [
        *harness.coalesce(PAGE, "/t?order=id&offset=20"),
        *harness.coalesce(PAGE, lines="Host: h\nAccept: text/csv"),
        *harness.coalesce(PAGE, lines="Host: h\nAccept-Encoding: gzip"),
        *harness.coalesce(PAGE, lines="Host: h\nAuthorization: Bearer x"),
        *harness.coalesce(PAGE, method=b"HEAD"),
    ]
    assert fallbacks(await finish_all(harness, tasks)) == [False] * 6
    assert not harness.upstream.heads


async def test_a_request_never_joins_a_call_in_flight() -> None:
    harness = MergingHarness()
    harness.upstream.resume.clear()
    first = harness.coalesce(PAGE, PAGE)
    await run_loop()
    second = harness.coalesce(PAGE, PAGE)
    await run_loop()
    assert len(harness.upstream.heads) == 1
    harness.upstream.resume.set()
    assert bodies(await finish_all(harness, first + second)) == [b"[]"] * 4
    assert len(harness.upstream.heads) == 2
    assert [event.size for event in harness.events if isinstance(event, WindowClosed)] == [2, 2]


async def test_a_shared_head_request_keeps_the_content_length_of_its_answer() -> None:
    head = OK_HEAD + b"\r\nContent-Length: 12"
    harness = MergingHarness(upstream=FakeUpstream(head))
    for reply in await finish_all(harness, harness.coalesce(PAGE, PAGE, method=b"HEAD")):
        assert isinstance(reply, BufferedAnswer)
        assert (reply.slice.head, reply.slice.body, reply.slice.rows) == (head + b"\r\n", b"", -1)


@pytest.mark.parametrize("status", [b"206 Partial Content", b"400 Bad Request", b"404 Not Found", b"500 Oops"])
async def test_errors_of_postgrest_are_shared(status: bytes) -> None:
    body = b'{"code":"42703","message":"column t.nope does not exist"}'
    harness = MergingHarness(upstream=FakeUpstream(OK_HEAD.replace(b"200 OK", status), body))
    replies = await finish_all(harness, harness.coalesce(PAGE, PAGE))
    assert bodies(replies) == [body, body]
    assert all(isinstance(one, BufferedAnswer) and one.slice.head.startswith(b"HTTP/1.1 " + status) for one in replies)


async def test_the_response_observer_sees_a_shared_answer() -> None:
    harness = MergingHarness(upstream=FakeUpstream(OK_HEAD.replace(b"0-0/*", b"0-499/*")))
    harness.max_rows.record_cut(499, 0.0)
    await finish_all(harness, harness.coalesce(PAGE, PAGE))
    assert harness.max_rows.known(0.0) is None


# Answers that may be one client's.


@pytest.mark.parametrize("line", [b"Set-Cookie: session=1", b"X-Film: 2", b"Location: /x"])
async def test_an_answer_with_a_header_for_one_client_goes_to_the_first_only(
    line: bytes,
) -> None:
    harness = MergingHarness(upstream=FakeUpstream(OK_HEAD + b"\r\n" + line, b"[1]"))
    first, *others = await finish_all(harness, harness.coalesce(PAGE, PAGE, PAGE))
    assert isinstance(first, StreamedAnswer)
    assert [field.line for field in first.answer.fields][-1] == line
    assert first.data == b""
    assert fallbacks(others) == [True, True]
    assert harness.fallback_reasons() == ["headers"]
    assert call_results(harness) == [("shared", 200)]
    assert (costs(harness), first.call) == (["FAN003"], 1)


async def test_a_body_beyond_the_limit_is_streamed_to_the_first() -> None:
    harness = MergingHarness(upstream=FakeUpstream(body=b"x" * 100, arrived=60), max_body=50)
    tasks = harness.coalesce(PAGE, PAGE)
    first, other = await asyncio.gather(*tasks)
    assert isinstance(first, StreamedAnswer)
    assert isinstance(other, SendAlone)
    assert harness.fallback_reasons() == ["too-large"]
    assert first.data == b"x" * 60
    assert harness.upstream.connection is not None
    harness.upstream.connection.data_received(b"x" * 40)
    assert b"".join([piece async for piece in first.answer.pieces()]) == b"x" * 40
    assert harness.upstream.open == 1
    await finish_all(harness, tasks)


async def test_a_body_beyond_the_limit_is_not_shared_even_if_all_of_it_has_arrived() -> None:
    harness = MergingHarness(upstream=FakeUpstream(body=b"x" * 51), max_body=50)
    first, other = await finish_all(harness, harness.coalesce(PAGE, PAGE))
    assert isinstance(first, StreamedAnswer)
    assert first.data == b"x" * 51
    assert fallbacks([other]) == [True]


async def test_a_body_up_to_the_limit_is_shared_even_if_it_arrives_in_pieces() -> None:
    harness = MergingHarness(upstream=FakeUpstream(body=b"x" * 50, arrived=10), max_body=50)
    tasks = harness.coalesce(PAGE, PAGE)
    await run_loop()
    assert harness.upstream.connection is not None
    harness.upstream.connection.data_received(b"x" * 40)
    assert bodies(await finish_all(harness, tasks)) == [b"x" * 50] * 2


@pytest.mark.parametrize("status", [b"502 Bad Gateway", b"503 Busy", b"504 Gateway Timeout"])
async def test_a_gateways_own_error_goes_to_the_first_only(status: bytes) -> None:
    harness = MergingHarness(upstream=FakeUpstream(OK_HEAD.replace(b"200 OK", status), b"upstream connect error"))
    first, other = await finish_all(harness, harness.coalesce(PAGE, PAGE))
    assert isinstance(first, StreamedAnswer)
    assert first.data == b"upstream connect error"
    assert fallbacks([other]) == [True]
    assert harness.fallback_reasons() == ["unavailable"]


async def test_postgrests_error_about_its_database_is_shared() -> None:
    body = b'{"code":"PGRST002","message":"Could not query the database for the schema cache. Retrying."}'
    harness = MergingHarness(
        upstream=FakeUpstream(OK_HEAD.replace(b"200 OK", b"503 Service Unavailable") + b"\r\nRetry-After: 1", body)
    )
    assert bodies(await finish_all(harness, harness.coalesce(PAGE, PAGE))) == [body, body]


# Calls without an answer.


@pytest.mark.parametrize("code", sorted(SHARED_FAULTS))
async def test_a_fault_that_every_call_would_get_fails_all_requests(code: str) -> None:
    harness = MergingHarness(upstream=FakeUpstream(FaultError(code, "why")))
    replies = await finish_all(harness, harness.coalesce(PAGE, PAGE, PAGE))
    assert all(isinstance(reply, FailedCall) and reply.error.fault.code == code for reply in replies)
    sent = code not in NOT_SENT
    assert {reply.call for reply in replies if isinstance(reply, FailedCall)} == {int(sent)}
    status = CANCELLED if code == "FANIN509" else NO_ANSWER  # without a descriptor, upstream was not called
    assert call_results(harness) == [("shared", status)] * sent
    assert len(harness.upstream.heads) == 1


@pytest.mark.parametrize("code", ["FANIN502", "FANIN503"])
async def test_a_broken_connection_fails_the_first_and_the_others_are_sent_alone(code: str) -> None:
    harness = MergingHarness(upstream=FakeUpstream(FaultError(code)))
    failed, *others = await finish_all(harness, harness.coalesce(PAGE, PAGE, PAGE))
    assert isinstance(failed, FailedCall)
    assert fallbacks(others) == [True, True]
    assert harness.fallback_reasons() == ["connection"]


async def test_an_incomplete_body_fails_the_first_and_the_others_are_sent_alone() -> None:
    harness = MergingHarness(upstream=FakeUpstream(body=b"x" * 50, arrived=10))
    tasks = harness.coalesce(PAGE, PAGE)
    await run_loop()
    assert harness.upstream.connection is not None
    harness.upstream.connection.eof_received()
    failed, other = await finish_all(harness, tasks)
    assert isinstance(failed, FailedCall)
    assert failed.error.fault.code == "FANIN502"
    assert fallbacks([other]) == [True]


async def test_after_a_bug_every_request_is_sent_alone_and_the_bug_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = MergingHarness()
    monkeypatch.setattr(harness.state, "observer", None)
    replies = await finish(harness.coalesce(PAGE, PAGE))
    assert fallbacks(replies) == [True, True]
    assert harness.fallback_reasons() == ["bug"]
    assert [event.error for event in harness.events if isinstance(event, Warned)]


def test_the_fallback_reasons_are_in_the_table() -> None:
    assert {"headers", "too-large", "unavailable", "connection", "bug"} <= set(FALLBACK_REASONS)


# Coalescing off or paused.


async def test_after_a_fallback_coalescing_pauses_for_the_query_and_identity() -> None:
    harness = MergingHarness(upstream=FakeUpstream(OK_HEAD + b"\r\nX-Film: 2"))
    await finish_all(harness, harness.coalesce(PAGE, PAGE))
    replies = await finish_all(harness, harness.coalesce("/t?order=id&offset=20", "/t?order=id&offset=20"))
    assert fallbacks(replies) == [False, False]
    assert len(harness.upstream.heads) == 1
    await finish_all(harness, harness.coalesce(PAGE, PAGE, lines="Host: h\nCookie: c=d"))
    assert len(harness.upstream.heads) == 2
    harness.now = 1.0
    harness.upstream.head = OK_HEAD
    assert bodies(await finish_all(harness, harness.coalesce(PAGE, PAGE))) == [b"[]", b"[]"]


async def test_after_a_shared_answer_the_next_pause_is_as_short_as_the_first() -> None:
    harness = MergingHarness(upstream=FakeUpstream(OK_HEAD + b"\r\nX-Film: 2"))
    for now in (0.0, 1.0, 3.0):  # pauses of 1 and 2 seconds
        harness.now = now
        await finish_all(harness, harness.coalesce(PAGE, PAGE))
    harness.now, harness.upstream.head = 7.0, OK_HEAD
    await finish_all(harness, harness.coalesce(PAGE, PAGE))
    harness.upstream.head = OK_HEAD + b"\r\nX-Film: 2"
    await finish_all(harness, harness.coalesce(PAGE, PAGE))
    harness.now = 8.0
    await finish_all(harness, harness.coalesce(PAGE, PAGE))
    assert len(harness.upstream.heads) == 6


@pytest.mark.parametrize("level", ["off", "report"])
async def test_below_level_rewrite_no_call_is_shared_and_merging_goes_on(level: str) -> None:
    harness = MergingHarness(rules=RuleSettings.model_validate({"fan003": level}))
    assert not harness.coalescer.accepts(member(PAGE))
    assert fallbacks(await finish_all(harness, harness.merge(*ids(7, 7)))) == [False, False]
    assert bodies(await finish_all(harness, harness.merge(*ids(7, 7, 8)))) == [b"7", b"7", b"8"]
    assert not harness.upstream.heads


async def test_while_merging_is_paused_equal_reads_share_one_call() -> None:
    harness = MergingHarness()
    scheduler = harness.merger.batcher.schedulers.get(
        member("/t?id=eq.1").query.fingerprint, member("/t").head.identity_hash
    )
    assert scheduler is not None
    scheduler.record_failure(0.0)
    replies = await finish_all(harness, harness.merge(*ids(1, 1, 2)))
    assert bodies(replies) == [b"[]", b"[]", None]
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["paused"]
    assert not harness.fetcher.sent


async def test_only_listed_functions_are_coalesced() -> None:
    harness = MergingHarness()
    harness.coalescer._is_stable = stable_in_settings(("slow",), "public")
    assert not harness.coalescer.accepts(member("/rpc/token"))
    assert bodies(await finish_all(harness, harness.coalesce("/rpc/slow?a=1", "/rpc/slow?a=1"))) == [b"[]", b"[]"]
