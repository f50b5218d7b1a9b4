"""A network link with a delay, as a process of its own: what arrives is passed on later, in the same order.

``python -m proxy.demo.link PORT TARGET_PORT DELAY`` listens on 127.0.0.1 until it is ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from proxy.demo.server import START_TIMEOUT, StackServer, free_port

if TYPE_CHECKING:
    from collections.abc import Coroutine

ONE_WAY = 0.005
"""Seconds in each direction, as between two data centres of one region."""
_PIECE = 65_536  # bytes


class Link(StackServer):
    """`with Link(port) as link:` — `link.url` is the server at `port` of 127.0.0.1, `delay` seconds away."""

    def __init__(self, target_port: int, delay: float = ONE_WAY) -> None:
        super().__init__("fanin-link-")
        self._target_port, self._delay = target_port, delay
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def _start(self) -> None:
        self.port = free_port()
        arguments = [str(self.port), str(self._target_port), str(self._delay)]
        argv = [sys.executable, "-m", "proxy.demo.link", *arguments]
        child = self._spawn(argv, env=os.environ, stop=signal.SIGTERM)
        child.wait_until(self._is_ready, timeout=START_TIMEOUT)

    def _is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except OSError:
            return False
        return True


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, and the end, each piece `delay` seconds later."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    written = loop.create_task(_write_later(pieces, writer))
    try:
        while piece := await reader.read(_PIECE):
            pieces.put_nowait((loop.time() + delay, piece))
    except ConnectionError:
        pass
    pieces.put_nowait((loop.time() + delay, b""))
    await written


async def _write_later(pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    try:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                writer.write_eof()  # the other direction goes on
                return
            writer.write(piece)
            await writer.drain()
    except OSError:
        writer.transport.abort()


async def _serve(port: int, target_port: int, delay: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target_port)
        except OSError:
            writer.close()
            return
        both: tuple[Coroutine[None, None, None], ...] = (
            _pass_on(reader, far_writer, delay),
            _pass_on(far_reader, writer, delay),
        )
        await asyncio.gather(*both)
        for end in (writer, far_writer):
            end.close()

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
