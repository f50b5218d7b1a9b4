"""A link with a delay between fanin and PostgREST: each piece of bytes arrives later, in the order of the pieces."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ONE_WAY = 0.005
"""Seconds of the link between two data centres of one region."""


class _End(asyncio.Protocol):
    """One end of a connection; what arrives here is written to the other end, later."""

    def __init__(self, delay: Callable[[], float], ends: list[_End]) -> None:
        self.transport: asyncio.Transport | None = None
        self.ends = ends
        ends.append(self)
        self.other: _End | None = None
        self._delay = delay
        self._last = 0.0
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def join(self, other: _End) -> None:
        """Pass everything on to ``other`` from now on, and back."""
        self.other, other.other = other, self
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._waiting.append(data)
            return
        self._later(self.other.write, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self._later(self.other.write, b"")

    def write(self, data: bytes) -> None:
        """Write, or close if there is nothing to write."""
        if self.transport is None or self.transport.is_closing():
            return
        if data:
            self.transport.write(data)
        else:
            self.transport.close()

    def _later(self, write: Callable[[bytes], None], data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._last = max(self._last, loop.time() + self._delay())
        loop.call_at(self._last, write, data)


class _Listener(_End):
    """The end of a client; it opens the connection to the server."""

    def __init__(
        self,
        delay: Callable[[], float],
        ends: list[_End],
        address: tuple[str, int],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        super().__init__(delay, ends)
        self._address = address
        self._tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.get_running_loop().create_task(self._connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        _, end = await asyncio.get_running_loop().create_connection(
            lambda: _End(self._delay, self.ends), *self._address
        )
        self.join(end)


@asynccontextmanager
async def delayed_link(url: str, delay: Callable[[], float] = lambda: ONE_WAY) -> AsyncIterator[str]:
    """The URL of a link to the server at ``url``; ``delay`` gives the seconds of each piece, one way."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    address, tasks, ends = (parts.hostname, parts.port), set[asyncio.Task[None]](), list[_End]()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Listener(delay, ends, address, tasks), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if end.transport is not None:
                end.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)  # until the transports are closed
