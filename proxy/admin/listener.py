"""The listening sockets of the admin port. It accepts a bounded number of connections, so that it cannot take the file
descriptors that the data port needs, and closes those whose clients do nothing.
"""

import asyncio
import os
import socket
from collections.abc import Callable

import msgspec
from aiohttp import web

from proxy.transport.descriptors import EXHAUSTED
from proxy.transport.listener import bind, unlink

BACKLOG = 128
SWEEP = 1.0
"""Seconds between two checks for clients that read nothing."""
RETRY = 1.0
"""Seconds without accepting after the process ran out of file descriptors."""
SPARE = 2
"""Descriptors kept for new connections while the process has no other one left, so that probes are answered."""


class PortCounts(msgspec.Struct):
    """Connections of the admin port and the metrics port together."""

    open: int = 0
    turned_away: int = 0
    """Connections closed because there were too many: idle ones, or new ones if none was idle."""


class AdminConnection(web.RequestHandler):
    """A connection to the admin port; ``listener`` is None until it is accepted."""

    __slots__ = ("listener", "stalled_since", "unsent")
    listener: "AdminListener | None"
    stalled_since: float
    unsent: int

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return not self._request_in_progress and not self._messages

    @property
    def unused(self) -> bool:
        """Whether no request was ever received on it."""
        return self._request_count == 0

    def is_stalled(self, now: float, seconds: float) -> bool:
        """Whether its client has read nothing of an answer for ``seconds``."""
        unsent = 0 if self.transport is None else self.transport.get_write_buffer_size()
        if not unsent or unsent < self.unsent:
            self.stalled_since = now
        self.unsent = unsent
        return now - self.stalled_since >= seconds

    def abort(self) -> None:
        """Close at once, and drop what is not sent."""
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.listener is not None:
            self.listener.remove(self)


class AdminListener:
    """Accepts at most ``limit`` connections at a time. A new one takes the place of one that is idle, if there is one:
    a probe gets its answer however many clients are connected and silent.
    """

    def __init__(
        self, create: Callable[[], AdminConnection], limit: int, write_stall: float, counts: PortCounts
    ) -> None:
        """``write_stall``: seconds after which a client that reads nothing of its answer is disconnected."""
        self.counts = counts
        self._create = create
        self._limit = limit
        self._write_stall = write_stall
        self._sockets: list[socket.socket] = []
        self._connections: dict[AdminConnection, None] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._spare: list[int] = []

    async def open(self, address: str) -> int:
        """Bind, and return the port; 0 for a unix socket. OSError if the address cannot be bound."""
        self._sockets = await bind(address, BACKLOG)
        for listening in self._sockets:
            self._listen(listening)
        self._sweep()
        name = self._sockets[0].getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    def close(self) -> None:
        """Stop accepting. Open connections stay open."""
        for listening in self._sockets:
            asyncio.get_running_loop().remove_reader(listening)
            unlink(listening)
            listening.close()
        self._sockets = []
        while self._spare:
            os.close(self._spare.pop())
        if self._sweeper is not None:
            self._sweeper.cancel()

    def remove(self, connection: AdminConnection) -> None:
        """Its connection is closed."""
        if connection in self._connections:
            del self._connections[connection]
            self.counts.open -= 1
            asyncio.get_running_loop().call_soon(self._restock)

    def _listen(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        """Accept one connection: between two of them, connections that were closed give their descriptors back."""
        loop = asyncio.get_running_loop()
        try:
            accepted = self._accepted(listening)
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # no file descriptor is left
            loop.remove_reader(listening)
            loop.call_later(RETRY, self._listen, listening)
            return
        if len(self._connections) >= self._limit and not self._evict():
            self.counts.turned_away += 1
            accepted.close()
            return
        accepted.setblocking(False)
        connection = self._create()
        connection.listener, connection.unsent, connection.stalled_since = self, 0, loop.time()
        self._connections[connection] = None
        self.counts.open += 1
        task = loop.create_task(self._start(connection, accepted))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    def _accepted(self, listening: socket.socket) -> socket.socket:
        """The next connection, with a spare descriptor if there is no other one."""
        try:
            return listening.accept()[0]
        except OSError as error:
            if error.errno not in EXHAUSTED or not self._spare:
                raise
        os.close(self._spare.pop())
        return listening.accept()[0]

    def _restock(self) -> None:
        """Take descriptors until there are ``SPARE`` spare ones, or the process has none left."""
        try:
            while self._sockets and len(self._spare) < SPARE:
                self._spare.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:  # the next sweep tries again
            return

    async def _start(self, connection: AdminConnection, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # the client is gone
            accepted.close()
            self.remove(connection)

    def _evict(self) -> bool:
        """Close an idle connection: one without any request if there is one, else the one that connected first."""
        idle = [connection for connection in self._connections if connection.idle and connection.transport is not None]
        if not idle:
            return False
        chosen = next((connection for connection in idle if connection.unused), idle[0])
        self.remove(chosen)
        chosen.abort()
        self.counts.turned_away += 1
        return True

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in [one for one in self._connections if one.is_stalled(loop.time(), self._write_stall)]:
            connection.abort()
        self._restock()
        self._sweeper = loop.call_later(SWEEP, self._sweep)
