"""The upstream client: one call per connection at a time; only a clean connection is reused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.framing import CHUNKED
from proxy.transport.connection import Body, Connection
from proxy.upstream.client import MAX_INTERIM, Upstream
from proxy.upstream.messages import UpstreamRequest
from proxy.upstream.upload import framed_body, send_body
from tests.e2e.support.harness import OK, ScriptedConnection, ScriptedUpstream, answers, settings, until
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

    async def interim(line: StatusLine, fields: tuple[HeaderField, ...]) -> None:
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


# Answers before the request was read.


def early(status: bytes, reads: int) -> Callable[[ScriptedConnection], Awaitable[None]]:
    """A script: answers after ``reads`` bytes of the body, and does not say that it will close."""

    async def script(connection: ScriptedConnection) -> None:
        while await connection.head() is not None:
            await connection.exactly(reads)
            await connection.send(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
            await connection.gone()

    return script


async def upload(upstream: Upstream, size: int, method: bytes = b"POST") -> int:
    """Send a body of ``size`` bytes that has arrived whole, and return the status of the answer."""
    source = Connection()
    FakeTransport(source)
    source.data_received(b"x" * size)
    body = Body(source, size, SHORT, "FANIN104")
    request = UpstreamRequest(method, b"%b /t HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (method, size), body)
    async with upstream.send(upstream.calls, request) as answer:
        await answer.read(1000)
        return answer.status


@pytest.mark.parametrize(
    ("status", "method", "size"),
    [
        (b"401 Unauthorized", b"POST", 50_000),
        (b"409 Conflict", b"PATCH", 9_000),
        (b"302 Found", b"POST", 50_000),
        (b"200 OK", b"OPTIONS", 50_000),
        (b"204 No Content", b"DELETE", 50_000),
        (b"200 OK", b"GET", 50_000),
        (b"201 Created", b"POST", 20_000_000),
    ],
)
async def test_a_connection_is_not_reused_if_the_answer_may_have_come_before_the_body_was_read(
    status: bytes, method: bytes, size: int
) -> None:
    async with ScriptedUpstream(early(status, 0), answers(OK)) as server:
        upstream = client(server.url)
        assert await upload(upstream, size, method) == int(status[:3])
        assert upstream.calls.idle == 0
        await server.until(lambda: server.connections[0].closed)
        assert await get(upstream) == b"ok"


@pytest.mark.parametrize(("status", "size"), [(b"201 Created", 50_000), (b"401 Unauthorized", 1000)])
async def test_a_connection_is_reused_after_a_body_that_was_read(status: bytes, size: int) -> None:
    async with ScriptedUpstream(answers(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        upstream = client(server.url)
        for _ in range(3):
            assert await upload(upstream, size) == int(status[:3])
        assert len(server.connections) == 1
        upstream.close()


async def test_an_upload_that_ends_after_the_answer_began_does_not_make_the_connection_reusable() -> None:
    async with ScriptedUpstream(early(b"200 OK", 3), answers(OK)) as server:
        upstream = client(server.url)
        source = Connection()
        FakeTransport(source)
        source.data_received(b"abc")
        request = UpstreamRequest(
            b"POST", b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n", Body(source, 6, LONG, "FANIN104")
        )
        async with upstream.send(upstream.calls, request) as answer:
            assert answer.status == 200
            source.data_received(b"def")
            await server.until(lambda: server.connections[0].received.endswith(b"abcdef"))
        assert upstream.calls.idle == 0


async def test_a_long_head_that_was_refused_may_be_unread() -> None:
    refusal = b"HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n"
    async with ScriptedUpstream(answers(refusal)) as server:
        upstream = client(server.url)
        for size, connections in ((100, 1), (20_000, 1), (100, 2)):
            await get(upstream, UpstreamRequest(b"GET", b"GET /" + b"x" * size + b" HTTP/1.1\r\nHost: h\r\n\r\n"))
            assert len(server.connections) == connections
        upstream.close()


# Answers that nobody asked for.


async def test_after_bytes_that_belong_to_no_answer_no_connection_is_reused_for_a_while() -> None:
    clock, reports = [0.0], [0]

    def report() -> None:
        reports[0] += 1

    async with ScriptedUpstream(answers(OK + b"stray"), answers(OK), answers(OK), answers(OK, OK + b"stray")) as server:
        upstream = Upstream(settings(server.url, pool__idle=1000.0), lambda: clock[0], report)
        steps = ((0.0, 1), (1.0, 2), (59.0, 3), (60.0, 4), (61.0, 4), (180.0, 5), (181.0, 6), (182.0, 6))
        for now, connections in steps:
            clock[0] = now
            assert await get(upstream) == b"ok"
            assert len(server.connections) == connections
        assert reports == [3]
        upstream.close()


async def test_a_second_answer_that_comes_later_is_never_the_answer_to_the_next_call() -> None:
    again = asyncio.Event()

    async def twice(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(OK)
        await again.wait()
        await connection.send(OK.replace(b"ok", b"no"))
        await connection.gone()

    async with ScriptedUpstream(twice, answers(OK)) as server:
        upstream = client(server.url)
        assert await get(upstream) == b"ok"
        assert upstream.calls.idle == 1
        again.set()
        await server.until(lambda: server.connections[0].closed)
        assert await get(upstream) == b"ok"
        assert len(server.connections) == 2


# 1xx answers, and heads that come slowly.


async def test_answers_below_200_are_limited_in_number() -> None:
    for count, works in ((MAX_INTERIM, True), (MAX_INTERIM + 1, False)):
        async with ScriptedUpstream(answers(b"HTTP/1.1 103 Early Hints\r\n\r\n" * count + OK)) as server:
            upstream = client(server.url)
            if works:
                assert await get(upstream) == b"ok"
            else:
                with pytest.raises(FaultError, match="FANIN503"):
                    await get(upstream)
            upstream.close()


async def test_the_next_answer_below_200_is_read_when_the_client_has_taken_the_one_before() -> None:
    taken, seen = asyncio.Event(), [0]

    async def interim(line: StatusLine, fields: tuple[HeaderField, ...]) -> None:
        seen[0] += 1
        await taken.wait()

    async with ScriptedUpstream(answers(b"HTTP/1.1 103 E\r\n\r\n" * 3 + OK)) as server:
        upstream = client(server.url)
        call = asyncio.create_task(get(upstream, UpstreamRequest(b"GET", GET.head, on_interim=interim)))
        await until(lambda: seen == [1])
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == [1]
        taken.set()
        assert await call == b"ok"
        assert seen == [3]
        upstream.close()


async def test_a_head_that_comes_byte_by_byte_has_no_more_time_than_one_that_does_not_come() -> None:
    async def slow(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nX: ")
        while not connection.closed:
            await connection.send(b"x")
            await asyncio.sleep(SHORT / 10)

    async with ScriptedUpstream(slow) as server:
        with pytest.raises(FaultError, match="FANIN504"):
            await get(client(server.url, timeouts__upstream_head=SHORT))
