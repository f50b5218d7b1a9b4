"""The data port: reads requests from client connections, one at a time, and passes each to the pipeline."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from proxy.errors.codes import FaultError
from proxy.errors.response import response_of
from proxy.http1.head import RequestLine, parse_request_line
from proxy.http1.host import origin_form, with_host
from proxy.model import RequestHead
from proxy.path.reading.identity import HeadRules
from proxy.server.client_connection import ClientConnection
from proxy.server.head_cache import HeadCache
from proxy.server.request_reader import RequestHeadReader
from proxy.settings.model import Settings
from proxy.transport.connection import Body, EndOfStreamError
from proxy.transport.listener import Listener
from proxy.transport.whole_body import NO_BODY

LINGERING_CLOSE = 1.0
"""Seconds in which a client may read the last answer before its connection is closed (nginx: lingering_timeout)."""
MIN_POLL = 0.05
"""The least seconds between two checks for idle connections while draining."""
NOT_PROXIED = frozenset((b"CONNECT", b"TRACE", b"PRI"))
"""Methods that are refused. PRI begins HTTP/2 (RFC 9113 §3.4), and PostgREST's server then speaks that."""
REFUSED_CONNECTIONS = 64
"""Connections above limits.connections that get an error answer. Those above are closed without one."""


class ClientRequest(msgspec.Struct, frozen=True, eq=False):
    """One request, its body as a stream, and the connection to answer on."""

    line: RequestLine
    head: RequestHead
    body: Body
    client: ClientConnection
    arrived: float

    @property
    def last(self) -> bool:
        """Whether the connection is closed after this request: the client asks for it, or fanin is draining."""
        return self.head.close or self.client.draining


Answering = Coroutine[Any, Any, bool]
BegunRequest = tuple[ClientRequest, Answering]
"""A request, and what answers it."""
Handler = Callable[[ClientRequest], Answering | None]
"""Answers a request. True if the connection can carry another one and the answer does not say ``close``. None: it was
called between two requests (``ClientConnection.is_between_requests``), and the request waits by ``wait_without_task``.
"""


class ServerContext(msgspec.Struct, frozen=True, eq=False):
    """What the data port uses of the rest of fanin."""

    clock: Callable[[], float]
    upstream_endpoints: set[object]
    """Both addresses of each open connection to upstream. A client connection with the same two is a loop."""
    on_refused: Callable[[FaultError], None]
    """Called for each request that is refused because it cannot be read."""
    on_mount: Callable[[bytes], bool]
    """Whether a target is under PostgREST's mount."""
    without_alias: Callable[[bytes], bytes] | None = None
    """Puts a target that is under another path of PostgREST under its mount; None if there is no other path."""


