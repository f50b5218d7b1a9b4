"""UpstreamConnection: bytes that nobody asked for are seen before the next call, even if only the socket has them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from proxy.upstream.connection import UpstreamConnection
from tests.e2e.support.harness import until
from tests.transport.fake_connection import FakeTransport

if TYPE_CHECKING:
    from collections.abc import Iterator


class Unasked:
    """Counts reports of unasked bytes."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def connection_on(own: socket.socket, unasked: Unasked) -> UpstreamConnection:
    """A connection over ``own`` whose bytes the event loop does not read, as before its next turn."""
    connection = UpstreamConnection(set(), unasked)
    FakeTransport(connection, socket=own)
    return connection


@contextmanager
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    own, peer = socket.socketpair()
    own.setblocking(False)
    with own, peer:
        yield own, peer


async def test_a_connection_is_silent_until_bytes_or_the_end_are_in_its_socket() -> None:
    with sockets() as (own, peer):
        unasked = Unasked()
        connection = connection_on(own, unasked)
        assert connection.is_silent()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        assert not connection.is_silent()
        assert (unasked.count, bytes(connection.buffer)) == (1, b"")
    with sockets() as (own, peer):
        connection = connection_on(own, unasked)
        peer.close()
        assert not connection.is_silent()
        assert unasked.count == 1, "the end of a connection is no answer"


@pytest.mark.parametrize("data", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"HTTP/1.0 408 Gone\r\n\r\n"])
async def test_a_server_that_reports_its_idle_timeout_sends_nothing_unasked(data: bytes) -> None:
    unasked = Unasked()
    with sockets() as (own, peer):
        connection = connection_on(own, unasked)
        peer.send(data)
        assert not connection.is_silent()
        connection.end_call()
        connection.data_received(data)
    assert unasked.count == 0


async def test_an_idle_connection_that_receives_bytes_is_closed_at_once() -> None:
    unasked = Unasked()
    connection = UpstreamConnection(set(), unasked)
    transport = FakeTransport(connection)
    connection.begin_call()
    connection.data_received(b"answer")
    assert connection.buffer == b"answer"
    del connection.buffer[:]
    assert connection.end_call()
    connection.data_received(b"x")
    assert transport.aborted
    assert unasked.count == 1
    assert not connection.is_silent()


async def test_bytes_after_an_answer_end_the_connection() -> None:
    unasked = Unasked()
    connection = UpstreamConnection(set(), unasked)
    FakeTransport(connection)
    connection.data_received(b"stray")
    assert not connection.end_call()
    assert unasked.count == 1


async def test_a_connection_that_was_paused_reads_again_after_its_call_unless_tls_may_hold_bytes() -> None:
    for tls, kept in ((None, True), (object(), False)):
        connection = UpstreamConnection(set(), Unasked())
        transport = FakeTransport(connection, ssl_object=tls)
        connection.data_received(b"x" * 300_000)
        del connection.buffer[:]
        assert connection.end_call() is kept
        assert transport.reading_calls == (["pause", "resume"] if kept else ["pause"])


async def test_what_the_other_system_has_not_acknowledged_is_unreceived() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as own:
        own.setblocking(False)
        connection = connection_on(own, Unasked())
        assert not connection.has_unreceived()
        while True:  # nobody reads, so the buffers of both systems fill
            try:
                own.send(b"x" * 65_536)
            except BlockingIOError:
                break
        assert connection.has_unreceived()
        accepted, _ = server.accept()
        accepted.setblocking(False)
        with accepted:

            def received() -> bool:
                try:
                    accepted.recv(1 << 20)
                except BlockingIOError:
                    pass
                return not connection.has_unreceived()

            await until(received)


async def test_what_the_transport_still_holds_is_unreceived() -> None:
    connection = UpstreamConnection(set(), Unasked())
    transport = FakeTransport(connection)
    assert not connection.has_unreceived()
    transport.unsent = 1
    assert connection.has_unreceived()


@pytest.mark.parametrize(("calls", "unsent", "kept"), [(1, 7, True), (2, 6, True), (2, 7, False)])
async def test_an_answer_on_a_reused_connection_whose_request_has_not_left_is_unasked(
    calls: int, unsent: int, kept: bool
) -> None:
    unasked = Unasked()
    connection = UpstreamConnection(set(), unasked)
    transport = FakeTransport(connection, sockname=("127.0.0.1", 1), peername=("127.0.0.1", 2))
    for _ in range(calls):
        transport.unsent = 0
        connection.begin_call()
        connection.write(b"request")
        transport.unsent = unsent
        connection.data_received(b"answer")
    assert (transport.aborted, unasked.count) == (not kept, int(not kept))
    assert connection.buffer == b"answer" * (calls if kept else calls - 1)


async def test_endpoints_are_known_while_it_is_open_and_calls_are_counted() -> None:
    open_endpoints: set[object] = set()
    connection = UpstreamConnection(open_endpoints, Unasked())
    transport = FakeTransport(connection, sockname=("127.0.0.1", 1), peername=("127.0.0.1", 2))
    assert len(open_endpoints) == 1
    connection.begin_call()
    assert connection.calls == 1
    transport.abort()
    await asyncio.sleep(0)
    assert not open_endpoints
