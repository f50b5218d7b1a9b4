"""An upstream that plays scripts, and keeps every byte that it was sent."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from typing import TYPE_CHECKING, Self

from tests.e2e.support.raw_client import TIMEOUT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from types import TracebackType


class ScriptedConnection:
    """One connection to the scripted upstream, as its script sees it."""

    def __init__(self, upstream: ScriptedUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests: list[bytes] = []
        """Whole requests, as they came."""
        self.received = bytearray()
        """Every byte that came."""
        self.closed = False
        """Whether the other side closed."""
        self.reset = False
        self._upstream = upstream
        self._reader = reader
        self._writer = writer
        self._left = bytearray()

    async def request(self) -> bytes | None:
        """The next request, to the end of its body; None when the other side closed."""
        head = await self.head()
        if head is None:
            return None
        body = await self.body(head)
        if self.closed:
            return None
        self.requests.append(head + body)
        self._upstream.changed()
        return head + body

    async def head(self) -> bytes | None:
        """The next head with its empty line."""
        return await self._until(b"\r\n\r\n")

    async def body(self, head: bytes) -> bytes:
        """The body that belongs to ``head``, with its framing."""
        if re.search(rb"(?i)\r\ntransfer-encoding:", head):
            return await self._chunks()
        length = re.search(rb"(?i)\r\ncontent-length:\s*(\d+)", head)
        return await self.exactly(int(length[1]) if length else 0)

    async def _chunks(self) -> bytes:
        got, size = b"", b"x"
        while size and size != b"0":
            line = await self._until(b"\r\n") or b""
            size = line.partition(b";")[0].strip()
            got += line
            if size and size != b"0":
                got += await self.exactly(int(size, 16) + 2)
        while size and (line := await self._until(b"\r\n") or b"\r\n"):
            got += line
            if line == b"\r\n":
                break
        return got

    async def exactly(self, count: int) -> bytes:
        while len(self._left) < count and await self._more():
            pass
        data = bytes(self._left[:count])
        del self._left[:count]
        return data

    async def gone(self) -> None:
        """Wait until the other side closes."""
        while await self._more():
            pass

    async def send(self, data: bytes) -> None:
        if self._writer.is_closing():
            self._lost()
            return
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError:
            self._lost()

    def finish(self) -> None:
        """Close the sending side."""
        self._writer.write_eof()

    def abort(self) -> None:
        """Close with a reset: a socket that lingers for no time at all has no other way."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._left:
            if not await self._more():
                return None
        end = self._left.index(mark) + len(mark)
        data = bytes(self._left[:end])
        del self._left[:end]
        return data

    async def _more(self) -> bool:
        try:
            data = await self._reader.read(1 << 18)
        except ConnectionError:
            self.reset = True
            data = b""
        self.received += data
        self._left += data
        if not data:
            self._lost()
        self._upstream.changed()
        return bool(data)

    def _lost(self) -> None:
        self.closed = True
        self._upstream.changed()


class ScriptedUpstream:
    """``async with ScriptedUpstream(script, …) as upstream``: the n-th connection plays the n-th script.

    The last script is played again for every further connection. A connection closes when its script returns.
    """

    def __init__(
        self,
        *scripts: Callable[[ScriptedConnection], Awaitable[None]],
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.connections: list[ScriptedConnection] = []
        self._scripts = scripts
        self._tls = tls
        self._changed = asyncio.Event()
        self._playing: set[asyncio.Task[None]] = set()
        self.port = port
        self.failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[bytes]:
        """Whole requests of all connections, connection by connection."""
        return [request for connection in self.connections for request in connection.requests]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls, limit=1 << 18)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
        if kind is None and self.failures:
            raise self.failures[0]

    def changed(self) -> None:
        """Something came, or somebody left."""
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until ``condition`` holds; it is asked whenever something happened here."""
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ScriptedConnection(self, reader, writer)
        script = self._scripts[min(len(self.connections), len(self._scripts) - 1)]
        self.connections.append(connection)
        self.changed()
        task = asyncio.get_running_loop().create_task(self._play(script, connection, writer))
        self._playing.add(task)
        task.add_done_callback(self._playing.discard)

    async def _play(
        self,
        script: Callable[[ScriptedConnection], Awaitable[None]],
        connection: ScriptedConnection,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            await script(connection)
        except ConnectionError:
            pass
        except Exception as error:
            self.failures.append(error)
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except (OSError, asyncio.CancelledError):
                pass  # gone before, or the test is over


def answers(*pieces: bytes, close: bool = False) -> Callable[[ScriptedConnection], Awaitable[None]]:
    """A script: one answer a request, in order, the last one again and again; ``close`` after the last."""

    async def script(connection: ScriptedConnection) -> None:
        at = 0
        while await connection.request() is not None:
            await connection.send(pieces[min(at, len(pieces) - 1)])
            at += 1
            if close and at >= len(pieces):
                return

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
