"""A listening port accepts until it is closed, and whoever had connected by then is served."""

from __future__ import annotations

import asyncio
import socket

import pytest

from proxy.transport.listener import Listener


class Greeter(asyncio.Protocol):
    """Says one word and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


async def greeting(connection: socket.socket) -> bytes:
    with connection:
        connection.setblocking(False)
        return await asyncio.get_running_loop().sock_recv(connection, 100)


async def test_a_free_port_is_found_and_accepts() -> None:
    listener = Listener(Greeter)
    port = await listener.open("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b"hello"
    writer.close()
    await listener.close()


async def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="address already in use"):
        await Listener(Greeter).open("127.0.0.1", other.getsockname()[1])


async def test_whoever_connected_before_the_close_is_served() -> None:
    listener = Listener(Greeter)
    port = await listener.open("127.0.0.1", 0)
    connected = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # no turn of the loop in between
    await listener.close()
    assert [await greeting(one) for one in connected] == [b"hello"] * 20


async def test_nobody_connects_after_the_close() -> None:
    listener = Listener(Greeter)
    port = await listener.open("127.0.0.1", 0)
    await listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_a_listener_may_be_closed_twice_or_without_having_been_opened() -> None:
    listener = Listener(Greeter)
    await listener.close()
    await listener.open("127.0.0.1", 0)
    await listener.close()
    await listener.close()
