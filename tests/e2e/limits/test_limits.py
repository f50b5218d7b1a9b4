"""What is turned down, and how: bad input, slow and greedy clients, upstreams that are down, slow or mad."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from proxy.errors.codes import FAULTS, MAYBE_SENT_CODES, NOT_SENT_CODES
from tests.e2e.support.harness import (
    OK,
    RawAnswer,
    RawClient,
    ScriptedUpstream,
    Talk,
    answers,
    ask,
    fanin,
    free_port,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /t HTTP/1.1\r\nHost: h\r\n"
SHORT, LONG = 0.1, 60.0


def code(answer: RawAnswer, method: bytes = b"GET") -> str:
    """The code of a fanin error, checked for the shape that PostgREST's clients expect, and for when to ask again."""
    assert answer.complete
    assert answer.values(b"content-type") == [b"application/json; charset=utf-8"]
    problem = json.loads(answer.body)
    assert list(problem) == ["code", "details", "hint", "message"]
    fault = FAULTS[problem["code"]]
    assert (fault.status, fault.message, fault.hint) == (answer.status, problem["message"], problem["hint"])
    again = fault.code in NOT_SENT_CODES or (fault.code in MAYBE_SENT_CODES and method == b"GET")
    assert answer.values(b"retry-after") == ([b"1"] if again else [])
    return fault.code


