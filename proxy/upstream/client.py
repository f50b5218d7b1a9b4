"""The HTTP/1.1 client for upstream. It adds no headers, follows no redirects, and decodes no bodies.

One connection carries one call at a time. A failed call is not repeated, with one exception: a read on a reused
connection that was closed before any byte of the answer (RFC 9112 §9.3.1).
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import get_args

from proxy.errors.codes import FaultError
from proxy.http1.answer_head import AnswerHead, AnswerHeadReader
from proxy.http1.head_scanner import ResponseHeadScanner
from proxy.settings.model import Settings
from proxy.settings.resources import TimeoutSettings
from proxy.transport.address import parse_address, tls_context
from proxy.transport.connection import Body, EndOfStreamError
from proxy.upstream.connect_faults import CONNECT_FAULTS, connect_fault, lacks_descriptor
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.messages import UpstreamAnswer, UpstreamRequest
from proxy.upstream.overload import OverloadControl
from proxy.upstream.pool import BackgroundPool, ConnectionPool
from proxy.upstream.timeouts import CallPath, timeouts_of
from proxy.upstream.upload import framed_body, send_body

HEAD_REFUSED = frozenset((400, 413, 414, 431))
"""Statuses of a server that refuses a request because of its head."""
READ_AT_LEAST = 8192
"""Bytes of a request that every server reads before it refuses the request, or after it has answered."""
MAX_INTERIM = 16
"""The most 1xx answers to one request."""

MIN_TIMEOUT = 0.001
"""The least timeout of a call in seconds, however long the client has waited."""

SAFE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))
MAY_IGNORE_BODY = SAFE_METHODS | {b"DELETE"}
"""Methods that a server may execute without reading the body (RFC 9110 §9.3)."""
NO_REUSE, MAX_NO_REUSE = 60.0, 3600.0
"""Seconds in which no connection is reused, after bytes arrived that belong to no answer: first, and at most. Each
time twice as long.
"""

UpstreamPool = ConnectionPool[UpstreamConnection]


class UpstreamCall:
    """``async with upstream.send(…) as answer``. Until it exits it is one call of the pool, with one connection."""

    def __init__(
        self, upstream: "Upstream", pool: UpstreamPool, request: UpstreamRequest, on_sent: Callable[[], None] | None
    ) -> None:
        self._upstream = upstream
        self._pool = pool
        self._request = request
        self._on_sent = on_sent
        self._connection: UpstreamConnection | None = None
        self._answer: UpstreamAnswer | None = None
        self._upload: asyncio.Task[bool] | None = None
        self._got_bytes = False
        self._timeouts = upstream.timeouts_by_path[request.path]
        self._sent = 0
        """Bytes that were sent at once, before an answer could come."""
        self._received = False
        """Whether upstream had the whole request when it answered."""
        self._due: float | None = None
        """When the head of the answer is late, by the loop's clock; None while the request is being sent."""

    async def __aenter__(self) -> UpstreamAnswer:
        overload = self._pool.overload
        is_try = overload is not None and overload.check_circuit()
        write = self._request.method not in SAFE_METHODS
        if not self._pool.try_acquire(write):
            await self._pool.acquire(write, self._request.retry)
        try:
            if overload is not None and not is_try:
                overload.check_circuit()
            on_sent, self._on_sent = self._on_sent, None  # it may refer to what refers to this call
            if on_sent is not None:
                on_sent()
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
        connection.begin_call()
        body = self._request.body
        first = body.ready() if body is not None else b""
        if body is None or body.done:
            request = self._request.head + framed_body(body, first)
            self._sent = len(request)
            connection.write(request)
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
        scanner, interim = ResponseHeadScanner(), 0
        while True:
            end = scanner.find_end(connection.buffer)
            if end < 0:
                await self._wait_for_head(connection)
                continue
            self._got_bytes = True
            block = bytes(connection.buffer[:end])
            del connection.buffer[: end + 4]
            head = self._upstream.heads.parse(block)
            line = head.line
            if line.status == 101 and not self._request.upgrade:
                raise FaultError("FANIN503", "it answers 101 to a request without an upgrade")
            if line.status >= 200 or line.status == 101:
                return self._final_answer(connection, self._upstream.heads.framed(self._request.method, head, block))
            scanner, interim = ResponseHeadScanner(), interim + 1
            if interim > MAX_INTERIM:
                raise FaultError("FANIN503", f"more than {MAX_INTERIM} answers with a status below 200")
            if self._request.on_interim is not None:
                await self._request.on_interim(line, head.fields)

    def _final_answer(self, connection: UpstreamConnection, head: AnswerHead) -> UpstreamAnswer:
        status = head.line.status
        unread = status in HEAD_REFUSED and len(self._request.head) > READ_AT_LEAST
        body = Body(connection, head.framing, self._timeouts.idle, "FANIN503", reset_ends=unread)
        self._received = self._has_received(connection, status)
        return UpstreamAnswer(connection, head, body, self._timeouts.idle_setting)

    def _has_received(self, connection: UpstreamConnection, status: int) -> bool:
        """Whether upstream has read the whole request, now that its answer has come.

        If not, it reads the next request as the rest of this one, or it closes the connection without saying so:
        PostgREST's server does that with an answer to more than 8,192 bytes of body that it did not read.
        """
        if self._upload is None and self._sent <= READ_AT_LEAST:
            return True
        if connection.has_unreceived() or (self._upload is not None and not _is_sent(self._upload)):
            return False
        if self._request.body is None:
            return status not in HEAD_REFUSED
        return 200 <= status < 300 and self._request.method not in MAY_IGNORE_BODY

    async def _wait_for_head(self, connection: UpstreamConnection) -> None:
        """Wait for bytes of the answer's head, all in all for the timeout for the head after the request was sent."""
        timeout = max(MIN_TIMEOUT, self._timeouts.head - self._request.already_waited)
        time = asyncio.get_running_loop().time
        if self._due is None and (self._upload is None or self._upload.done()):
            self._due = time() + timeout
        try:
            await connection.wait_for_data(timeout if self._due is None else max(self._due - time(), 0.0))
        except TimeoutError:
            if self._due is not None:
                raise FaultError("FANIN504", f"no answer for {self._timeouts.head_setting}") from None

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if self._upload is not None and not self._upload.done():
            self._upload.cancel()
        # PostgREST's server closes the connection after HEAD without announcing it, and the next call would fail.
        keep = self._request.keep_alive and self._request.method != b"HEAD" and self._received
        keep = keep and self._answer is not None and self._answer.reusable
        keep = keep and connection is not None and connection.end_call() and self._upstream.may_reuse
        self._pool.release(connection, keep, self._upstream.now())


