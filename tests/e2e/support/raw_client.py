"""A client that writes bytes and reads answers, keeping what came. h11, which fanin does not use, finds their ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import h11

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

TIMEOUT = 60.0
"""Seconds after which a test that waits has failed."""


@dataclass
class RawAnswer:
    """One answer: its head as it came (with the empty line), and its body after un-framing."""

    head: bytes
    body: bytes
    interim: list[bytes] = field(default_factory=list)
    """Heads of the 1xx answers before it."""
    complete: bool = True
    """False when the connection closed before the body's end."""
    raw: bytes = b""
    """The body's bytes as they came, with their framing."""

    @property
    def status_line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.head[9:12])

    @property
    def lines(self) -> list[bytes]:
        """The header lines as they came."""
        return self.head.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]

    def values(self, name: bytes) -> list[bytes]:
        """The values of all lines called ``name`` (lower case)."""
        pairs = (line.partition(b":") for line in self.lines)
        return [value.strip() for key, _, value in pairs if key.lower() == name]


class RawClient:
    """One connection. ``async with RawClient(url) as client``: send bytes, read answers."""

    def __init__(self, target: str | int, tls: ssl.SSLContext | None = None, source: str = "") -> None:
        """``target`` is a URL, or a port of 127.0.0.1. ``source`` is the address to connect from."""
        parts = urlsplit(target if isinstance(target, str) else f"http://127.0.0.1:{target}")
        self._host, self._port, self._tls = parts.hostname or "", parts.port or 80, tls
        self._source = (source, 0) if source else None
        self._left = b""

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(TIMEOUT):
            self.reader, self.writer = await asyncio.open_connection(
                self._host, self._port, ssl=self._tls, local_addr=self._source
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass  # it was gone before

    @property
    def local(self) -> object:
        return self.writer.get_extra_info("sockname")

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        try:
            async with asyncio.timeout(TIMEOUT):
                await self.writer.drain()
        except ConnectionError:
            pass  # what came back before is still there to be read

    def finish(self) -> None:
        """Close the sending side."""
        self.writer.write_eof()

    def abort(self) -> None:
        """Close with a reset."""
        self.writer.transport.abort()

    async def answer(self, method: bytes = b"GET") -> RawAnswer:
        """Read one answer to a request of ``method``."""
        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        parser.send(h11.Request(method="HEAD" if method == b"HEAD" else "POST", target="/", headers=[("Host", "h")]))
        parser.send(h11.EndOfMessage())
        got, body, interim, complete = bytearray(), bytearray(), [], True
        data = self._left
        while True:
            if data:
                got += data
                parser.receive_data(data)
            event = parser.next_event()
            if isinstance(event, h11.InformationalResponse):
                end = got.index(b"\r\n\r\n") + 4
                interim.append(bytes(got[:end]))
                del got[:end]
                data = b""
            elif isinstance(event, h11.Data):
                body += event.data
                data = b""
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                break
            elif event is h11.NEED_DATA:
                data = await self._read()
                if not data:
                    complete = parser.their_state is not h11.SEND_BODY or _ends_with_close(parser)
                    break
            else:
                data = b""
        self._left = parser.trailing_data[0]
        whole = bytes(got[: len(got) - len(self._left)] if self._left else got)
        assert whole, "the connection closed without an answer"
        end = whole.index(b"\r\n\r\n") + 4
        return RawAnswer(whole[:end], bytes(body), interim, complete, whole[end:])

    async def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._left) < count and (data := await self._read()):
            self._left += data
        data, self._left = self._left[:count], self._left[count:]
        return data

    async def until(self, mark: bytes) -> bytes:
        """The bytes up to ``mark``, and it."""
        while mark not in self._left and (data := await self._read()):
            self._left += data
        end = self._left.index(mark) + len(mark)
        data, self._left = self._left[:end], self._left[end:]
        return data

    async def rest(self) -> bytes:
        """Everything until the connection closes."""
        got, self._left = self._left, b""
        while data := await self._read():
            got += data
        return got

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self.reader.read(1 << 18)
        except ConnectionError:
            return b""


def _ends_with_close(parser: h11.Connection) -> bool:
    """Whether a body that the closed connection ended was to end so."""
    parser.receive_data(b"")
    try:
        return isinstance(parser.next_event(), h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return False


async def ask(target: str | int, request: bytes) -> RawAnswer:
    """The answer to ``request`` on a connection of its own."""
    async with RawClient(target) as client:
        await client.send(request)
        return await client.answer(request.partition(b" ")[0])
