"""ClientConnection: requests that begin, and some that are answered, while the connection's task waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import OK, RawClient, until
from tests.server.test_server import GET, FakeHandler, serving

if TYPE_CHECKING:
    from proxy.server.client_connection import ClientConnection
    from proxy.server.server import Answering, ClientRequest, DataServer


class Waits(FakeHandler):
    """Its requests wait without a task where they can."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[ClientRequest] = []
        self.left: list[ClientRequest] = []

    def __call__(self, request: ClientRequest) -> Answering | None:  # type: ignore[override]
        if not request.client.is_between_requests:
            return super().__call__(request)
        request.client.wait_without_task(lambda: self.left.append(request))
        self.waiting.append(request)
        return None

    def answer(self) -> None:
        """Answer the first request that waits."""
        request = self.waiting.pop(0)
        request.client.write(OK)
        request.client.answered(request, not request.last)

    async def go_on(self, body: bytes = OK) -> bool:
        self.hosts.append(body)
        self.waiting[0].client.write(body)
        return True


def connection_of(server: DataServer) -> ClientConnection:
    (connection,) = server._clients
    return connection


async def test_requests_that_wait_are_answered_one_after_another_and_the_task_waits_all_the_time() -> None:
    handler = Waits()
    async with serving(handler) as (server, port), RawClient(port) as client:
        for _ in range(3):
            await client.send(GET)
            await until(lambda: handler.waiting)
            assert (server.in_flight, connection_of(server).is_between_requests) == (1, True)
            handler.answer()
            assert (await client.answer()).body == b"ok"
            assert (server.in_flight, connection_of(server).is_between_requests) == (0, True)
    assert (handler.lines, handler.left) == ([], [])


async def test_a_request_that_arrives_while_one_waits_is_answered_after_it() -> None:
    handler = Waits()
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await until(lambda: handler.waiting)
        await client.send(GET.replace(b"/t", b"/second"))
        await until(lambda: connection_of(server).buffer)
        assert (len(handler.waiting), handler.lines) == (1, [])
        handler.answer()
        assert [(await client.answer()).body, (await client.answer()).body] == [b"ok", b"ok"]
    assert handler.lines == [(b"GET", b"/second")]


async def test_a_connection_with_a_request_that_waits_is_not_idle_and_is_from_its_answer_on() -> None:
    handler = Waits()
    async with serving(handler, timeouts__keep_alive=60) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await until(lambda: handler.waiting)
        connection = connection_of(server)
        connection._deadline = 0.0
        connection._check_deadline()
        assert connection.is_between_requests
        assert connection.close_if_idle(server.now() + 3600, 1.0) == 1.0
        handler.answer()
        assert connection._deadline > asyncio.get_running_loop().time() + 30
        assert (await client.answer()).body == b"ok"
        connection._deadline = 0.0
        connection._check_deadline()
        assert await client.rest() == b""


@pytest.mark.parametrize("how", ["closes", "resets", "closes its sending side"])
async def test_a_client_that_hangs_up_leaves_once(how: str) -> None:
    handler = Waits()
    async with serving(handler) as (server, port):
        async with RawClient(port) as client:
            await client.send(GET)
            await until(lambda: handler.waiting)
            if how == "resets":
                client.abort()
            elif how == "closes its sending side":
                client.finish()
            else:
                client.writer.close()
            await until(lambda: handler.left)
        await until(lambda: server.open == 0)
    assert handler.left == handler.waiting


async def test_the_last_answer_of_a_draining_fanin_closes_the_connection() -> None:
    handler = Waits()
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await until(lambda: handler.waiting)
        closing = asyncio.create_task(server.close(60, 0.0))
        await until(lambda: server.draining)
        handler.answer()
        assert await client.rest() == OK
        await closing


async def test_the_task_goes_on_with_what_needs_more_steps() -> None:
    handler = Waits()
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await until(lambda: handler.waiting)
        connection_of(server).go_on((handler.waiting[0], handler.go_on()))
        assert (await client.answer()).body == b"ok"
        await until(lambda: connection_of(server).is_between_requests)
    assert handler.left == []


async def test_a_client_that_hangs_up_before_the_task_goes_on_leaves_and_nothing_more_is_done() -> None:
    handler = Waits()
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await until(lambda: handler.waiting)
        connection = connection_of(server)
        connection.go_on((handler.waiting[0], handler.go_on()))  # in a task, so that the connection's runs later
        connection.eof_received()
        await until(lambda: server.open == 0)
        assert await client.rest() == b""
    assert (handler.left, handler.hosts) == (handler.waiting, [])


async def test_a_task_that_ends_leaves_the_request_that_waits() -> None:
    handler = Waits()
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await until(lambda: handler.waiting)
        for task in server._tasks:
            task.cancel()
        assert await client.rest() == b""
    assert handler.left == handler.waiting


async def test_a_slow_client_gets_no_second_answer_before_it_has_read_the_first() -> None:
    handler = Waits()
    async with serving(handler) as (server, port), RawClient(port) as client:
        await client.send(GET)
        await until(lambda: handler.waiting)
        connection = connection_of(server)
        connection.pause_writing()
        handler.answer()
        await until(lambda: not connection.is_between_requests)
        await client.send(GET)
        await until(lambda: connection.buffer)
        assert (handler.waiting, handler.lines) == ([], [])
        connection.resume_writing()
        assert [(await client.answer()).body, (await client.answer()).body] == [b"ok", b"ok"]
