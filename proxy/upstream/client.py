"""The upstream side: a thin HTTP/1.1 client that adds, follows, decodes and repeats nothing.

One connection carries one call at a time. A call that fails is never sent again, but for a read on a reused
connection that closed before any byte of its answer (RFC 9112 §9.3.1).
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.framing import response_framing
from proxy.http1.head import HeaderField, StatusLine, parse_fields, parse_status_line, tokens
from proxy.settings.model import Settings
from proxy.transport.address import parse_address, tls_context
from proxy.transport.connection import Body, Connection, EndOfStreamError
from proxy.upstream.pool import BackgroundPool, ConnectionPool
from proxy.upstream.upload import pump, whole

MAX_HEAD = 256 * 1024
"""Bytes of an answer's head: PostgREST echoes the whole merged URL in Content-Location."""

HEAD_REFUSED = frozenset((400, 413, 414, 431))
READ_AT_LEAST = 8192
"""Bytes of a request head that every server reads before it refuses it."""

LEAST_TIMEOUT = 0.001
"""Seconds that every call is given, however long its caller has waited."""

SAFE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))

OnInterim = Callable[[StatusLine, tuple[HeaderField, ...]], None]


class UpstreamConnection(Connection):
    """A connection to upstream. ``calls`` counts what it has carried; while open its ends are in ``open_ends``."""

    def __init__(self, open_ends: set[object]) -> None:
        super().__init__()
        self.calls = 0
        self.idle_since = 0.0
        self._open_endpoints = open_ends
        self._endpoints: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._endpoints = self.endpoints()
        if self._endpoints is not None:
            self._open_endpoints.add(self._endpoints)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._open_endpoints.discard(self._endpoints)


class UpstreamAnswer:
    """An answer's head, and its body as it comes."""

    def __init__(self, wire: UpstreamConnection, line: StatusLine, fields: tuple[HeaderField, ...], body: Body) -> None:
        self.connection = wire
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
            and not self.connection.ended
            and not self.connection.buffer
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


class UpstreamRequest(msgspec.Struct, frozen=True, eq=False):
    """A call to send: ``head`` is everything up to the empty line; ``body`` streams what follows it, if anything."""

    method: bytes
    head: bytes
    body: Body | None = None
    interim: OnInterim | None = None
    keep: bool = True
    upgrade: bool = False
    """Whether a 101 is an answer to it."""
    already_waited: float = 0.0
    """Seconds of timeouts.upstream_head that its caller has waited already."""
    on_sent: Callable[[], None] | None = None
    """Told when the call has its place and is sent: waiting for a place is not upstream's time."""


class UpstreamCall:
    """``async with upstream.send(…) as answer``: holds a place in the lane and a connection, and gives both back."""

    def __init__(self, upstream: "Upstream", lane: ConnectionPool[UpstreamConnection], call: UpstreamRequest) -> None:
        self._upstream = upstream
        self._pool = lane
        self._call = call
        self._connection: UpstreamConnection | None = None
        self._answer: UpstreamAnswer | None = None
        self._upload: asyncio.Task[bool] | None = None
        self._got_bytes = False

    async def __aenter__(self) -> UpstreamAnswer:
        await self._pool.acquire(self._call.method not in SAFE_METHODS)
        if self._call.on_sent is not None:
            self._call.on_sent()
        try:
            return await self._start()
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

    async def _start(self) -> UpstreamAnswer:
        wire = self._pool.take_idle(self._upstream.now())
        if wire is not None:
            try:
                return await self._send(wire)
            except EndOfStreamError:
                untouched = self._call.method in SAFE_METHODS and self._call.body is None
                if not untouched or wire.buffer or self._got_bytes:
                    raise FaultError("FANIN502", "on a reused connection, before an answer") from None
                wire.abort()
        try:
            return await self._send(await self._upstream.connect())
        except EndOfStreamError:
            raise FaultError("FANIN502", "before an answer") from None

    async def _send(self, wire: UpstreamConnection) -> UpstreamAnswer:
        self._connection = wire
        wire.calls += 1
        body = self._call.body
        first = body.ready() if body is not None else b""
        if body is None or body.done:
            wire.write(self._call.head + whole(body, first))
        else:
            wire.write(self._call.head)
            self._upload = asyncio.get_running_loop().create_task(
                pump(wire, body, first, self._upstream.timeouts.upstream_idle)
            )
        self._answer = await self._read_head(wire)
        return self._answer

    async def _read_head(self, wire: UpstreamConnection) -> UpstreamAnswer:
        """The final answer's head. A server that refuses a request head unread closes with the rest of it still coming
        in, which resets the connection: that ends such an answer as a close does (RFC 9112 §9.6).
        """
        timeouts = self._upstream.timeouts
        patience = max(LEAST_TIMEOUT, timeouts.upstream_head - self._call.already_waited)
        while True:
            end = wire.buffer.find(b"\r\n\r\n")
            if end < 0:
                await self._more(wire, patience)
                continue
            self._got_bytes = True
            block = bytes(wire.buffer[:end])
            del wire.buffer[: end + 4]
            first, _, rest = block.partition(b"\r\n")
            line, fields = parse_status_line(first), parse_fields(rest, "FANIN503")
            if line.status == 101 and not self._call.upgrade:
                raise FaultError("FANIN503", "it changes the protocol, which nobody asked for")
            if line.status >= 200 or line.status == 101:
                framing = response_framing(self._call.method, line, fields)
                unread = line.status in HEAD_REFUSED and len(self._call.head) > READ_AT_LEAST
                body = Body(wire, framing, timeouts.upstream_idle, "FANIN503", reset_ends=unread)
                return UpstreamAnswer(wire, line, fields, body)
            if self._call.interim is not None:
                self._call.interim(line, fields)

    async def _more(self, wire: UpstreamConnection, seconds: float) -> None:
        if len(wire.buffer) > MAX_HEAD:
            raise FaultError("FANIN503", f"head larger than {MAX_HEAD} bytes")
        try:
            await wire.wait_for_data(seconds)
        except TimeoutError:
            if self._upload is None or self._upload.done():
                raise FaultError("FANIN504", "no answer for timeouts.upstream_head") from None

    def _give_back(self) -> None:
        wire, self._connection = self._connection, None
        if self._upload is not None and not self._upload.done():
            self._upload.cancel()
        # PostgREST's server closes after HEAD without saying so: the next call would run into that.
        keep = self._call.keep and self._call.method != b"HEAD" and self._sent_whole()
        keep = keep and self._answer is not None and self._answer.reusable
        self._pool.release(wire, keep, self._upstream.now())

    def _sent_whole(self) -> bool:
        """A connection with half a request on it would read the next request as the other half."""
        return self._upload is None or (self._upload.done() and not self._upload.cancelled() and self._upload.result())


