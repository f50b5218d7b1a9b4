"""The upstream side: a thin HTTP/1.1 client that adds, follows, decodes and repeats nothing.

One connection carries one call at a time. A call that fails is never sent again, but for a read on a reused
connection that closed before any byte of its answer (RFC 9112 §9.3.1).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from urllib.parse import urlsplit

import msgspec

from proxy.config import ConfigError, Settings, Timeouts
from proxy.errors import FaultError
from proxy.http1.chunked import LAST_CHUNK, chunk
from proxy.http1.framing import response_framing
from proxy.http1.head import Field, StatusLine, parse_fields, parse_status_line, tokens
from proxy.shell.pool import Lane
from proxy.shell.wire import Body, EndOfStreamError, Wire

MAX_HEAD = 256 * 1024
"""Bytes of an answer's head: PostgREST echoes the whole merged URL in Content-Location."""

SAFE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))

Interim = Callable[[StatusLine, tuple[Field, ...]], None]


class Address(msgspec.Struct, frozen=True):
    """Where upstream is. ``authority`` is what Host should say; ``base`` has no trailing slash."""

    host: str
    port: int
    tls: bool
    unix: str
    base: bytes
    authority: bytes


def parse_address(url: str) -> Address:
    """``http(s)://HOST[:PORT][/base]`` or ``unix:/path``; ConfigError for anything else."""
    if url.startswith("unix:"):
        return Address("", 0, False, url.removeprefix("unix:"), b"", b"localhost")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ConfigError(f"upstream: '{url}' is not http(s)://HOST[:PORT][/base] or unix:/path")
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    return Address(parts.hostname, port, tls, "", parts.path.rstrip("/").encode(), parts.netloc.encode())


class UpstreamWire(Wire):
    """A connection to upstream. ``calls`` counts what it has carried."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.idle_since = 0.0


class Answer:
    """An answer's head, and its body as it comes."""

    def __init__(self, wire: UpstreamWire, line: StatusLine, fields: tuple[Field, ...], body: Body) -> None:
        self.wire = wire
        self.line = line
        self.fields = fields
        self.body = body

    @property
    def status(self) -> int:
        return self.line.status

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another call: read to the end, and nobody said close."""
        return (
            self.body.done
            and not self.wire.ended
            and not self.wire.buffer
            and self.line.minor == 1
            and b"close" not in tokens(self.fields, b"connection")
        )

    async def read(self, limit: int) -> bytes | None:
        """The whole body; None when it is larger than ``limit`` bytes. Faults as ``pieces``."""
        pieces, size = [], 0
        async for piece in self.pieces():
            size += len(piece)
            if size > limit:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. FaultError FANIN502 when it breaks off, FANIN504 when it stalls."""
        try:
            async for piece in self.body.pieces():
                yield piece
        except EndOfStreamError:
            raise FaultError("FANIN502", "in the body") from None
        except TimeoutError:
            raise FaultError("FANIN504", "no byte of the body for timeouts.upstream_idle") from None


class Outgoing(msgspec.Struct, frozen=True, eq=False):
    """A call to send: ``head`` is everything up to the empty line; ``body`` streams what follows it, if anything."""

    method: bytes
    head: bytes
    body: Body | None = None
    interim: Interim | None = None
    keep: bool = True


class Exchange:
    """``async with upstream.send(…) as answer``: holds a place in the lane and a connection, and gives both back."""

    def __init__(self, upstream: "Upstream", lane: Lane[UpstreamWire], call: Outgoing) -> None:
        self._upstream = upstream
        self._lane = lane
        self._call = call
        self._wire: UpstreamWire | None = None
        self._answer: Answer | None = None
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Answer:
        await self._lane.enter(self._call.method not in SAFE_METHODS)
        try:
            return await self._ask()
        except BaseException:
            self._give_back()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()

    async def _ask(self) -> Answer:
        wire = self._lane.idle_wire(self._upstream.now())
        if wire is not None:
            try:
                return await self._send(wire)
            except EndOfStreamError:
                untouched = self._call.method in SAFE_METHODS and self._call.body is None
                if not untouched or wire.buffer:
                    raise FaultError("FANIN502", "on a reused connection, before an answer") from None
        try:
            return await self._send(await self._upstream.connect())
        except EndOfStreamError:
            raise FaultError("FANIN502", "before an answer") from None

    async def _send(self, wire: UpstreamWire) -> Answer:
        self._wire = wire
        wire.calls += 1
        body = self._call.body
        first = body.ready() if body is not None else b""
        if body is None or body.done:
            wire.write(self._call.head + self._upstream.framed(body, first))
        else:
            wire.write(self._call.head)
            self._pump = asyncio.get_running_loop().create_task(self._upstream.pump(wire, body, first))
        self._answer = await self._read_head(wire)
        return self._answer

    async def _read_head(self, wire: UpstreamWire) -> Answer:
        timeouts = self._upstream.timeouts
        while True:
            end = wire.buffer.find(b"\r\n\r\n")
            if end < 0:
                await self._more(wire, timeouts.upstream_head)
                continue
            block = bytes(wire.buffer[:end])
            del wire.buffer[: end + 4]
            first, _, rest = block.partition(b"\r\n")
            line, fields = parse_status_line(first), parse_fields(rest, "FANIN503")
            if line.status >= 200 or line.status == 101:
                framing = response_framing(self._call.method, line.status, fields)
                return Answer(wire, line, fields, Body(wire, framing, timeouts.upstream_idle, "FANIN503"))
            if self._call.interim is not None:
                self._call.interim(line, fields)

    async def _more(self, wire: UpstreamWire, seconds: float) -> None:
        if len(wire.buffer) > MAX_HEAD:
            raise FaultError("FANIN503", f"head larger than {MAX_HEAD} bytes")
        try:
            await wire.more(seconds)
        except TimeoutError:
            if self._pump is None or self._pump.done():
                raise FaultError("FANIN504", "no answer for timeouts.upstream_head") from None

    def _give_back(self) -> None:
        wire, self._wire = self._wire, None
        pumping = self._pump is not None and not self._pump.done()
        if self._pump is not None and pumping:
            self._pump.cancel()
        keep = self._call.keep and not pumping and self._answer is not None and self._answer.reusable
        self._lane.leave(wire, keep, self._upstream.now())


