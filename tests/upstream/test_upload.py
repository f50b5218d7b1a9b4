"""A request body goes up in the framing that it came in, and what ends it early is told by its cause."""

from __future__ import annotations

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.framing import CHUNKED
from proxy.transport.connection import Body, Connection
from proxy.upstream.upload import framed_body, send_body
from tests.transport.fake_connection import FakeTransport

IDLE = 20.0


def client(framing: int, *data: bytes, idle: float = IDLE) -> tuple[Connection, Body]:
    """A client's connection on which ``data`` has come, and the body on it."""
    connection = Connection()
    FakeTransport(connection)
    for piece in data:
        connection.data_received(piece)
    return connection, Body(connection, framing, idle, "FANIN105")


def upstream() -> tuple[Connection, FakeTransport]:
    connection = Connection()
    return connection, FakeTransport(connection)


async def test_a_body_of_a_length_goes_up_as_it_is() -> None:
    wire, transport = upstream()
    _, body = client(3, b"d", b"ef")
    assert await send_body(wire, body, b"abc", IDLE)
    assert transport.written == b"abcdef"


async def test_a_chunked_body_goes_up_in_chunks_with_its_end() -> None:
    wire, transport = upstream()
    _, body = client(CHUNKED, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert await send_body(wire, body, b"", IDLE)
    assert transport.written.endswith(b"\r\n0\r\n\r\n")
    again = Body(client(CHUNKED, transport.written)[0], CHUNKED, IDLE, "FANIN105")
    assert b"".join([piece async for piece in again.pieces()]) == b"abcde"


async def test_a_client_that_sends_nothing_fails_the_call_with_the_clients_error() -> None:
    wire, _ = upstream()
    _, body = client(3, b"ab", idle=0.01)
    assert not await send_body(wire, body, b"", IDLE)
    assert isinstance(wire.failure, FaultError)
    assert wire.failure.fault.code == "FANIN108"


async def test_a_client_that_leaves_fails_the_call_as_an_abort() -> None:
    wire, _ = upstream()
    connection, body = client(3, b"ab")
    connection.eof_received()
    assert not await send_body(wire, body, b"", IDLE)
    assert isinstance(wire.failure, ConnectionAbortedError)


async def test_an_upstream_that_takes_no_byte_fails_the_call_with_upstreams_error() -> None:
    wire, _ = upstream()
    wire.pause_writing()
    _, body = client(3, b"abc")
    assert not await send_body(wire, body, b"", 0.01)
    assert isinstance(wire.failure, FaultError)
    assert wire.failure.fault.code == "FANIN504"


async def test_an_upstream_that_has_gone_is_left_to_whoever_reads_its_answer() -> None:
    wire, _ = upstream()
    wire.eof_received()
    assert not await send_body(wire, client(3, b"abc")[1], b"", IDLE)
    assert wire.failure is None


@pytest.mark.parametrize(
    ("framing", "sent"), [(3, b"abc"), (CHUNKED, b"3\r\nabc\r\n0\r\n\r\n")], ids=["length", "chunked"]
)
async def test_a_body_that_is_here_whole_is_written_in_its_own_framing(framing: int, sent: bytes) -> None:
    assert framed_body(client(framing)[1], b"abc") == sent
    assert framed_body(None, b"abc") == b"abc"


async def test_a_chunked_body_without_data_is_its_end() -> None:
    assert framed_body(client(CHUNKED)[1], b"") == b"0\r\n\r\n"
