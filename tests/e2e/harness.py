"""Bytes on sockets: fanin in this process or as a program, a raw client, and an upstream that plays scripts.

Nothing here hides a byte. h11, which fanin does not use, finds the ends of answers.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import h11

from proxy.config import Settings, load
from proxy.observe.events import Events
from proxy.shell.sidecar import Sidecar
from rules import RULES

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import TracebackType

PATIENCE = 20.0
"""Seconds after which a test that waits has failed."""


def settings(upstream: str, **changes: Any) -> Settings:
    """Settings for a test: a free port, no admin port; ``changes`` by dotted name, with ``__`` for the dot."""
    flags = {"upstream": upstream, "listen": "127.0.0.1:0", "admin": "off", "mount": "/"}
    return load(flags | {name.replace("__", "."): value for name, value in changes.items()}).settings


@asynccontextmanager
async def fanin(upstream: str, **changes: Any) -> AsyncIterator[Sidecar]:
    """A fanin in this process, drained at the end."""
    changes = {"drain__delay": 0.001, "drain__timeout": 0.2} | changes
    sidecar = Sidecar(settings(upstream, **changes), RULES, Events(), time.monotonic)
    await sidecar.start()
    try:
        yield sidecar
    finally:
        await sidecar.stop()


@dataclass
class Program:
    """``fanin serve`` as a process of its own."""

    pid: int
    port: int
    process: asyncio.subprocess.Process

    def peak_memory(self) -> int:
        """The most bytes that it ever had resident (Linux)."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            text = status.read()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


@asynccontextmanager
async def program(upstream: str, *flags: str) -> AsyncIterator[Program]:
    """``fanin serve`` on a free port; asked to end, and waited for, at the end."""
    common = ("--listen", "127.0.0.1:0", "--admin", "off", "--set", "drain.delay=0.001", "--set", "drain.timeout=1")
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("fanin")),
        *("serve", "--upstream", upstream, *common, *flags),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Program(process.pid, await _port_told(process), process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), PATIENCE)


async def _port_told(process: asyncio.subprocess.Process) -> int:
    """The port in fanin's start line."""
    assert process.stderr is not None
    told = b""
    async with asyncio.timeout(PATIENCE):
        while line := await process.stderr.readline():
            told += line
            if found := re.match(rb"fanin [\d.]+: http://[^ ]*:(\d+) ", line):
                return int(found[1])
    raise AssertionError(f"fanin did not start: {told.decode()}")


# The client.


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

    def __init__(self, target: str | int, tls: ssl.SSLContext | None = None) -> None:
        """``target`` is a URL, or a port of 127.0.0.1."""
        parts = urlsplit(target if isinstance(target, str) else f"http://127.0.0.1:{target}")
        self._host, self._port, self._tls = parts.hostname or "", parts.port or 80, tls
        self._left = b""

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(PATIENCE):
            self.reader, self.writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
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
            async with asyncio.timeout(PATIENCE):
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
            event = _next(parser)
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
            async with asyncio.timeout(PATIENCE):
                return await self.reader.read(1 << 18)
        except ConnectionError:
            return b""


def _next(parser: h11.Connection) -> Any:
    return parser.next_event()


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


# The upstream.


class Talk:
    """One connection to the scripted upstream, as its script sees it."""

    def __init__(self, upstream: ScriptedUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests: list[bytes] = []
        """Whole requests, as they came."""
        self.received = b""
        """Every byte that came."""
        self.closed = False
        """Whether the other side closed."""
        self.reset = False
        self._upstream = upstream
        self._reader = reader
        self._writer = writer
        self._left = b""

    async def request(self) -> bytes | None:
        """The next request, to the end of its body; None when the other side closed."""
        head = await self.head()
        if head is None:
            return None
        body = await self.body(head)
        self.requests.append(head + body)
        self._upstream.changed()
        return head + body

    async def head(self) -> bytes | None:
        """The next head with its empty line."""
        return await self._until(b"\r\n\r\n")

    async def body(self, head: bytes) -> bytes:
        """The body that belongs to ``head``, with its framing."""
        if re.search(rb"(?i)\r\ntransfer-encoding:", head):
            return await self._until(b"0\r\n\r\n") or b""
        length = re.search(rb"(?i)\r\ncontent-length:\s*(\d+)", head)
        return await self.exactly(int(length[1]) if length else 0)

    async def exactly(self, count: int) -> bytes:
        while len(self._left) < count and await self._more():
            pass
        data, self._left = self._left[:count], self._left[count:]
        return data

    async def gone(self) -> None:
        """Wait until the other side closes."""
        while await self._more():
            pass

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError:
            self._lost()

    def finish(self) -> None:
        """Close the sending side."""
        self._writer.write_eof()

    def abort(self) -> None:
        """Close with a reset."""
        self._writer.transport.abort()

    async def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._left:
            if not await self._more():
                return None
        end = self._left.index(mark) + len(mark)
        data, self._left = self._left[:end], self._left[end:]
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

    def __init__(self, *scripts: Callable[[Talk], Awaitable[None]], tls: ssl.SSLContext | None = None) -> None:
        self.talks: list[Talk] = []
        self._scripts = scripts
        self._tls = tls
        self._changed = asyncio.Event()
        self._playing: set[asyncio.Task[None]] = set()
        self.port = 0
        self.failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[bytes]:
        """Whole requests of all connections, connection by connection."""
        return [request for talk in self.talks for request in talk.requests]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, limit=1 << 18)
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
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(self, reader, writer)
        script = self._scripts[min(len(self.talks), len(self._scripts) - 1)]
        self.talks.append(talk)
        self.changed()
        task = asyncio.get_running_loop().create_task(self._play(script, talk, writer))
        self._playing.add(task)
        task.add_done_callback(self._playing.discard)

    async def _play(self, script: Callable[[Talk], Awaitable[None]], talk: Talk, writer: asyncio.StreamWriter) -> None:
        try:
            await script(talk)
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


def answers(*pieces: bytes, close: bool = False) -> Callable[[Talk], Awaitable[None]]:
    """A script: one answer a request, in order, the last one again and again; ``close`` after the last."""

    async def script(talk: Talk) -> None:
        at = 0
        while await talk.request() is not None:
            await talk.send(pieces[min(at, len(pieces) - 1)])
            at += 1
            if close and at >= len(pieces):
                return

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def free_port() -> int:
    """A port that nothing listens on, a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