class Upstream:
    """The way to one upstream: its address, its lanes, its clock."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.address = parse_address(settings.upstream)
        self.timeouts: Timeouts = settings.timeouts
        self.now = clock
        self.calls = Lane[UpstreamWire](
            settings.pool.calls, settings.pool.for_writes, settings.limits.queue, settings.pool.idle
        )
        self.others = Lane[UpstreamWire](settings.pool.others, 0, settings.limits.queue, settings.pool.idle)
        self.tunnels = Lane[UpstreamWire](settings.pool.tunnels, 0, 0, settings.pool.idle)
        self.local_addresses: set[object] = set()
        self._tls = _tls_context(settings) if self.address.tls else None

    def send(self, lane: Lane[UpstreamWire], call: Outgoing) -> Exchange:
        """Send ``call`` over ``lane``. FaultError when upstream cannot be reached, is slow or makes no sense."""
        return Exchange(self, lane, call)

    async def connect(self) -> UpstreamWire:
        """A fresh connection. FaultError FANIN501 when refused, FANIN506 when slow."""
        try:
            async with asyncio.timeout(self.timeouts.connect):
                wire = await self._open()
        except TimeoutError:
            raise FaultError("FANIN506") from None
        except OSError as error:
            raise FaultError("FANIN501", error.strerror or type(error).__name__) from None
        return wire

    def close(self) -> None:
        """Close what is idle; what is busy ends with its call."""
        for lane in (self.calls, self.others, self.tunnels):
            lane.close()

    def framed(self, body: Body | None, data: bytes) -> bytes:
        """``data`` of a body that is here to its end, in that body's own framing."""
        if body is None or body.framing >= 0:
            return data
        return (chunk(data) if data else b"") + LAST_CHUNK

    async def pump(self, wire: UpstreamWire, body: Body, first: bytes) -> None:
        """Send a request body as it comes; what goes wrong on the client's side fails the upstream call with it."""
        try:
            if first:
                wire.write(_frame(body, first))
            async for piece in body.pieces():
                wire.write(_frame(body, piece))
                await wire.flushed(self.timeouts.upstream_idle)
            if body.framing < 0:
                wire.write(LAST_CHUNK)
        except TimeoutError:
            wire.fail(FaultError("FANIN108", "no byte of the body for timeouts.body_idle"))
        except (FaultError, EndOfStreamError) as error:
            wire.fail(error)

    async def _open(self) -> UpstreamWire:
        loop = asyncio.get_running_loop()
        address = self.address
        wire: UpstreamWire
        opening: Awaitable[tuple[asyncio.BaseTransport, UpstreamWire]]
        if address.unix:
            opening = loop.create_unix_connection(UpstreamWire, address.unix)
        else:
            name = address.host if self._tls else None
            opening = loop.create_connection(
                UpstreamWire, address.host, address.port, ssl=self._tls, server_hostname=name
            )
        _, wire = await opening
        return wire


def _frame(body: Body, data: bytes) -> bytes:
    return data if body.framing >= 0 else chunk(data)


def _tls_context(settings: Settings) -> ssl.SSLContext:
    """Certificates are checked, always; ``upstream_ca`` adds an authority. HTTP/1.1 is all we speak."""
    try:
        context = ssl.create_default_context(cafile=settings.upstream_ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"upstream_ca: '{settings.upstream_ca}' cannot be used: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
