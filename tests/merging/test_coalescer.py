"""Shared calls that end as a test says: everybody has the answer that it would have had alone."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FALLBACK_REASONS, FaultError
from proxy.merging.waiters import BufferedAnswer, FailedCall, SendAlone, StreamedAnswer
from proxy.model import Outcome
from proxy.observe.events import NO_ANSWER, UpstreamCalled, Warned, WindowClosed
from proxy.path.coalescing import stable_in_settings
from proxy.settings.rules import RuleSettings
from tests.factories import member
from tests.merging.harness import FINE, Made, Originals, bodies, finish, ids, settled, tickets, turns

PAGE = "/t?order=id&offset=10"


def calls(made: Made) -> list[tuple[str, int]]:
    return [(event.kind, event.status) for event in made.said if isinstance(event, UpstreamCalled)]


def costs(made: Made) -> list[str]:
    return [event.costs for event in made.said if isinstance(event, UpstreamCalled)]


# One answer for all.


async def test_equal_reads_are_one_call_and_each_has_a_copy() -> None:
    made = Made(originals=Originals(body=b'[{"a":1}]'))
    replies = await settled(made, made.share(*[PAGE] * 3))
    assert made.originals.made == [b"GET /t?order=id&offset=10 HTTP/1.1\r\nHost: h\r\n\r\n"]
    assert bodies(replies) == [b'[{"a":1}]'] * 3
    for reply in replies:
        assert isinstance(reply, BufferedAnswer)
        assert reply.slice.head == FINE + b"\r\nContent-Length: 9\r\n"
        assert (reply.call, reply.shared, reply.outcome, reply.slice.rows) == (1, 3, Outcome.SHARED, 1)
    assert calls(made) == [("shared", 200)]
    assert costs(made) == ["FAN003"]


async def test_equal_keys_share_an_original_too() -> None:
    made = Made()
    replies = await settled(made, made.ask(*ids(7, 7)))
    assert bodies(replies) == [b"[]", b"[]"]
    assert made.originals.made == [b"GET /t?id=eq.7 HTTP/1.1\r\nHost: h\r\n\r\n"]
    assert not made.calls.made


async def test_who_is_alone_goes_alone_and_says_why_it_is_not_merged() -> None:
    made = Made()
    (reply,) = await settled(made, made.share(PAGE))
    assert isinstance(reply, SendAlone)
    assert (reply.reason, reply.is_fallback) == ("offset", False)
    assert not made.originals.made


async def test_other_targets_heads_and_methods_share_nothing() -> None:
    made = Made()
    asked = [
        *made.share(PAGE, "/t?order=id&offset=20"),
        *made.share(PAGE, lines="Host: h\nAccept: text/csv"),
        *made.share(PAGE, lines="Host: h\nAccept-Encoding: gzip"),
        *made.share(PAGE, lines="Host: h\nAuthorization: Bearer x"),
        *made.share(PAGE, method=b"HEAD"),
    ]
    assert tickets(await settled(made, asked)) == [False] * 6
    assert not made.originals.made


async def test_a_call_in_flight_is_never_joined() -> None:
    made = Made()
    made.originals.going.clear()
    first = made.share(PAGE, PAGE)
    await turns()
    second = made.share(PAGE, PAGE)
    await turns()
    assert len(made.originals.made) == 1
    made.originals.going.set()
    assert bodies(await settled(made, first + second)) == [b"[]"] * 4
    assert len(made.originals.made) == 2
    assert [event.size for event in made.said if isinstance(event, WindowClosed)] == [2, 2]


async def test_a_head_is_answered_with_what_its_answer_says_of_length() -> None:
    head = FINE + b"\r\nContent-Length: 12"
    made = Made(originals=Originals(head))
    for reply in await settled(made, made.share(PAGE, PAGE, method=b"HEAD")):
        assert isinstance(reply, BufferedAnswer)
        assert (reply.slice.head, reply.slice.body, reply.slice.rows) == (head + b"\r\n", b"", -1)


@pytest.mark.parametrize("status", [b"206 Partial Content", b"400 Bad Request", b"404 Not Found", b"500 Oops"])
async def test_an_error_is_shared_as_it_is(status: bytes) -> None:
    body = b'{"code":"42703","message":"column t.nope does not exist"}'
    made = Made(originals=Originals(FINE.replace(b"200 OK", status), body))
    replies = await settled(made, made.share(PAGE, PAGE))
    assert bodies(replies) == [body, body]
    assert all(isinstance(one, BufferedAnswer) and one.slice.head.startswith(b"HTTP/1.1 " + status) for one in replies)


async def test_an_answer_teaches_what_answers_teach() -> None:
    made = Made(originals=Originals(FINE.replace(b"0-0/*", b"0-499/*")))
    await settled(made, made.share(PAGE, PAGE))
    assert made.evidence.proves_whole(499, 0.0)


# What is one caller's.


@pytest.mark.parametrize("line", [b"Set-Cookie: session=1", b"X-Film: 2", b"Location: /x"])
async def test_a_header_that_may_be_one_callers_goes_to_the_first_and_the_others_ask_themselves(line: bytes) -> None:
    made = Made(originals=Originals(FINE + b"\r\n" + line, b"[1]"))
    own, *others = await settled(made, made.share(PAGE, PAGE, PAGE))
    assert isinstance(own, StreamedAnswer)
    assert [field.line for field in own.answer.fields][-1] == line
    assert own.data == b""
    assert tickets(others) == [True, True]
    assert made.doubts() == ["headers"]
    assert calls(made) == [("shared", 200)]
    assert (costs(made), own.call) == (["FAN003"], 1)


async def test_a_body_beyond_the_limit_goes_to_the_first_as_it_comes() -> None:
    made = Made(originals=Originals(body=b"x" * 100, there=60), max_body=50)
    asked = made.share(PAGE, PAGE)
    own, other = await asyncio.gather(*asked)
    assert isinstance(own, StreamedAnswer)
    assert isinstance(other, SendAlone)
    assert made.doubts() == ["too-large"]
    assert own.data == b"x" * 60
    assert made.originals.wire is not None
    made.originals.wire.data_received(b"x" * 40)
    assert b"".join([piece async for piece in own.answer.pieces()]) == b"x" * 40
    assert made.originals.open == 1
    await settled(made, asked)


async def test_a_body_beyond_the_limit_is_not_shared_though_all_of_it_is_there() -> None:
    made = Made(originals=Originals(body=b"x" * 51), max_body=50)
    own, other = await settled(made, made.share(PAGE, PAGE))
    assert isinstance(own, StreamedAnswer)
    assert own.data == b"x" * 51
    assert tickets([other]) == [True]


async def test_a_body_up_to_the_limit_is_shared_though_it_comes_in_pieces() -> None:
    made = Made(originals=Originals(body=b"x" * 50, there=10), max_body=50)
    asked = made.share(PAGE, PAGE)
    await turns()
    assert made.originals.wire is not None
    made.originals.wire.data_received(b"x" * 40)
    assert bodies(await settled(made, asked)) == [b"x" * 50] * 2


@pytest.mark.parametrize("status", [b"502 Bad Gateway", b"503 Busy", b"504 Gateway Timeout"])
async def test_what_a_gateway_says_of_itself_goes_to_the_first_only(status: bytes) -> None:
    made = Made(originals=Originals(FINE.replace(b"200 OK", status), b"upstream connect error"))
    own, other = await settled(made, made.share(PAGE, PAGE))
    assert isinstance(own, StreamedAnswer)
    assert own.data == b"upstream connect error"
    assert tickets([other]) == [True]
    assert made.doubts() == ["unavailable"]


async def test_what_postgrest_says_of_its_database_is_shared() -> None:
    body = b'{"code":"PGRST002","message":"Could not query the database for the schema cache. Retrying."}'
    made = Made(originals=Originals(FINE.replace(b"200 OK", b"503 Service Unavailable") + b"\r\nRetry-After: 1", body))
    assert bodies(await settled(made, made.share(PAGE, PAGE))) == [body, body]


# No answer.


@pytest.mark.parametrize("code", ["FANIN501", "FANIN504", "FANIN505", "FANIN506"])
async def test_an_upstream_that_is_away_or_out_of_time_is_so_for_everybody(code: str) -> None:
    made = Made(originals=Originals(FaultError(code, "why")))
    replies = await settled(made, made.share(PAGE, PAGE, PAGE))
    assert all(isinstance(reply, FailedCall) and reply.error.fault.code == code for reply in replies)
    sent = code != "FANIN505"
    assert {reply.call for reply in replies if isinstance(reply, FailedCall)} == {int(sent)}
    assert calls(made) == [("shared", NO_ANSWER)] * sent
    assert len(made.originals.made) == 1


@pytest.mark.parametrize("code", ["FANIN502", "FANIN503"])
async def test_a_connection_that_breaks_fails_the_first_and_the_others_ask_themselves(code: str) -> None:
    made = Made(originals=Originals(FaultError(code)))
    failed, *others = await settled(made, made.share(PAGE, PAGE, PAGE))
    assert isinstance(failed, FailedCall)
    assert tickets(others) == [True, True]
    assert made.doubts() == ["connection"]


async def test_a_body_that_breaks_off_fails_the_first_and_the_others_ask_themselves() -> None:
    made = Made(originals=Originals(body=b"x" * 50, there=10))
    asked = made.share(PAGE, PAGE)
    await turns()
    assert made.originals.wire is not None
    made.originals.wire.eof_received()
    failed, other = await settled(made, asked)
    assert isinstance(failed, FailedCall)
    assert failed.error.fault.code == "FANIN502"
    assert tickets([other]) == [True]


async def test_a_bug_sends_everybody_alone_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    monkeypatch.setattr(made.state, "observer", None)
    replies = await finish(made.share(PAGE, PAGE))
    assert tickets(replies) == [True, True]
    assert made.doubts() == ["bug"]
    assert [event.error for event in made.said if isinstance(event, Warned)]


def test_the_doubts_are_in_the_table() -> None:
    assert {"headers", "too-large", "unavailable", "connection", "bug"} <= set(FALLBACK_REASONS)


# When it is off.


async def test_after_a_doubt_sharing_pauses_for_the_query_and_the_identity() -> None:
    made = Made(originals=Originals(FINE + b"\r\nX-Film: 2"))
    await settled(made, made.share(PAGE, PAGE))
    replies = await settled(made, made.share("/t?order=id&offset=20", "/t?order=id&offset=20"))
    assert tickets(replies) == [False, False]
    assert len(made.originals.made) == 1
    await settled(made, made.share(PAGE, PAGE, lines="Host: h\nCookie: c=d"))
    assert len(made.originals.made) == 2
    made.now = 1.0
    made.originals.head = FINE
    assert bodies(await settled(made, made.share(PAGE, PAGE))) == [b"[]", b"[]"]


async def test_after_it_worked_again_the_next_pause_is_a_short_one() -> None:
    made = Made(originals=Originals(FINE + b"\r\nX-Film: 2"))
    for now in (0.0, 1.0, 3.0):  # pauses of 1 and 2 seconds
        made.now = now
        await settled(made, made.share(PAGE, PAGE))
    made.now, made.originals.head = 7.0, FINE
    await settled(made, made.share(PAGE, PAGE))
    made.originals.head = FINE + b"\r\nX-Film: 2"
    await settled(made, made.share(PAGE, PAGE))
    made.now = 8.0
    await settled(made, made.share(PAGE, PAGE))
    assert len(made.originals.made) == 6


@pytest.mark.parametrize("level", ["off", "report"])
async def test_below_rewrite_nothing_is_shared_and_merging_goes_on(level: str) -> None:
    made = Made(rules=RuleSettings.model_validate({"fan003": level}))
    assert not made.sharing.takes(member(PAGE))
    assert tickets(await settled(made, made.ask(*ids(7, 7)))) == [False, False]
    assert bodies(await settled(made, made.ask(*ids(7, 7, 8)))) == [b"7", b"7", b"8"]
    assert not made.originals.made


async def test_where_merging_pauses_equal_reads_are_still_one_call() -> None:
    made = Made()
    gate = made.merger.batcher.schedulers.get(member("/t?id=eq.1").query.fingerprint, member("/t").head.identity_hash)
    assert gate is not None
    gate.record_failure(0.0)
    replies = await settled(made, made.ask(*ids(1, 1, 2)))
    assert bodies(replies) == [b"[]", b"[]", None]
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["paused"]
    assert not made.calls.made


async def test_a_listed_function_is_taken_and_any_other_is_not() -> None:
    made = Made()
    made.sharing._is_stable = stable_in_settings(("slow",), "public")
    assert not made.sharing.takes(member("/rpc/token"))
    assert bodies(await settled(made, made.share("/rpc/slow?a=1", "/rpc/slow?a=1"))) == [b"[]", b"[]"]