class Upstream:
    """One upstream: its address, its timeouts and its connection pools. ``now`` is the clock, in seconds."""

    def __init__(
        self, settings: Settings, clock: Callable[[], float], on_unasked: Callable[[], None] = lambda: None
    ) -> None:
        """``on_unasked`` is called when upstream sent bytes that belong to no answer while connections were reused."""
        self.address = parse_address(settings.upstream)
        self.now = clock
        pool, queue = settings.pool, settings.limits.queue
        control = settings.overload
        self.overload = OverloadControl(control, pool.calls, clock) if control.control == "on" else None
        """Overload control of ``calls``; None without."""
        self.calls = UpstreamPool(pool.calls, pool.for_writes, queue, pool.idle, self.overload)
        self.others = UpstreamPool(pool.others, 0, queue, pool.idle)
        self.tunnels = UpstreamPool(pool.tunnels, 0, 0, pool.idle)
        shadow = settings.shadow
        self.shadows = BackgroundPool[UpstreamConnection](self.calls, shadow.concurrency, queue, pool.idle, shadow.wait)
        """For comparisons: a pool of its own, so that no client's call waits for one of them."""
        self.open_endpoints: set[object] = set()
        """Both addresses of each open connection. A client connection with the same two addresses is a loop."""
        self.heads = AnswerHeadReader()
        self.apply_timeouts(settings.timeouts)
        self.exhausted = 0
        """Number of connections that could not be opened because no file descriptor was left."""
        self._tls = tls_context(settings) if self.address.tls else None
        self._on_unasked = on_unasked
        self._reuse_from = float("-inf")
        self._next_pause = NO_REUSE

    @property
    def may_reuse(self) -> bool:
        """Whether connections are used for more than one call. Not for a while after upstream sent bytes that belong
        to no answer: the next ones could arrive after a request was sent, and be taken for its answer.
        """
        return self.now() >= self._reuse_from

    def apply_timeouts(self, timeouts: TimeoutSettings) -> None:
        """Use ``timeouts`` for the next calls."""
        self.timeouts = timeouts
        self.timeouts_by_path = {path: timeouts_of(path, timeouts) for path in get_args(CallPath)}
        self.calls.queue_timeout = self.others.queue_timeout = timeouts.queue

    def send(
        self, pool: UpstreamPool, request: UpstreamRequest, on_sent: Callable[[], None] | None = None
    ) -> UpstreamCall:
        """Send ``request`` over ``pool``. FaultError if upstream is unreachable, too slow or its answer is invalid.

        ``on_sent`` is called when the pool lets the call start. The wait in the pool's queue is not upstream's time.
        """
        return UpstreamCall(self, pool, request, on_sent)

    async def connect(self) -> UpstreamConnection:
        """A new connection. FaultError of ``connect_fault`` if it fails, FANIN506 after timeouts.connect."""
        try:
            connection = await self._open_in_time()
        except FaultError as error:
            if self.overload is not None and error.fault.code in CONNECT_FAULTS:
                self.overload.connect_failed()
            raise
        if self.overload is not None:
            self.overload.circuit.record_success()
        return connection

    def close(self) -> None:
        """Close the idle connections. Each busy one ends with its call."""
        for pool in (self.calls, self.others, self.tunnels, self.shadows):
            pool.close()

    async def _open_in_time(self) -> UpstreamConnection:
        try:
            async with asyncio.timeout(self.timeouts.connect):
                return await self._open()
        except TimeoutError:
            raise FaultError("FANIN506") from None
        except OSError as error:
            self.exhausted += lacks_descriptor(error)
            raise connect_fault(error) from None

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
        return UpstreamConnection(self.open_endpoints, self._note_unasked)

    def _note_unasked(self) -> None:
        if self.may_reuse:
            self._reuse_from = self.now() + self._next_pause
            self._next_pause = min(2 * self._next_pause, MAX_NO_REUSE)
            self._on_unasked()
        self.close()


def _is_sent(upload: "asyncio.Task[bool]") -> bool:
    return upload.done() and not upload.cancelled() and upload.result()