REFUSED = {
    "length with chunked": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "FANIN103"),
    "chunked with length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "FANIN103"),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "FANIN103"),
    "the same length twice": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "FANIN103"),
    "lengths in a list": (POST + b"Content-Length: 3, 3\r\n\r\nabc", "FANIN103"),
    "a length with plus": (POST + b"Content-Length: +5\r\n\r\nhello", "FANIN103"),
    "a length below zero": (POST + b"Content-Length: -1\r\n\r\n", "FANIN103"),
    "a length in hex": (POST + b"Content-Length: 0x5\r\n\r\nhello", "FANIN103"),
    "a length of other digits": (POST + "Content-Length: ٥\r\n\r\nhello".encode(), "FANIN103"),
    "a length with a blank in it": (POST + b"Content-Length: 1 0\r\n\r\n", "FANIN103"),
    "an empty length": (POST + b"Content-Length:\r\n\r\n", "FANIN103"),
    "a length beyond 64 bits": (POST + b"Content-Length: 18446744073709551617\r\n\r\nx", "FANIN103"),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "FANIN103"),
    "another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "FANIN111"),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "FANIN111"),
    "two codings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "FANIN111"),
    "an empty coding": (POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", "FANIN111"),
    "a coding in quotes": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', "FANIN111"),
    "a coding after a tab of another kind": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "FANIN102"),
    "a blank before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "FANIN102"),
    "a folded line": (POST + b"X: a\r\n b\r\n\r\n", "FANIN102"),
    "a folded first line": (b"GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", "FANIN102"),
    "a NUL in a value": (POST + b"X: a\0b\r\n\r\n", "FANIN102"),
    "a NUL in a name": (POST + b"X\0: a\r\n\r\n", "FANIN102"),
    "a bare CR": (POST + b"X: a\rY: b\r\n\r\n", "FANIN102"),
    "a bare LF": (POST + b"X: a\nY: b\r\n\r\n", "FANIN102"),
    "no colon": (POST + b"nonsense\r\n\r\n", "FANIN102"),
    "no name": (POST + b": x\r\n\r\n", "FANIN102"),
    "a name above ASCII": (POST + b"\xc3\xa9: x\r\n\r\n", "FANIN102"),
    "Connection names a field": (POST + b"Connection: close, Authorization\r\n\r\n", "FANIN105"),
    "Connection names Host": (POST + b"Connection: host\r\n\r\n", "FANIN105"),
    "two Hosts": (POST + b"Host: i\r\n\r\n", "FANIN106"),
    "no Host": (b"GET / HTTP/1.1\r\nX: y\r\n\r\n", "FANIN106"),
    "no version": (b"GET /\r\n\r\n", "FANIN101"),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a blank in the target": (b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a tab in the target": (b"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a NUL in the target": (b"GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "no token as a method": (b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "a target of no form": (b"GET t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "another scheme": (b"GET ftp://h/t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "no authority": (b"GET http:///t HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", "FANIN110"),
    "no HTTP": (b"GET / SPDY/3\r\n\r\n", "FANIN101"),
    "TLS": (b"\x16\x03\x01\x02\0\x01\0\r\n\r\n", "FANIN101"),
    "CONNECT": (b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN107"),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN107"),
    "a head of 64 kB": (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 65_536 + b"\r\n\r\n", "FANIN109"),
    "a head of 100 kB that is no GET": (b"POST /t?x=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN109"),
    "a target of 64 kB that is no GET's": (b"HEAD /" + b"x" * 65_600, "FANIN109"),
    "a GET's target of 1 MB": (b"GET /" + b"x" * 1_048_600, "FANIN109"),
    "a GET's long target with long headers": (
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 65_536 + b"\r\n\r\n",
        "FANIN109",
    ),
    "a long target of blanks": (b"GET /" + b" " * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", "FANIN101"),
}


@pytest.mark.parametrize(("raw", "expected"), REFUSED.values(), ids=list(REFUSED))
async def test_it_is_refused_and_nothing_reaches_upstream(raw: bytes, expected: str) -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin(upstream.url) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        await client.send(raw + GET)
        answer = await client.answer()
        assert code(answer) == expected
        assert answer.values(b"connection") == [b"close"]
        client.finish()
        assert await client.rest() == b""
        assert not upstream.talks


async def test_a_head_with_bare_line_feeds_is_refused_before_its_time_is_over() -> None:
    async with fanin("http://127.0.0.1:1") as sidecar:
        assert code(await ask(sidecar.port, b"GET / HTTP/1.1\nHost: h\n\n")) == "FANIN102"


CHUNKS = {
    "no size": b"\r\n\r\n",
    "no hex": b"g\r\n",
    "0x": b"0x5\r\nhello\r\n",
    "plus": b"+5\r\nhello\r\n",
    "minus": b"-5\r\nhello\r\n",
    "a blank before": b" 5\r\nhello\r\n",
    "a blank after": b"5 \r\nhello\r\n",
    "underscores": b"1_0\r\n",
    "too large": b"f" * 16 + b"\r\n",
    "a bare LF": b"5\nhello\r\n",
    "a bare LF in the extension": b"5;a\nb\r\nhello\r\n",
    "more data than said": b"5\r\nhello!\r\n",
    "no CRLF after the data": b"5\r\nhello0\r\n\r\n",
    "a NUL in a trailer": b"0\r\nX: \0\r\n\r\n",
    "an endless extension": b"5;" + b"x" * 5000,
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=list(CHUNKS))
async def test_a_bad_chunk_ends_the_request_and_upstreams_connection(chunks: bytes) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" + chunks)
            answer = await client.answer()
        assert code(answer) == "FANIN104"
        for talk in upstream.talks:
            await upstream.until(lambda talk=talk: talk.closed)  # type: ignore[misc]
        assert not upstream.requests


# Slow and greedy clients.


@pytest.mark.parametrize(
    "part", [b"G", b"GET /t HTTP/1.1\r\nHost: h", GET[:-1]], ids=["a byte", "a line", "all but one"]
)
async def test_a_slow_head_is_408(part: bytes) -> None:
    async with fanin("http://127.0.0.1:1", timeouts__head=SHORT) as sidecar, RawClient(sidecar.port) as client:
        await client.send(part)
        assert code(await client.answer()) == "FANIN108"


@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc"])
async def test_a_slow_body_is_408_and_upstream_learns_that_nothing_follows(framing: bytes) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, timeouts__body_idle=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(POST + framing)
            assert code(await client.answer()) == "FANIN108"
        await upstream.until(lambda: upstream.talks and upstream.talks[0].closed)


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, timeouts__keep_alive=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            assert await client.rest() == b""
        async with RawClient(sidecar.port) as client:
            await client.send(GET)
            assert (await client.answer()).body == b"ok"
            assert await client.rest() == b""


async def test_connections_above_the_limit_are_told_so() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin(upstream.url, limits__connections=1) as sidecar,
        RawClient(sidecar.port) as first,
    ):
        await first.send(GET)
        assert (await first.answer()).body == b"ok"
        async with RawClient(sidecar.port) as second:
            assert code(await second.answer()) == "FANIN112"
        await first.send(GET)
        assert (await first.answer()).body == b"ok"


async def test_a_client_that_takes_no_byte_is_cut_off_and_upstream_with_it() -> None:
    async def endless(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not talk.closed:
            await talk.send(b"x" * 1_000_000)

    async with (
        ScriptedUpstream(endless) as upstream,
        fanin(upstream.url, timeouts__write_stall=SHORT) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET)
        await upstream.until(lambda: upstream.talks and upstream.talks[0].closed)


async def test_a_client_that_pipelines_and_never_reads_is_cut_off() -> None:
    big = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000
    async with ScriptedUpstream(answers(big)) as upstream, fanin(upstream.url, timeouts__write_stall=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.send(GET * 500)
            await until(lambda: gauges(sidecar)["client_connections"] == 0)
        assert len(upstream.requests) < 100


async def test_a_full_queue_is_503_with_retry_after() -> None:
    async def silent(talk: Talk) -> None:
        await talk.request()
        await talk.gone()

    changes = {"pool__calls": 1, "limits__queue": 1, "mode": "pass"}
    async with (
        ScriptedUpstream(silent) as upstream,
        fanin(upstream.url, **changes) as sidecar,
        RawClient(sidecar.port) as first,
        RawClient(sidecar.port) as second,
        RawClient(sidecar.port) as third,
    ):
        await first.send(GET)
        await upstream.until(lambda: upstream.requests)
        for client in (second, third):
            await client.send(GET)
        # One of the two waits and the other is turned away.
        assert code(await third.answer()) == "FANIN505"


# Upstream.


async def test_nothing_listens_upstream() -> None:
    async with fanin(f"http://localhost:{free_port()}") as sidecar, RawClient(sidecar.port) as client:
        for _ in range(2):  # the client's connection lives on
            await client.send(GET)
            answer = await client.answer()
            assert code(answer) == "FANIN501"
            assert b"127.0.0.1" not in answer.body


async def test_an_upstream_that_has_no_address() -> None:
    async with fanin("http://no-such-host.invalid") as sidecar:
        assert code(await ask(sidecar.port, GET)) == "FANIN501"


async def silent(talk: Talk) -> None:
    await talk.request()
    await talk.gone()


def then_closes(data: bytes) -> Callable[[Talk], Awaitable[None]]:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(data)

    return script


def then_resets(data: bytes) -> Callable[[Talk], Awaitable[None]]:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(data)
        talk.abort()

    return script


def then_stalls(data: bytes) -> Callable[[Talk], Awaitable[None]]:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(data)
        await talk.gone()

    return script


BROKEN = {
    "no answer": (silent, "FANIN504"),
    "half a head": (then_stalls(b"HTTP/1.1 200 OK\r\nConte"), "FANIN504"),
    "only 1xx": (then_stalls(b"HTTP/1.1 103 Early Hints\r\n\r\n"), "FANIN504"),
    "closes": (then_closes(b""), "FANIN502"),
    "resets": (then_resets(b""), "FANIN502"),
    "closes in the head": (then_closes(b"HTTP/1.1 200 OK\r\nConte"), "FANIN502"),
    "garbage": (then_stalls(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "FANIN503"),
    "a bad status": (then_stalls(b"HTTP/1.1 2000 OK\r\n\r\n"), "FANIN503"),
    "a status below 100": (then_stalls(b"HTTP/1.1 099 OK\r\n\r\n"), "FANIN503"),
    "HTTP/2": (then_stalls(b"HTTP/2.0 200 OK\r\n\r\n"), "FANIN503"),
    "a folded line": (then_stalls(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), "FANIN503"),
    "a bare LF in a value": (then_stalls(b"HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n"), "FANIN503"),
    "a NUL": (then_stalls(b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n"), "FANIN503"),
    "two lengths": (then_stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), "FANIN503"),
    "length and chunked": (
        then_stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "FANIN503",
    ),
    "another coding": (then_stalls(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "FANIN503"),
    "an empty coding": (then_stalls(b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n"), "FANIN503"),
    "chunked in HTTP/1.0": (then_stalls(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "FANIN503"),
    "an endless head": (then_stalls(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 600_000), "FANIN503"),
}


CASES = {
    f"{method.decode()}: {name}": (method, *case)
    for name, case in BROKEN.items()
    for method in (b"GET", b"DELETE", b"HEAD")
    if method == b"GET" or case[1] != "FANIN503"
}


@pytest.mark.parametrize(("method", "script", "expected"), CASES.values(), ids=list(CASES))
async def test_an_upstream_without_a_sound_head_is_told_in_postgrests_shape(
    method: bytes, script: Callable[[Talk], Awaitable[None]], expected: str
) -> None:
    raw = GET.replace(b"GET", method)
    async with ScriptedUpstream(script) as upstream:
        changes = {"timeouts__upstream_head": SHORT, "timeouts__upstream_idle": LONG}
        async with fanin(upstream.url, **changes) as sidecar, RawClient(sidecar.port) as client:
            await client.send(raw)
            answer = await client.answer(method)
            if method == b"HEAD":
                assert (answer.status, answer.body) == (FAULTS[expected].status, b"")
            else:
                assert code(answer, method) == expected
            # Nothing of the error's body is left to be taken for the next answer.
            await client.send(raw)
            assert (await client.answer(method)).status == FAULTS[expected].status


TORN = {
    "short of its length": then_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    "without its last chunk": then_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    "with a bad chunk": then_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n"),
    "reset": then_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    "stalled": then_stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    "stalled in a chunk": then_stalls(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"),
}


@pytest.mark.parametrize("script", TORN.values(), ids=list(TORN))
async def test_a_body_that_breaks_off_is_never_passed_off_as_whole(script: Callable[[Talk], Awaitable[None]]) -> None:
    async with (
        ScriptedUpstream(script) as upstream,
        fanin(upstream.url, timeouts__upstream_idle=SHORT, mode="pass") as sidecar,
    ):
        try:
            answer = await ask(sidecar.port, GET)
        except AssertionError:  # cut before the first byte came through
            return
        assert not answer.complete or answer.status >= 500


async def test_an_upstream_that_takes_no_upload_is_504() -> None:
    async def deaf(talk: Talk) -> None:
        await talk.head()
        await hold.wait()

    hold = asyncio.Event()
    body = b"x" * 20_000_000
    async with ScriptedUpstream(deaf) as upstream, fanin(upstream.url, timeouts__upstream_idle=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            client.writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert code(await client.answer()) == "FANIN504"
        hold.set()
