"""A listening port accepts until it is closed, and whoever had connected by then is served."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

import pytest

from proxy.settings.sources import AddressInUseError, ConfigError
from proxy.transport.listener import Listener, bind, bind_error

if TYPE_CHECKING:
    from pathlib import Path


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
    port = await listener.open("127.0.0.1:0")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b"hello"
    writer.close()
    await listener.close()


async def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="Address already in use"):
        await Listener(Greeter).open(f"127.0.0.1:{other.getsockname()[1]}")


async def test_whoever_connected_before_the_close_is_served() -> None:
    listener = Listener(Greeter)
    port = await listener.open("127.0.0.1:0")
    connected = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # no turn of the loop in between
    await listener.close()
    assert [await greeting(one) for one in connected] == [b"hello"] * 20


async def test_nobody_connects_after_the_close() -> None:
    listener = Listener(Greeter)
    port = await listener.open("127.0.0.1:0")
    await listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_a_listener_may_be_closed_twice_or_without_having_been_opened() -> None:
    listener = Listener(Greeter)
    await listener.close()
    await listener.open("127.0.0.1:0")
    await listener.close()
    await listener.close()


async def test_a_name_with_several_addresses_is_bound_on_each() -> None:
    sockets = await bind("localhost:0")
    assert {listening.family for listening in sockets} <= {socket.AF_INET, socket.AF_INET6}
    for listening in sockets:
        listening.close()


async def test_a_unix_socket_accepts_and_its_file_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "fanin.sock"
    listener = Listener(Greeter)
    assert await listener.open(f"unix:{path}") == 0
    reader, writer = await asyncio.open_unix_connection(path)
    assert await reader.read() == b"hello"
    writer.close()
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(str(path))  # no turn of the loop until the close
    await listener.close()
    assert await greeting(waiting) == b"hello"
    assert not path.exists()


async def test_a_socket_file_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "fanin.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    (listening,) = await bind(f"unix:{path}")
    listening.close()


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("a socket in use", AddressInUseError, "Address already in use"),
        ("a file", ConfigError, "the path is a file that is no socket"),
        ("a directory", ConfigError, "the path is a directory"),
    ],
)
async def test_a_path_that_is_taken_is_an_error_and_stays(
    kind: str, error: type[ConfigError], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "fanin.sock"
    with socket.socket(socket.AF_UNIX) as other:
        if kind == "a file":
            path.write_text("kept", encoding="utf-8")
        elif kind == "a directory":
            path.mkdir()
        else:
            other.bind(str(path))
            other.listen()
        with pytest.raises(OSError, match=said) as raised:
            await bind(f"unix:{path}")
        assert type(bind_error("listen", f"unix:{path}", raised.value)) is error
        assert path.exists()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EADDRINUSE, "in use"), AddressInUseError),
        (OSError(errno.EADDRNOTAVAIL, "not here yet"), AddressInUseError),
        (socket.gaierror(socket.EAI_AGAIN, "no name server"), AddressInUseError),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), ConfigError),
        (PermissionError(errno.EACCES, "not allowed"), ConfigError),
    ],
)
def test_only_an_address_that_may_be_free_later_is_worth_another_start(error: OSError, kind: type[Exception]) -> None:
    made = bind_error("listen", "127.0.0.1:80", error)
    assert type(made) is kind
    assert str(made) == f"listen: cannot bind 127.0.0.1:80: {error.strerror}"
