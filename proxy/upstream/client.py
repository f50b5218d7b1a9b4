"""The HTTP/1.1 client for upstream. It adds no headers, follows no redirects, and decodes no bodies.

One connection carries one call at a time. A failed call is not repeated, with one exception: a read on a reused
connection that was closed before any byte of the answer (RFC 9112 §9.3.1).
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
from proxy.upstream.timeouts import CallPath, timeouts_of
from proxy.upstream.upload import framed_body, send_body

MAX_HEAD = 256 * 1024
"""The most bytes of an answer's head. PostgREST echoes the whole merged URL in Content-Location."""

HEAD_REFUSED = frozenset((400, 413, 414, 431))
"""Statuses of a server that refuses a request because of its head."""
READ_AT_LEAST = 8192
"""Bytes of a request head that every server reads before it refuses the request."""

MIN_TIMEOUT = 0.001
"""The least timeout of a call in seconds, however long the client has waited."""

SAFE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))

OnInterim = Callable[[StatusLine, tuple[HeaderField, ...]], None]


class UpstreamConnection(Connection):
    """A connection to upstream. ``calls`` counts its calls. While open, its endpoints are in ``open_endpoints``."""

    def __init__(self, open_endpoints: set[object]) -> None:
        super().__init__()
        self.calls = 0
        self.idle_since = 0.0
        self._open_endpoints = open_endpoints
        self._endpoints: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._endpoints = self.endpoints()
        if self._endpoints is not None:
            self._open_endpoints.add(self._endpoints)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._open_endpoints.discard(self._endpoints)


UpstreamPool = ConnectionPool[UpstreamConnection]


class UpstreamAnswer:
    """An answer's head, and its body as a stream."""

    def __init__(
        self,
        connection: UpstreamConnection,
        line: StatusLine,
        fields: tuple[HeaderField, ...],
        body: Body,
        idle_setting: str = "timeouts.upstream_idle",
    ) -> None:
        self.connection = connection
        self.line = line
        self.fields = fields
        self.body = body
        self._idle_setting = idle_setting

    @property
    def status(self) -> int:
        return self.line.status

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another call: the whole body was read, and upstream does not close."""
        return (
            self.body.done
            and not self.connection.ended
            and not self.connection.buffer
            and self.line.minor == 1
            and b"close" not in tokens(self.fields, b"connection")
        )

    async def read(self, limit: int) -> bytes | None:
        """The whole body; None when it is larger than ``limit`` bytes. Raises what ``pieces`` raises."""
        pieces, size = [], 0
        async for piece in self.pieces():
            size += len(piece)
            if size > limit:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body's data as it arrives. FaultError FANIN502 if it ends early, FANIN504 if it stalls."""
        try:
            async for piece in self.body.pieces():
                yield piece
        except EndOfStreamError:
            raise FaultError("FANIN502", "in the body") from None
        except TimeoutError:
            raise FaultError("FANIN504", f"no byte of the body for {self._idle_setting}") from None


class UpstreamRequest(msgspec.Struct, frozen=True, eq=False):
    """A request to send. ``head`` ends with the empty line; ``body`` is a stream, or None if there is none."""

    method: bytes
    head: bytes
    body: Body | None = None
    on_interim: OnInterim | None = None
    """Called with the head of each 1xx answer."""
    keep_alive: bool = True
    """Whether the connection may carry another call afterwards."""
    upgrade: bool = False
    """Whether 101 is a valid answer."""
    already_waited: float = 0.0
    """Seconds of the timeout for the head that the client has waited already."""
    path: CallPath = "relation"
    """Which timeouts apply."""
    on_sent: Callable[[], None] | None = None
    """Called when the pool lets the call start. The wait in the pool's queue is not upstream's time."""


