"""The data port: one request after the other, each with its limits; the handler decides what follows."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from proxy.path.identity import head_rules
from proxy.server.server import ClientRequest, DataServer, ServerContext
from proxy.transport.connection import EndOfStreamError
from tests.e2e.harness import OK, RawClient, ask, settings, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.errors.codes import FaultError

RULES = head_rules(b"", (), (), (), b"key")
GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


class Handling:
    """A handler that answers OK, and remembers what it was asked."""

    def __init__(self) -> None:
        self.lines: list[tuple[bytes, bytes]] = []
        self.last: list[bool] = []
        self.refused: list[str] = []
        self.cancelled = 0
        self.keep = True
        self.hold: asyncio.Event | None = None
        self.read_bodies = True
        self.failure: Exception | None = None

    async def __call__(self, request: ClientRequest) -> bool:
        self.lines.append((request.line.method, request.line.target))
        self.last.append(request.last)
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


def on_mount(target: bytes) -> bool:
    return target.startswith(b"/rest/")


@asynccontextmanager
async def serving(
    handling: Handling, own: set[object] | None = None, **changes: Any
) -> AsyncIterator[tuple[DataServer, int]]:
    clock = asyncio.get_running_loop().time
    ends = set() if own is None else own
    context = ServerContext(clock, ends, handling.refuse, on_mount)
    server = DataServer(settings("http://h", **changes), RULES, handling, context)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close(0.05, 0.0)
        assert server.open == 0


async def test_a_connection_carries_request_after_request() -> None:
    handling = Handling()
    async with serving(handling) as (server, port), RawClient(port) as client:
        for _ in range(3):
            await client.send(GET)
            assert (await client.answer()).body == b"ok"
        assert server.open == 1
    assert handling.lines == [(b"GET", b"/t")] * 3


async def test_pipelined_requests_wait_for_their_turn_and_skip_empty_lines() -> None:
    handling = Handling()
    async with serving(handling) as (_, port), RawClient(port) as client:
        await client.send(b"\r\n\r\n" + GET + b"\r\nPUT /u HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + GET)
        for _ in range(3):
            assert (await client.answer()).body == b"ok"
    assert handling.lines == [(b"GET", b"/t"), (b"PUT", b"/u"), (b"GET", b"/t")]


@pytest.mark.parametrize("size", [1, 7])
async def test_a_head_may_come_in_any_pieces(size: int) -> None:
    async with serving(Handling()) as (_, port), RawClient(port) as client:
        for at in range(0, len(GET), size):
            await client.send(GET[at : at + size])
        assert (await client.answer()).body == b"ok"


async def test_empty_lines_may_come_in_pieces_too() -> None:
    async with serving(Handling()) as (_, port), RawClient(port) as client:
        for piece in (b"\r", b"\n", b"\r\n\r", b"\nG", GET[1:-1], b"\n"):
            await client.send(piece)
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"ok"


async def test_the_connection_ends_when_the_handler_or_the_client_says_so() -> None:
    handling = Handling()
    async with serving(handling) as (_, port):
        async with RawClient(port) as client:
            await client.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GET)
            assert await client.rest() == OK
        handling.keep = False
        async with RawClient(port) as client:
            await client.send(GET)
            assert await client.rest() == OK


async def test_a_body_that_the_handler_left_unread_is_not_the_next_request() -> None:
    handling = Handling()
    handling.read_bodies = False
    async with serving(handling) as (_, port), RawClient(port) as client:
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
        head = b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (len(smuggled) + 1)
        await client.send(head + smuggled)
        assert (await client.answer()).body == b"ok"
        client.finish()
        assert await client.rest() == b""
    assert handling.lines == [(b"POST", b"/t")]


async def test_absolute_form_becomes_origin_form() -> None:
    handling = Handling()
    async with serving(handling) as (_, port), RawClient(port) as client:
        for target in (b"http://h/a?b", b"HTTP://h:1", b"http://h/", b"*"):
            await client.send(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
            await client.answer()
    assert [target for _, target in handling.lines] == [b"/a?b", b"/", b"/", b"*"]


async def test_a_hang_up_cancels_the_handler() -> None:
    handling = Handling()
    handling.hold = asyncio.Event()
    async with serving(handling) as (server, port):
        async with RawClient(port) as client:
            await client.send(GET)
            await until(lambda: handling.lines)
        await until(lambda: handling.cancelled)
        await until(lambda: server.open == 0)


async def test_a_hang_up_in_a_tunnel_is_the_tunnels_business() -> None:
    """It has bytes to carry that came just before."""
    got: list[bytes] = []

    class Tunnel(Handling):
        async def __call__(self, request: ClientRequest) -> bool:
            request.client.tunnelled = True
            request.client.write(OK)
            try:
                while True:
                    await request.client.wait_for_data(60)
            except EndOfStreamError:
                got.append(bytes(request.client.buffer))
            return False

    async with serving(Tunnel()) as (_, port):
        async with RawClient(port) as client:
            await client.send(GET)
            await client.answer()
            await client.send(b"bye")
        await until(lambda: got)
    assert got == [b"bye"]


async def test_what_is_refused_is_told_to_the_client_and_counted() -> None:
    handling = Handling()
    async with serving(handling) as (_, port):
        assert (await ask(port, b"GET / HTTP/3.0\r\nHost: h\r\n\r\n")).status == 505
    assert handling.refused == ["FANIN110"]
    assert not handling.lines


async def test_our_own_connections_are_loops() -> None:
    handling, own = Handling(), set[object]()
    async with serving(handling, own=own) as (_, port), RawClient(port) as client:
        own.add((client.local, ("127.0.0.1", port)))
        await client.send(GET)
        assert (await client.answer()).status == 508
    assert not handling.lines


async def test_a_client_that_shares_a_port_number_with_an_upstream_connection_is_no_loop() -> None:
    handling, own = Handling(), set[object]()
    async with serving(handling, own=own) as (_, port), RawClient(port) as client:
        own.add((client.local, ("127.0.0.1", 3000)))
        await client.send(GET)
        assert (await client.answer()).status == 200


async def test_a_bug_in_the_handler_costs_its_own_connection_only() -> None:
    handling = Handling()
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context.get("exception")))
    async with serving(handling) as (_, port):
        handling.failure = ZeroDivisionError()
        async with RawClient(port) as client:
            await client.send(GET)
            assert await client.rest() == b""
        assert lost == [handling.failure]
        handling.failure = None
        assert (await ask(port, GET)).body == b"ok"


async def test_while_closing_a_client_that_was_heard_lately_is_answered_once_more() -> None:
    handling = Handling()
    async with serving(handling) as (server, port), RawClient(port) as fresh, RawClient(port) as used:
        await used.send(GET)
        await used.answer()
        await until(lambda: server.open == 2)
        closing = asyncio.create_task(server.close(20, 3600.0))
        await until(lambda: server.draining)
        for client in (fresh, used):
            await client.send(GET)
            assert (await client.answer()).body == b"ok"
        assert handling.last == [False, True, True]
        assert not closing.done()
        server.abort_all()
        await closing


async def test_while_closing_half_a_head_may_become_a_whole_one() -> None:
    handling = Handling()
    async with serving(handling) as (server, port), RawClient(port) as client:
        await client.send(GET[:9])
        await until(lambda: any(wire.buffer for wire in server._clients))
        closing = asyncio.create_task(server.close(20, 0.0))
        await until(lambda: server.draining)
        await client.send(GET[9:])
        assert await client.rest() == OK
        await closing


async def test_closing_answers_all_who_have_connected_before() -> None:
    """Neither are they accepted when it begins, nor is a byte of theirs read."""
    handling = Handling()
    async with serving(handling) as (server, port):
        waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        for one in waiting:
            one.sendall(GET)
        closing = asyncio.create_task(server.close(20, 0.5))
        answers = [await asyncio.to_thread(one.recv, len(OK)) for one in waiting]
        assert answers == [OK] * 100
        for one in waiting:
            one.close()
        await closing
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


async def test_new_settings_hold_from_the_next_request_on_and_connections_stay() -> None:
    handling, other = Handling(), Handling()
    long = GET.replace(b"Host: h", b"Host: h\r\nX: " + b"x" * 2000)
    async with serving(handling) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await client.answer()
        server.apply_settings(settings("http://h", limits__head_bytes=1000, limits__long_head_bytes=1000), RULES, other)
        await client.send(GET)
        await client.answer()
        assert (len(handling.lines), len(other.lines), server.open) == (1, 1, 1)
        await client.send(long)
        assert (await client.answer()).status == 431


async def test_closing_waits_for_requests_in_flight_and_not_for_idle_clients() -> None:
    handling = Handling()
    handling.hold = asyncio.Event()
    async with serving(handling) as (server, port), RawClient(port) as busy, RawClient(port) as lazy:
        await busy.send(GET)
        await until(lambda: handling.lines)
        closing = asyncio.create_task(server.close(20, 0.0))
        assert await lazy.rest() == b""
        assert not closing.done()
        handling.hold.set()
        assert await busy.rest() == OK
        await closing
