"""The upstream client: one call per connection at a time; only a clean connection is reused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.framing import CHUNKED
from proxy.transport.connection import Body, Connection
from proxy.upstream.client import Upstream, UpstreamRequest
from proxy.upstream.upload import framed_body, send_body
from tests.e2e.support.harness import OK, ScriptedConnection, ScriptedUpstream, answers, settings
from tests.transport.fake_connection import FakeTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.http1.head import HeaderField, StatusLine

GET = UpstreamRequest(b"GET", b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")
LONG, SHORT = 60.0, 0.01


def client(url: str, clock: list[float] | None = None, **changes: object) -> Upstream:
    now = clock or [0.0]
    return Upstream(settings(url, **changes), lambda: now[0])


async def get(upstream: Upstream, call: UpstreamRequest = GET) -> bytes | None:
    async with upstream.send(upstream.calls, call) as answer:
        return await answer.read(1_000_000)


async def test_a_clean_connection_is_reused_until_it_was_idle_too_long() -> None:
    clock = [0.0]
    async with ScriptedUpstream(answers(OK)) as server:
        upstream = client(server.url, clock, pool__idle=20.0)
        for now, connections in ((0.0, 1), (19.0, 1), (38.0, 1), (59.0, 2)):
            clock[0] = now
            assert await get(upstream) == b"ok"
            assert len(server.connections) == connections
        upstream.close()
        assert upstream.calls.busy == 0


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        OK + b"stray",
    ],
)
async def test_a_connection_that_is_not_clean_is_not_reused(answer: bytes) -> None:
    async with ScriptedUpstream(answers(answer)) as server:
        upstream = client(server.url)
        for connections in (1, 2):
            assert await get(upstream) == b"ok"
            assert len(server.connections) == connections


async def test_a_connection_is_not_reused_after_head_or_without_keep_alive() -> None:
    async with ScriptedUpstream(answers(OK.removesuffix(b"ok")), answers(OK)) as server:
        upstream = client(server.url)
        assert await get(upstream, UpstreamRequest(b"HEAD", b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")) == b""
        assert await get(upstream, UpstreamRequest(b"GET", GET.head, keep_alive=False)) == b"ok"
        assert await get(upstream) == b"ok"
        assert len(server.connections) == 3
        upstream.close()


async def test_after_an_answer_that_was_not_read_to_its_end_the_connection_is_closed() -> None:
    async with ScriptedUpstream(answers(OK.replace(b"2\r\n\r\nok", b"9\r\n\r\n123456789"))) as server:
        upstream = client(server.url)
        async with upstream.send(upstream.calls, GET) as answer:
            assert await answer.read(3) is None
            answer.body.done = False
        await server.until(lambda: server.connections[0].closed)
        assert upstream.calls.busy == 0


async def test_a_cancelled_call_frees_the_pool_and_closes_its_connection() -> None:
    async def silent(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.gone()

    async with ScriptedUpstream(silent) as server:
        upstream = client(server.url)
        call = asyncio.create_task(get(upstream))
        await server.until(lambda: server.requests)
        assert upstream.calls.busy == 1
        assert len(upstream.open_endpoints) == 1
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert upstream.calls.busy == 0
        await server.until(lambda: server.connections[0].closed)
    assert not upstream.open_endpoints


async def test_interim_answers_are_passed_on_as_they_arrive() -> None:
    statuses: list[int] = []

    def interim(line: StatusLine, fields: tuple[HeaderField, ...]) -> None:
        statuses.append(line.status)

    async with ScriptedUpstream(answers(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nX: y\r\n\r\n" + OK)) as server:
        upstream = client(server.url)
        assert await get(upstream, UpstreamRequest(b"GET", GET.head, on_interim=interim)) == b"ok"
        upstream.close()
    assert statuses == [100, 103]


async def test_connecting_has_a_time_limit() -> None:
    upstream = client("http://127.0.0.1:1", timeouts__connect=SHORT)

    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    upstream._open = never  # type: ignore[method-assign, assignment]
    with pytest.raises(FaultError, match="FANIN506"):
        await get(upstream)
    assert upstream.calls.busy == 0


# Uploads.


async def start_upload(framing: int, *pieces: bytes, end: bool = False) -> tuple[Connection, FakeTransport, Body]:
    """A connection to upstream, its transport, and a client's body of which ``pieces`` have arrived."""
    source, sink = Connection(), Connection()
    FakeTransport(source)
    for piece in pieces:
        source.data_received(piece)
    if end:
        source.eof_received()
    return sink, FakeTransport(sink), Body(source, framing, SHORT, "FANIN104")


async def test_an_upload_keeps_its_framing() -> None:
    sink, end, body = await start_upload(CHUNKED, b"3;x\r\nabc\r\n", b"2\r\nde\r\n0\r\nX: y\r\n\r\n")
    assert await send_body(sink, body, b"first", LONG)
    assert end.written == b"5\r\nfirst\r\n5\r\nabcde\r\n0\r\n\r\n"
    sink, end, body = await start_upload(5, b"abcdefgh")
    assert await send_body(sink, body, b"", LONG)
    assert end.written == b"abcde"
    assert framed_body(None, b"") == b""
    assert framed_body(body, b"abcde") == b"abcde"


@pytest.mark.parametrize(
    ("pieces", "end", "failure"),
    [
        ((b"3\r\nabc\r\n",), False, FaultError),
        ((b"3\r\nabc\r\nxyz\r\n",), False, FaultError),
        ((b"3\r\nab",), True, ConnectionAbortedError),
    ],
    ids=["stalls", "is malformed", "ends early"],
)
async def test_an_incomplete_upload_is_never_sent_as_complete(
    pieces: tuple[bytes, ...], end: bool, failure: type[Exception]
) -> None:
    sink, transport, body = await start_upload(CHUNKED, *pieces, end=end)
    assert not await send_body(sink, body, b"", LONG)
    assert isinstance(sink.failure, failure)
    assert b"0\r\n\r\n" not in transport.written


async def test_an_upload_that_upstream_does_not_accept_is_upstreams_fault() -> None:
    sink, transport, body = await start_upload(5, b"abc")
    sink.pause_writing()
    transport.unsent = 3
    assert not await send_body(sink, body, b"", SHORT)
    assert isinstance(sink.failure, FaultError)
    assert sink.failure.fault.code == "FANIN504"


def refusing(status: int) -> Callable[[ScriptedConnection], Awaitable[None]]:
    """A script: reads 16 kB of a head, refuses it, and resets."""

    async def script(connection: ScriptedConnection) -> None:
        await connection.exactly(16_384)
        await connection.send(b"HTTP/1.0 %d No\r\n\r\nBad Request" % status)
        connection.abort()

    return script


@pytest.mark.parametrize("status", [400, 431])
async def test_when_upstream_refuses_a_long_head_before_reading_it_the_client_gets_that_answer(status: int) -> None:
    call = UpstreamRequest(b"GET", b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    async with ScriptedUpstream(refusing(status)) as server:
        upstream = client(server.url)
        async with upstream.send(upstream.calls, call) as answer:
            assert (answer.status, await answer.read(1000)) == (status, b"Bad Request")


async def test_a_reset_during_any_other_answer_is_a_fault() -> None:
    call = UpstreamRequest(b"GET", b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    async with ScriptedUpstream(refusing(200)) as server:
        with pytest.raises(FaultError, match="FANIN502"):
            await get(client(server.url), call)
