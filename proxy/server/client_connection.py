"""A client's connection: whether it is in a request, and what happens to that when the client disconnects.

One task per connection reads requests and answers them in order. While it waits for the next one, a request begins in
the callback that gets its bytes, and one that waits for the answer of a merged call needs no task at all. The task goes
on with every other, and with what has to wait for its client.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.transport.connection import Connection

if TYPE_CHECKING:
    from proxy.server.server import BegunRequest, ClientRequest, DataServer


class ClientConnection(Connection):
    """A client's connection: one task reads requests and answers them in order."""

    def __init__(self, server: "DataServer") -> None:
        super().__init__()
        self._server = server
        self._task: asyncio.Task[None] | None = None
        self.in_request = False
        self.number = server.next_number()
        self.opened = self.idle_since = server.now()
        """When it connected, or got its last answer."""
        self.tunnelled = False
        """Whether the connection carries a tunnel instead of HTTP. The tunnel then handles the end of both sides."""
        self.peer = ""
        self.peer_endpoints: object = None
        """The connection's endpoints as the client has them: (its address, fanin's address)."""
        self.is_between_requests = False
        """Whether the task waits for a request, and the request that begins now may ``wait_without_task``."""
        self._keep_alive = 0.0
        self._begun: BegunRequest | Exception | None = None
        self._leave: Callable[[], None] | None = None
        self.is_loop: bool | None = None
        """Whether the client is this fanin, over one of its own connections to upstream. None until the first request:
        before fanin sends that, it has noted its own end of the connection.
        """

    @property
    def draining(self) -> bool:
        return self._server.draining

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = self.address("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else ""
        endpoints = self.endpoints()
        self.peer_endpoints = None if endpoints is None else (endpoints[1], endpoints[0])
        self._task = self._server.start(self)

    def eof_received(self) -> bool | None:
        """A client that half-closes before the answer counts as disconnected, as in nginx: its request is cancelled."""
        super().eof_received()
        self._on_disconnect()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._on_disconnect()
        self._server.remove(self)

    def _on_disconnect(self) -> None:
        if not self.in_request or self.tunnelled:
            return
        self.drop_request()
        if self._task is not None:
            self._task.cancel()

    # Requests that begin, and some that are answered, while the task waits for the next one.

    async def next_request(self, seconds: float) -> "BegunRequest | None":
        """Wait for a request that the task has to answer; None if bytes have arrived that it has to read. Raises what
        ``wait_for_data`` raises, and what kept the request from beginning.
        """
        self.is_between_requests, self._keep_alive = True, seconds
        try:
            await self.wait_for_data(seconds)
        finally:
            self.is_between_requests = False
        begun, self._begun, self._leave = self._begun, None, None
        if isinstance(begun, Exception):
            try:
                raise begun
            finally:
                del begun  # it will hold this frame: a cycle, left to the collector
        return begun

    def wait_without_task(self, leave: Callable[[], None]) -> None:
        """The request that begins now waits, and the task goes on waiting for the next one. ``leave`` is called if the
        client disconnects before the request is ``answered``, or its task has begun to answer it.
        """
        self._leave = leave

    def answered(self, request: "ClientRequest", keep: bool) -> None:
        """The request that waited has its answer. ``keep``: the connection can carry another one."""
        self._leave = None
        if not keep or self.buffer or not self.can_write:
            self.go_on((request, _result(keep)))
            return
        self.in_request, self.idle_since = False, self._server.now()
        self._set_deadline(self._loop.time() + self._keep_alive)

    def go_on(self, begun: "BegunRequest | Exception | None") -> None:
        """Resume the task: with a request, or with what kept it from beginning, or to read what has arrived."""
        self._begun = begun
        super()._wake_reader()

    def drop_request(self) -> None:
        """The client gets no answer to a request that waits, or that the task has not begun to answer."""
        leave, self._leave = self._leave, None
        begun, self._begun = self._begun, None
        if isinstance(begun, tuple):
            begun[1].close()
        if leave is not None:
            leave()

    def _wake_reader(self) -> None:
        if not self.is_between_requests or self._reader is None or self._reader.done():
            super()._wake_reader()
        elif not self.in_request:  # while one is answered, the next one stays in the buffer
            self._server.begin(self)

    def _check_deadline(self) -> None:
        if self.is_between_requests and self.in_request:  # it is not idle: ``answered`` sets the next deadline
            self._timer = None
        else:
            super()._check_deadline()

    def close_if_idle(self, now: float, idle: float) -> float:
        """Close if the client sent nothing for ``idle`` seconds. Returns the seconds until the next check is useful."""
        if self.in_request or self.buffer:
            return idle
        remaining = self.idle_since + idle - now
        if remaining <= 0:
            self.close()
        return max(remaining, 0.0)


async def _result(keep: bool) -> bool:
    return keep