class DataServer:
    """All client connections of one listener."""

    def __init__(self, settings: Settings, rules: HeadRules, handler: Handler, context: ServerContext) -> None:
        self.draining = False
        self._context = context
        self._settings = settings
        self._head_reader = RequestHeadReader(settings, context.on_mount, context.clock)
        self._heads = HeadCache(rules, settings.limits.header_lines)
        self._handler = handler
        self._clock = context.clock
        self._clients: set[ClientConnection] = set()
        self._accepted = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = Listener(lambda: ClientConnection(self))
        self._all_closed: asyncio.Future[None] | None = None

    def apply_settings(self, settings: Settings, rules: HeadRules, handler: Handler) -> None:
        """Use these from the next request on. Connections stay open."""
        self._settings = settings
        self._head_reader.apply_settings(settings)
        self._handler = handler
        self.use_head_rules(rules)

    def use_head_rules(self, rules: HeadRules) -> None:
        """Read heads by these rules from the next request on."""
        self._heads = HeadCache(rules, self._settings.limits.header_lines)

    def next_number(self) -> int:
        """The number of a new client connection: 1, 2, …"""
        self._accepted += 1
        return self._accepted

    def now(self) -> float:
        """The time in seconds, by the context's clock."""
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
        """Bytes of long request heads in memory now."""
        return self._head_reader.held

    async def listen(self, address: str) -> int:
        """Bind, and return the port (for port 0: a free one; 0 for a unix socket). OSError if it is in use."""
        return await self._listener.open(address)

    async def close(self, seconds: float, idle: float) -> None:
        """Stop accepting, wait at most ``seconds`` until all requests are answered, then abort the other connections.

        A connection is closed after ``idle`` seconds without a request. A request that arrives before that is answered,
        with ``Connection: close``.
        """
        self.draining = True
        await self._listener.close()
        deadline = self._clock() + seconds
        while self._clients and (remaining := deadline - self._clock()) > 0:
            next_check = min(client.close_if_idle(self._clock(), idle) for client in list(self._clients))
            if self._clients:
                self._all_closed = asyncio.get_running_loop().create_future()
                await asyncio.wait((self._all_closed,), timeout=min(remaining, max(next_check, MIN_POLL)))
        self.abort_all()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LINGERING_CLOSE)

    def abort_all(self) -> None:
        """Abort all client connections."""
        for client in list(self._clients):
            client.abort()

    def start(self, client: ClientConnection) -> asyncio.Task[None]:
        """Start the task that serves ``client``."""
        self._clients.add(client)
        task = asyncio.get_running_loop().create_task(self.serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Report a bug at once; asyncio itself would report it when the task is garbage-collected."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            task.get_loop().call_exception_handler({"message": "a client could not be served", "exception": error})

    def remove(self, client: ClientConnection) -> None:
        """The connection of ``client`` is closed."""
        self._clients.discard(client)
        if not self._clients and self._all_closed is not None and not self._all_closed.done():
            self._all_closed.set_result(None)

    async def serve(self, client: ClientConnection) -> None:
        """Read and answer requests until the client disconnects, is too slow, or sends something invalid."""
        try:
            self._check_limit()
            while await self._serve_one(client):
                if client.buffer:  # a client that pipelines waits for others, even if nothing in an answer waited
                    await asyncio.sleep(0)
        except FaultError as error:
            self._context.on_refused(error)
            client.write(response_of(error))
            await self._lingering_close(client)
        except (EndOfStreamError, TimeoutError, asyncio.CancelledError):
            client.abort()
        except BaseException:
            client.abort()
            raise
        finally:
            client.drop_request()
            client.in_request = False
            self._head_reader.release(client)
            await client.wait_closed(self._settings.timeouts.write_stall)

    def _check_limit(self) -> None:
        """FaultError FANIN112 above limits.connections. Far above it EndOfStreamError, which sends no answer: to send
        one would keep the connection open for a while.
        """
        above = len(self._clients) - self._settings.limits.connections
        if above > REFUSED_CONNECTIONS:
            raise EndOfStreamError
        if above > 0:
            raise FaultError("FANIN112")

    async def _serve_one(self, client: ClientConnection) -> bool:
        begun = await self._next(client)
        if begun is None:
            return False
        request, answer = begun
        head, body = request.head, request.body
        keep = await answer and body.done and not head.close
        client.in_request, client.idle_since = False, self._clock()
        if not body.done or (not keep and client.buffer):
            await self._lingering_close(client)
        elif keep and not client.can_write:
            await client.drain(self._settings.timeouts.write_stall)
        return keep and not client.ended

    async def _next(self, client: ClientConnection) -> BegunRequest | None:
        """The next request, its body not read yet, and its answer; None if the client disconnected or was idle."""
        if not client.buffer:
            self._head_reader.release(client)
            try:
                begun = await client.next_request(self._settings.timeouts.keep_alive)
            except (TimeoutError, EndOfStreamError):
                return None
            if begun is not None:
                return begun
        block = await self._head_reader.next_head(client)
        if block is None or client.ended:
            return None
        request = self._request(client, block)
        answer = self._handler(request)
        return None if answer is None else (request, answer)

    def begin(self, client: ClientConnection) -> None:
        """Begin to answer the request that has arrived, in the callback that got its bytes. Where its answer needs a
        task, and where only a part of it has arrived, the task of the connection goes on.
        """
        block = self._head_reader.whole_head(client)
        if block is None:
            client.go_on(None)
            return
        try:
            request = self._request(client, block)
            answer = self._handler(request)
        except Exception as error:
            client.go_on(error)
            return
        if answer is not None:
            client.go_on((request, answer))

    def _request(self, client: ClientConnection, block: bytes) -> ClientRequest:
        client.in_request = True
        arrived = self._clock()
        first, _, rest = block.partition(b"\r\n")
        line = parse_request_line(first)
        if line.method in NOT_PROXIED:
            raise FaultError("FANIN107")
        authority = b""
        if not line.target.startswith(b"/"):
            line, authority = origin_form(line)
        if self._context.without_alias is not None:
            line = msgspec.structs.replace(line, target=self._context.without_alias(line.target))
        head = self._heads.read(with_host(rest, authority, line.minor) if authority else rest, line.minor)
        if client.is_loop is None:
            client.is_loop = client.peer_endpoints in self._context.upstream_endpoints
        if client.is_loop:
            raise FaultError("FANIN508")
        body = NO_BODY
        if head.body_framing:
            body = Body(client, head.body_framing, self._settings.timeouts.body_idle, "FANIN104")
        return ClientRequest(line, head, body, client, arrived)

    async def _lingering_close(self, client: ClientConnection) -> None:
        """Close the sending side, and read and drop what the client still sends. To close at once would reset the
        connection, and the client could lose the answer (RFC 9112 §9.6).
        """
        client.in_request = False
        client.write_eof()
        deadline = self._clock() + LINGERING_CLOSE
        try:
            while self._clock() < deadline:
                del client.buffer[:]
                await client.wait_for_data(deadline - self._clock())
        except (EndOfStreamError, TimeoutError, asyncio.CancelledError):
            return
