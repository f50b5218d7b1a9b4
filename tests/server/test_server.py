"""DataServer: reading requests, keep-alive, disconnects, loops, draining, reload."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from proxy.path.reading.identity import head_rules
from proxy.server.server import ClientRequest, DataServer, ServerContext
from proxy.transport.connection import EndOfStreamError
from tests.e2e.support.harness import OK, RawClient, ask, settings, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.errors.codes import FaultError

RULES = head_rules(b"", (), (), (), b"key")
GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


class FakeHandler:
    """A handler that answers OK, and records its requests."""

    def __init__(self) -> None:
        self.lines: list[tuple[bytes, bytes]] = []
        self.last: list[bool] = []
        self.hosts: list[bytes] = []
        self.refused: list[str] = []
        self.cancelled = 0
        self.keep = True
        self.hold: asyncio.Event | None = None
        self.read_bodies = True
        self.failure: Exception | None = None

    async def __call__(self, request: ClientRequest) -> bool:
        self.lines.append((request.line.method, request.line.target))
        self.last.append(request.last)
        self.hosts.append(line_of(request.head.forwarded_lines))
        if self.failure is not None:
            raise self.failure
        try:
            if self.hold is not None:
                await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.read_bodies:
            async for _ in request.body.pieces():
                pass
        request.client.write(OK)
        return self.keep

    def refuse(self, error: FaultError) -> None:
        self.refused.append(error.fault.code)


def line_of(lines: bytes) -> bytes:
    """The Host line in header lines."""
    return next((line for line in lines.split(b"\r\n") if line.startswith(b"Host:")), b"")


def on_mount(target: bytes) -> bool:
    return target.startswith(b"/rest/")


@asynccontextmanager
async def serving(
    handler: FakeHandler, upstream_endpoints: set[object] | None = None, **changes: Any
) -> AsyncIterator[tuple[DataServer, int]]:
    clock = asyncio.get_running_loop().time
    endpoints = set() if upstream_endpoints is None else upstream_endpoints
    context = ServerContext(clock, endpoints, handler.refuse, on_mount)
    server = DataServer(settings("http://h", **changes), RULES, handler, context)
    port = await server.listen("127.0.0.1:0")
    try:
        yield server, port
    finally:
        await server.close(0.05, 0.0)
        assert server.open == 0


async def test_a_connection_carries_several_requests() -> None:
    handler = FakeHandler()
    async with serving(handler) as (server, port), RawClient(port) as client:
        for _ in range(3):
            await client.send(GET)
            assert (await client.answer()).body == b"ok"
        assert server.open == 1
    assert handler.lines == [(b"GET", b"/t")] * 3


async def test_pipelined_requests_are_answered_in_order_and_empty_lines_are_skipped() -> None:
    handler = FakeHandler()
    async with serving(handler) as (_, port), RawClient(port) as client:
        await client.send(b"\r\n\r\n" + GET + b"\r\nPUT /u HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + GET)
        for _ in range(3):
            assert (await client.answer()).body == b"ok"
    assert handler.lines == [(b"GET", b"/t"), (b"PUT", b"/u"), (b"GET", b"/t")]


@pytest.mark.parametrize("size", [1, 7])
async def test_a_head_may_arrive_in_pieces(size: int) -> None:
    async with serving(FakeHandler()) as (_, port), RawClient(port) as client:
        for at in range(0, len(GET), size):
            await client.send(GET[at : at + size])
        assert (await client.answer()).body == b"ok"


async def test_empty_lines_may_arrive_in_pieces() -> None:
    async with serving(FakeHandler()) as (_, port), RawClient(port) as client:
        for piece in (b"\r", b"\n", b"\r\n\r", b"\nG", GET[1:-1], b"\n"):
            await client.send(piece)
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"ok"


async def test_the_connection_is_closed_when_the_handler_or_the_client_asks_for_it() -> None:
    handler = FakeHandler()
    async with serving(handler) as (_, port):
        async with RawClient(port) as client:
            await client.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GET)
            assert await client.rest() == OK
        handler.keep = False
        async with RawClient(port) as client:
            await client.send(GET)
            assert await client.rest() == OK


async def test_an_unread_body_is_not_parsed_as_the_next_request() -> None:
    handler = FakeHandler()
    handler.read_bodies = False
    async with serving(handler) as (_, port), RawClient(port) as client:
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
        head = b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (len(smuggled) + 1)
        await client.send(head + smuggled)
        assert (await client.answer()).body == b"ok"
        client.finish()
        assert await client.rest() == b""
    assert handler.lines == [(b"POST", b"/t")]


async def test_absolute_form_becomes_origin_form() -> None:
    handler = FakeHandler()
    async with serving(handler) as (_, port), RawClient(port) as client:
        for target in (b"http://h/a?b", b"HTTP://h:1", b"http://h/", b"*"):
            await client.send(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
            await client.answer()
    assert [target for _, target in handler.lines] == [b"/a?b", b"/", b"/", b"*"]


async def test_the_host_of_an_absolute_target_replaces_the_host_header() -> None:
    handler = FakeHandler()
    async with serving(handler) as (_, port):
        await ask(port, b"GET http://other:1/a HTTP/1.1\r\nhost: h\r\n\r\n")
        await ask(port, b"GET http://other/a HTTP/1.0\r\n\r\n")
        assert (await ask(port, b"GET http://other/a HTTP/1.1\r\nX: y\r\n\r\n")).status == 400
    assert handler.hosts == [b"Host: other:1", b"Host: other"]


async def test_the_lines_of_a_head_are_limited_in_number() -> None:
    handler = FakeHandler()
    lines = b"".join(b"X-%d: y\r\n" % number for number in range(19))
    async with serving(handler, limits__header_lines=20) as (server, port), RawClient(port) as client:
        await client.send(GET[:-2] + lines + b"\r\n")
        assert (await client.answer()).status == 200
        server.apply_settings(settings("http://h", limits__header_lines=19), RULES, handler)
        await client.send(GET[:-2] + lines + b"\r\n")
        answer = await client.answer()
    assert (answer.status, b'"limits.header_lines"' in answer.body) == (431, True)
    assert handler.refused == ["FANIN109"]


async def test_endless_empty_lines_are_refused() -> None:
    handler = FakeHandler()
    async with serving(handler) as (_, port):
        assert (await ask(port, b"\r\n" * 1_000_000)).status == 400
    assert handler.refused == ["FANIN101"]


async def test_other_clients_are_served_between_the_requests_of_one_that_pipelines() -> None:
    """Though its answers are there at once, and nothing of them waits."""
    turns: list[bytes] = []

    class Instant(FakeHandler):
        async def __call__(self, request: ClientRequest) -> bool:
            turns.append(request.line.target)
            request.client.write(OK)
            return True

    async with serving(Instant()) as (_, port), RawClient(port) as greedy, RawClient(port) as modest:
        greedy.writer.write(GET * 2000)
        modest.writer.write(GET.replace(b"/t", b"/modest"))
        await modest.answer()
        await until(lambda: len(turns) == 2001)
    assert turns.index(b"/modest") < 2000


async def test_a_disconnect_cancels_the_handler() -> None:
    handler = FakeHandler()
    handler.hold = asyncio.Event()
    async with serving(handler) as (server, port):
        async with RawClient(port) as client:
            await client.send(GET)
            await until(lambda: handler.lines)
        await until(lambda: handler.cancelled)
        await until(lambda: server.open == 0)


async def test_a_disconnect_in_a_tunnel_does_not_cancel_the_handler() -> None:
    """The tunnel has still to copy the bytes that arrived before."""
    received: list[bytes] = []

    class Tunnel(FakeHandler):
        async def __call__(self, request: ClientRequest) -> bool:
            request.client.tunnelled = True
            request.client.write(OK)
            try:
                while True:
                    await request.client.wait_for_data(60)
            except EndOfStreamError:
                received.append(bytes(request.client.buffer))
            return False

    async with serving(Tunnel()) as (_, port):
        async with RawClient(port) as client:
            await client.send(GET)
            await client.answer()
            await client.send(b"bye")
        await until(lambda: received)
    assert received == [b"bye"]


async def test_a_refused_request_is_answered_and_counted() -> None:
    handler = FakeHandler()
    async with serving(handler) as (_, port):
        assert (await ask(port, b"GET / HTTP/3.0\r\nHost: h\r\n\r\n")).status == 505
    assert handler.refused == ["FANIN110"]
    assert not handler.lines


async def test_a_connection_from_fanin_itself_is_a_loop() -> None:
    handler, upstream_endpoints = FakeHandler(), set[object]()
    async with serving(handler, upstream_endpoints=upstream_endpoints) as (_, port), RawClient(port) as client:
        upstream_endpoints.add((client.local, ("127.0.0.1", port)))
        await client.send(GET)
        assert (await client.answer()).status == 508
    assert not handler.lines


async def test_a_client_with_the_port_number_of_an_upstream_connection_is_no_loop() -> None:
    handler, upstream_endpoints = FakeHandler(), set[object]()
    async with serving(handler, upstream_endpoints=upstream_endpoints) as (_, port), RawClient(port) as client:
        upstream_endpoints.add((client.local, ("127.0.0.1", 3000)))
        await client.send(GET)
        assert (await client.answer()).status == 200


async def test_a_bug_in_the_handler_closes_only_its_own_connection() -> None:
    handler = FakeHandler()
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context.get("exception")))
    async with serving(handler) as (_, port):
        handler.failure = ZeroDivisionError()
        async with RawClient(port) as client:
            await client.send(GET)
            assert await client.rest() == b""
        assert reported == [handler.failure]
        handler.failure = None
        assert (await ask(port, GET)).body == b"ok"


async def test_while_draining_a_recently_active_client_gets_one_more_answer() -> None:
    handler = FakeHandler()
    async with serving(handler) as (server, port), RawClient(port) as fresh, RawClient(port) as used:
        await used.send(GET)
        await used.answer()
        await until(lambda: server.open == 2)
        closing = asyncio.create_task(server.close(20, 3600.0))
        await until(lambda: server.draining)
        for client in (fresh, used):
            await client.send(GET)
            assert (await client.answer()).body == b"ok"
        assert handler.last == [False, True, True]
        assert not closing.done()
        server.abort_all()
        await closing


async def test_while_draining_a_head_that_has_begun_may_be_completed() -> None:
    handler = FakeHandler()
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET[:9])
        await until(lambda: any(connection.buffer for connection in server._clients))
        closing = asyncio.create_task(server.close(20, 0.0))
        await until(lambda: server.draining)
        await client.send(GET[9:])
        assert await client.rest() == OK
        await closing


async def test_close_answers_all_clients_that_are_connected() -> None:
    """Even those in the backlog, which are not accepted yet when the close begins."""
    handler = FakeHandler()
    async with serving(handler) as (server, port):
        connected = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        for connection in connected:
            connection.sendall(GET)
        closing = asyncio.create_task(server.close(20, 0.5))
        answers = [await asyncio.to_thread(connection.recv, len(OK)) for connection in connected]
        assert answers == [OK] * 100
        for connection in connected:
            connection.close()
        await closing
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


async def test_new_settings_hold_from_the_next_request_on_and_connections_stay_open() -> None:
    handler, other = FakeHandler(), FakeHandler()
    long = GET.replace(b"Host: h", b"Host: h\r\nX: " + b"x" * 2000)
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await client.answer()
        server.apply_settings(settings("http://h", limits__head_bytes=1000, limits__long_head_bytes=1000), RULES, other)
        await client.send(GET)
        await client.answer()
        assert (len(handler.lines), len(other.lines), server.open) == (1, 1, 1)
        await client.send(long)
        assert (await client.answer()).status == 431


async def test_close_waits_for_requests_in_flight_and_not_for_idle_clients() -> None:
    handler = FakeHandler()
    handler.hold = asyncio.Event()
    async with serving(handler) as (server, port), RawClient(port) as busy, RawClient(port) as idle:
        await busy.send(GET)
        await until(lambda: handler.lines)
        closing = asyncio.create_task(server.close(20, 0.0))
        assert await idle.rest() == b""
        assert not closing.done()
        handler.hold.set()
        assert await busy.rest() == OK
        await closing