class Upstream:
    """The way to one upstream: its address, its lanes, its clock."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.address = parse_address(settings.upstream)
        self.timeouts = settings.timeouts
        self.now = clock
        self.calls = ConnectionPool[UpstreamConnection](
            settings.pool.calls, settings.pool.for_writes, settings.limits.queue, settings.pool.idle
        )
        self.others = ConnectionPool[UpstreamConnection](
            settings.pool.others, 0, settings.limits.queue, settings.pool.idle
        )
        self.tunnels = ConnectionPool[UpstreamConnection](settings.pool.tunnels, 0, 0, settings.pool.idle)
        self.shadows = BackgroundPool[UpstreamConnection](
            self.calls, settings.shadow.concurrency, settings.limits.queue, settings.pool.idle, settings.shadow.wait
        )
        """For comparisons: no caller ever waits for a place that one of them holds."""
        self.open_endpoints: set[object] = set()
        """Both ends of each open connection: a client connection that is one of them, seen from there, is a loop."""
        self._tls = tls_context(settings) if self.address.tls else None

    def send(self, lane: ConnectionPool[UpstreamConnection], call: UpstreamRequest) -> UpstreamCall:
        """Send ``call`` over ``lane``. FaultError when upstream cannot be reached, is slow or makes no sense."""
        return UpstreamCall(self, lane, call)

    async def connect(self) -> UpstreamConnection:
        """A fresh connection. FaultError FANIN501 when refused, FANIN506 when slow."""
        try:
            async with asyncio.timeout(self.timeouts.connect):
                wire = await self._open()
        except TimeoutError:
            raise FaultError("FANIN506") from None
        except OSError as error:
            raise FaultError("FANIN501", _why(error)) from None
        return wire

    def close(self) -> None:
        """Close what is idle; what is busy ends with its call."""
        for lane in (self.calls, self.others, self.tunnels, self.shadows):
            lane.close()

    async def _open(self) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        address = self.address
        wire: UpstreamConnection
        opening: Awaitable[tuple[asyncio.BaseTransport, UpstreamConnection]]
        if address.unix:
            opening = loop.create_unix_connection(self._wire, address.unix)
        else:
            name = address.host if self._tls else None
            opening = loop.create_connection(
                self._wire, address.host, address.port, ssl=self._tls, server_hostname=name
            )
        _, wire = await opening
        return wire

    def _wire(self) -> UpstreamConnection:
        return UpstreamConnection(self.open_endpoints)


def _why(error: OSError) -> str:
    """The system's own words, without the address, which is nobody's business out there."""
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or type(error).__name__
    return os.strerror(error.errno) if error.errno else "no address of the host accepts connections"