class UpstreamCall:
    """``async with upstream.send(…) as answer``. Until it exits it is one call of the pool, with one connection."""

    def __init__(self, upstream: "Upstream", pool: UpstreamPool, request: UpstreamRequest) -> None:
        self._upstream = upstream
        self._pool = pool
        self._request = request
        self._connection: UpstreamConnection | None = None
        self._answer: UpstreamAnswer | None = None
        self._upload: asyncio.Task[bool] | None = None
        self._got_bytes = False
        self._timeouts = timeouts_of(request.path, upstream.timeouts)

    async def __aenter__(self) -> UpstreamAnswer:
        await self._pool.acquire(self._request.method not in SAFE_METHODS)
        if self._request.on_sent is not None:
            self._request.on_sent()
        try:
            return await self._start()
        except BaseException:
            self._release()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    async def _start(self) -> UpstreamAnswer:
        connection = self._pool.take_idle(self._upstream.now())
        if connection is not None:
            try:
                return await self._send(connection)
            except EndOfStreamError:
                repeatable = self._request.method in SAFE_METHODS and self._request.body is None
                if not repeatable or connection.buffer or self._got_bytes:
                    raise FaultError("FANIN502", "on a reused connection, before an answer") from None
                connection.abort()
        try:
            return await self._send(await self._upstream.connect())
        except EndOfStreamError:
            raise FaultError("FANIN502", "before an answer") from None

    async def _send(self, connection: UpstreamConnection) -> UpstreamAnswer:
        self._connection = connection
        connection.calls += 1
        body = self._request.body
        first = body.ready() if body is not None else b""
        if body is None or body.done:
            connection.write(self._request.head + framed_body(body, first))
        else:
            connection.write(self._request.head)
            self._upload = asyncio.get_running_loop().create_task(
                send_body(connection, body, first, self._timeouts.idle)
            )
        self._answer = await self._read_head(connection)
        return self._answer

    async def _read_head(self, connection: UpstreamConnection) -> UpstreamAnswer:
        """The final answer's head. A server that refuses a request without reading its whole head closes while bytes
        still arrive, which resets the connection. So a reset ends such an answer as a close does (RFC 9112 §9.6).
        """
        timeout = max(MIN_TIMEOUT, self._timeouts.head - self._request.already_waited)
        while True:
            end = connection.buffer.find(b"\r\n\r\n")
            if end < 0:
                await self._wait_for_head(connection, timeout)
                continue
            self._got_bytes = True
            block = bytes(connection.buffer[:end])
            del connection.buffer[: end + 4]
            first, _, rest = block.partition(b"\r\n")
            line, fields = parse_status_line(first), parse_fields(rest, "FANIN503")
            if line.status == 101 and not self._request.upgrade:
                raise FaultError("FANIN503", "it answers 101 to a request without an upgrade")
            if line.status >= 200 or line.status == 101:
                framing = response_framing(self._request.method, line, fields)
                unread = line.status in HEAD_REFUSED and len(self._request.head) > READ_AT_LEAST
                body = Body(connection, framing, self._timeouts.idle, "FANIN503", reset_ends=unread)
                return UpstreamAnswer(connection, line, fields, body, self._timeouts.idle_setting)
            if self._request.on_interim is not None:
                self._request.on_interim(line, fields)

    async def _wait_for_head(self, connection: UpstreamConnection, seconds: float) -> None:
        if len(connection.buffer) > MAX_HEAD:
            raise FaultError("FANIN503", f"head larger than {MAX_HEAD} bytes")
        try:
            await connection.wait_for_data(seconds)
        except TimeoutError:
            if self._upload is None or self._upload.done():
                raise FaultError("FANIN504", f"no answer for {self._timeouts.head_setting}") from None

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if self._upload is not None and not self._upload.done():
            self._upload.cancel()
        # PostgREST's server closes the connection after HEAD without announcing it, and the next call would fail.
        keep = self._request.keep_alive and self._request.method != b"HEAD" and self._sent_whole()
        keep = keep and self._answer is not None and self._answer.reusable
        self._pool.release(connection, keep, self._upstream.now())

    def _sent_whole(self) -> bool:
        """Whether the whole request was sent. If not, upstream would read the next request as the rest of this one."""
        return self._upload is None or (self._upload.done() and not self._upload.cancelled() and self._upload.result())


class Upstream:
    """One upstream: its address, its timeouts and its connection pools. ``now`` is the clock, in seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.address = parse_address(settings.upstream)
        self.timeouts = settings.timeouts
        self.now = clock
        pool, queue = settings.pool, settings.limits.queue
        self.calls = UpstreamPool(pool.calls, pool.for_writes, queue, pool.idle)
        self.others = UpstreamPool(pool.others, 0, queue, pool.idle)
        self.tunnels = UpstreamPool(pool.tunnels, 0, 0, pool.idle)
        shadow = settings.shadow
        self.shadows = BackgroundPool[UpstreamConnection](self.calls, shadow.concurrency, queue, pool.idle, shadow.wait)
        """For comparisons: a pool of its own, so that no client's call waits for one of them."""
        self.open_endpoints: set[object] = set()
        """Both addresses of each open connection. A client connection with the same two addresses is a loop."""
        self._tls = tls_context(settings) if self.address.tls else None

    def send(self, pool: UpstreamPool, request: UpstreamRequest) -> UpstreamCall:
        """Send ``request`` over ``pool``. FaultError if upstream is unreachable, too slow or its answer is invalid."""
        return UpstreamCall(self, pool, request)

    async def connect(self) -> UpstreamConnection:
        """A new connection. FaultError FANIN501 if it fails, FANIN506 after timeouts.connect."""
        try:
            async with asyncio.timeout(self.timeouts.connect):
                connection = await self._open()
        except TimeoutError:
            raise FaultError("FANIN506") from None
        except OSError as error:
            raise FaultError("FANIN501", _error_text(error)) from None
        return connection

    def close(self) -> None:
        """Close the idle connections. Each busy one ends with its call."""
        for pool in (self.calls, self.others, self.tunnels, self.shadows):
            pool.close()

    async def _open(self) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        address = self.address
        connection: UpstreamConnection
        opening: Awaitable[tuple[asyncio.BaseTransport, UpstreamConnection]]
        if address.unix:
            opening = loop.create_unix_connection(self._new_connection, address.unix)
        else:
            name = address.host if self._tls else None
            opening = loop.create_connection(
                self._new_connection, address.host, address.port, ssl=self._tls, server_hostname=name
            )
        _, connection = await opening
        return connection

    def _new_connection(self) -> UpstreamConnection:
        return UpstreamConnection(self.open_endpoints)


def _error_text(error: OSError) -> str:
    """The system's error text without upstream's address, which clients must not see."""
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or type(error).__name__
    return os.strerror(error.errno) if error.errno else "no address of the host accepts connections"
