"""The data port: reads requests off client connections one at a time and hands each to the pipeline."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from proxy.errors.codes import FaultError
from proxy.errors.response import response_of
from proxy.http1.head import RequestLine, parse_request_line
from proxy.model import RequestHead
from proxy.path.identity import HeadRules
from proxy.server.head_cache import HeadCache
from proxy.server.request_reader import RequestHeadReader
from proxy.settings.model import Settings
from proxy.transport.connection import Body, Connection, EndOfStreamError
from proxy.transport.listener import Listener

LINGER = 1.0
"""Seconds in which a client may read our last words before the connection goes."""
LOOK = 0.05
"""Seconds between two looks, at least, at who may be closed at the end."""
REFUSED_CONNECTIONS = 64
"""Connections above limits.connections that are told why they are closed."""


class ClientRequest(msgspec.Struct, frozen=True, eq=False):
    """One request, its body still on the wire, and the connection to answer on."""

    line: RequestLine
    head: RequestHead
    body: Body
    client: "ClientConnection"
    arrived: float

    @property
    def last(self) -> bool:
        """Whether the connection ends with this request: the client wants it, or fanin is about to stop."""
        return self.head.close or self.client.draining


Handler = Callable[[ClientRequest], Awaitable[bool]]
"""Answers a request; True when the connection can carry another one, and the answer did not say otherwise."""


class ClientConnection(Connection):
    """A client's connection: one task reads requests and answers them in order."""

    def __init__(self, server: "DataServer") -> None:
        super().__init__()
        self._server = server
        self._task: asyncio.Task[None] | None = None
        self.in_request = False
        self.silent_since = server.now()
        """When it connected, or had its last answer."""
        self.tunnelled = False
        """Whether what comes is no longer HTTP: then the tunnel sees to both ends itself."""
        self.no_body = Body(self, 0, 0.0, "")
        """What follows the heads of nearly all requests."""
        self.peer = ""
        self.seen_from_there: object = None
        """Its ends as the other side has them."""

    @property
    def draining(self) -> bool:
        return self._server.draining

    @property
    def looped(self) -> bool:
        """Whether the client is fanin itself: one of its own connections to upstream."""
        return self._server.is_ours(self.seen_from_there)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = self.address("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else ""
        ends = self.endpoints()
        self.seen_from_there = None if ends is None else (ends[1], ends[0])
        self._task = self._server.start(self)

    def eof_received(self) -> bool | None:
        """A client that closes its sending side has hung up: whoever works for it stops."""
        super().eof_received()
        self._hung_up()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._hung_up()
        self._server.forget(self)

    def _hung_up(self) -> None:
        if self.in_request and not self.tunnelled and self._task is not None:
            self._task.cancel()

    def close_if_idle(self, now: float, silence: float) -> float:
        """Close if nothing was heard for ``silence`` seconds. Seconds until that can be so."""
        if self.in_request or self.buffer:
            return silence
        left = self.silent_since + silence - now
        if left <= 0:
            self.close()
        return max(left, 0.0)


class ServerContext(msgspec.Struct, frozen=True, eq=False):
    """What the data port needs to know of the rest of fanin."""

    clock: Callable[[], float]
    upstream_endpoints: set[object]
    """Both ends of each open connection to upstream: a client connection that is one of them is a loop."""
    refused: Callable[[FaultError], None]
    """Called for each request that cannot be read."""
    on_mount: Callable[[bytes], bool]
    """Whether a target is under PostgREST's mount."""


class DataServer:
    """All client connections of one listener."""

    def __init__(self, settings: Settings, rules: HeadRules, handler: Handler, context: ServerContext) -> None:
        self.draining = False
        self._context = context
        self._settings = settings
        self._head_reader = RequestHeadReader(settings, context.on_mount, context.clock)
        self._heads = HeadCache(rules)
        self._handler = handler
        self._clock = context.clock
        self._clients: set[ClientConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = Listener(lambda: ClientConnection(self))
        self._all_gone: asyncio.Future[None] | None = None

    def apply_settings(self, settings: Settings, rules: HeadRules, handler: Handler) -> None:
        """Serve by these from the next request on; connections stay."""
        self._settings = settings
        self._head_reader.apply_settings(settings)
        self._heads = HeadCache(rules)
        self._handler = handler

    def now(self) -> float:
        """The time, by the clock that was given."""
        return self._clock()

    @property
    def open(self) -> int:
        """Client connections open now."""
        return len(self._clients)

    @property
    def in_flight(self) -> int:
        """Requests being answered now."""
        return sum(client.in_request for client in self._clients)

    @property
    def long_heads(self) -> int:
        """Bytes of long request heads held now."""
        return self._head_reader.held

    async def listen(self, host: str, port: int) -> int:
        """Bind, and return the port (for port 0: the one that was free). OSError when it is taken."""
        return await self._listener.open(host, port)

    async def close(self, seconds: float, silence: float) -> None:
        """Stop accepting, and let everybody finish within ``seconds``; then cut what is left.

        A connection that was silent for ``silence`` seconds is closed. Before, its client may be about to send: that
        request is answered, and the answer says that it is the last.
        """
        self.draining = True
        await self._listener.close()
        until = self._clock() + seconds
        while self._clients and (left := until - self._clock()) > 0:
            due = min(client.close_if_idle(self._clock(), silence) for client in list(self._clients))
            if self._clients:
                self._all_gone = asyncio.get_running_loop().create_future()
                await asyncio.wait((self._all_gone,), timeout=min(left, max(due, LOOK)))
        self.abort_all()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LINGER)

    def abort_all(self) -> None:
        """Wait for nobody any more."""
        for client in list(self._clients):
            client.abort()

    def start(self, client: ClientConnection) -> asyncio.Task[None]:
        """Begin to serve ``client``."""
        self._clients.add(client)
        task = asyncio.get_running_loop().create_task(self.serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Tell of a bug at once, not when the task is collected."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            task.get_loop().call_exception_handler({"message": "a client could not be served", "exception": error})

    def is_ours(self, ends: object) -> bool:
        """Whether ``ends`` are those of one of fanin's own connections to upstream."""
        return ends in self._context.upstream_endpoints

    def forget(self, client: ClientConnection) -> None:
        """``client`` is gone."""
        self._clients.discard(client)
        if not self._clients and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)

    async def serve(self, client: ClientConnection) -> None:
        """Read and answer until the client leaves, is too slow, or sends what we cannot read."""
        try:
            self._admit()
            while await self._serve_one(client):
                pass
        except FaultError as error:
            self._context.refused(error)
            client.write(response_of(error))
            await self._linger(client)
        except (EndOfStreamError, TimeoutError, asyncio.CancelledError):
            client.abort()
        except BaseException:
            client.abort()
            raise
        finally:
            client.in_request = False
            self._head_reader.release(client)
            await client.wait_closed(self._settings.timeouts.write_stall)

    def _admit(self) -> None:
        """FaultError above the limit; far above it not even that, since last words hold a connection too."""
        above = len(self._clients) - self._settings.limits.connections
        if above > REFUSED_CONNECTIONS:
            raise EndOfStreamError
        if above > 0:
            raise FaultError("FANIN112")

    async def _serve_one(self, client: ClientConnection) -> bool:
        request = await self._read(client)
        if request is None:
            return False
        head, body = request.head, request.body
        keep = await self._handler(request) and body.done and not head.close
        client.in_request, client.silent_since = False, self._clock()
        if not body.done or (not keep and client.buffer):
            await self._linger(client)
        elif keep and not client.can_write:
            await client.drain(self._settings.timeouts.write_stall)
        return keep and not client.ended

    async def _read(self, client: ClientConnection) -> ClientRequest | None:
        """The next request, its body still on the wire; None when the client left."""
        block = await self._head_reader.next_head(client)
        if block is None or client.ended:
            return None
        client.in_request = True
        arrived = self._clock()
        first, _, rest = block.partition(b"\r\n")
        line = parse_request_line(first)
        head = self._heads.read(rest, line.minor)
        if client.looped:
            raise FaultError("FANIN508")
        if line.method in (b"CONNECT", b"TRACE"):
            raise FaultError("FANIN107")
        body = client.no_body
        if head.body_framing:
            body = Body(client, head.body_framing, self._settings.timeouts.body_idle, "FANIN104")
        return ClientRequest(_origin_form(line), head, body, client, arrived)

    async def _linger(self, client: ClientConnection) -> None:
        """Take what the client still sends for a while: closing at once would reset the connection, and the reset
        would overtake our answer.
        """
        client.in_request = False
        client.write_eof()
        until = self._clock() + LINGER
        try:
            while self._clock() < until:
                del client.buffer[:]
                await client.wait_for_data(until - self._clock())
        except (EndOfStreamError, TimeoutError, asyncio.CancelledError):
            return


def _origin_form(line: RequestLine) -> RequestLine:
    """``GET http://host/path`` as ``GET /path`` (RFC 9112 §3.2.2); FANIN101 for what is neither."""
    target = line.target
    if target[:1] == b"/" or (target == b"*" and line.method == b"OPTIONS"):
        return line
    if target[:7].lower() != b"http://":
        raise FaultError("FANIN101")
    authority, slash, rest = target[7:].partition(b"/")
    if not authority or b"?" in authority:
        raise FaultError("FANIN101")
    return RequestLine(line.method, b"/" + rest if slash else b"/", line.minor)
