"""Lanes to upstream: so many calls at once, a bounded first-come queue before them, idle connections behind them."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

from proxy.errors.codes import FaultError


class PooledConnection(Protocol):
    """What a lane needs of a connection."""

    ended: bool
    idle_since: float
    buffer: bytearray

    def close(self) -> None: ...
    def abort(self) -> None: ...


Wire = TypeVar("Wire", bound=PooledConnection)


class ConnectionPool(Generic[Wire]):
    """``limit`` calls at once, and ``for_writes`` more that only writes may use; ``queue`` waiters at most.

    Writes are let in before reads that wait, so that no read ever holds one up.
    """

    def __init__(self, limit: int, for_writes: int, queue: int, idle: float) -> None:
        self.busy = 0
        self._limit = limit
        self._for_writes = for_writes
        self._queue = queue
        self._idle_seconds = idle
        self._idle: list[Wire] = []
        self._reads: deque[asyncio.Future[None]] = deque()
        self._writes: deque[asyncio.Future[None]] = deque()
        self._background_waiters: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        return f"<Lane busy={self.busy}/{self._limit} idle={len(self._idle)} waiting={self.waiting}>"

    @property
    def waiting(self) -> int:
        return len(self._reads) + len(self._writes)

    @property
    def idle(self) -> int:
        """Connections kept for the next call."""
        return len(self._idle)

    @property
    def has_spare_room(self) -> bool:
        """Whether a read that came now would not have to wait."""
        return self._has_room(False) and not self.waiting

    async def wait_for_spare_room(self) -> None:
        """Wait until it is calm."""
        while not self.has_spare_room:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._background_waiters.append(future)
            try:
                await future
            finally:
                self._background_waiters.remove(future)

    async def acquire(self, write: bool) -> None:
        """Wait for a place. FaultError FANIN505 when the queue is full."""
        queue = self._writes if write else self._reads
        if self._has_room(write) and not queue:
            self.busy += 1
            return
        if self.waiting >= self._queue:
            raise FaultError("FANIN505")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._free_place()
            elif place in queue:
                queue.remove(place)
            raise

    def release(self, wire: Wire | None, keep: bool, now: float) -> None:
        """Give the place back, and the connection: kept for the next call, or closed at once."""
        if wire is not None and keep:
            wire.idle_since = now
            self._idle.append(wire)
        elif wire is not None:
            wire.abort()
        self._free_place()

    def take_idle(self, now: float) -> Wire | None:
        """The connection used last, if it is still good; older ones than ``idle`` seconds are closed."""
        while self._idle:
            wire = self._idle.pop()
            if now - wire.idle_since > self._idle_seconds:
                wire.close()
                self.close()
                return None
            if not wire.ended and not wire.buffer:
                return wire
            wire.abort()
        return None

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    def close_stale(self, now: float) -> None:
        """Close the connections that nobody has used for ``idle`` seconds."""
        stale = [w for w in self._idle if w.ended or now - w.idle_since > self._idle_seconds]
        self._idle = [wire for wire in self._idle if wire not in stale]
        for wire in stale:
            wire.close()

    def _has_room(self, write: bool) -> bool:
        return self.busy < self._limit + (self._for_writes if write else 0)

    def _free_place(self) -> None:
        self.busy -= 1
        while self._writes and self._has_room(True):
            self._admit(self._writes)
        while self._reads and self._has_room(False):
            self._admit(self._reads)
        for future in self._background_waiters if self.has_spare_room else ():
            if not future.done():
                future.set_result(None)

    def _admit(self, queue: "deque[asyncio.Future[None]]") -> None:
        place = queue.popleft()
        if not place.done():
            self.busy += 1
            place.set_result(None)


class BackgroundPool(ConnectionPool[Wire]):
    """A lane that gives way: its calls leave while ``first`` is calm, and fail after ``patience`` seconds."""

    def __init__(self, first: ConnectionPool[Wire], limit: int, queue: int, idle: float, patience: float) -> None:
        super().__init__(limit, 0, queue, idle)
        self._first = first
        self._timeout = patience

    async def acquire(self, write: bool) -> None:
        """Wait for a place, then for calm. FaultError FANIN505 when that takes too long."""
        await super().acquire(write)
        if self._first.has_spare_room:
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._first.wait_for_spare_room()
        except TimeoutError:
            self._free_place()
            raise FaultError("FANIN505") from None
        except BaseException:
            self._free_place()
            raise
