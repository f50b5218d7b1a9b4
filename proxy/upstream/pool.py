"""Connection pools: a limit on concurrent calls, a bounded FIFO queue of waiting calls, and idle connections."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

from proxy.errors.codes import FaultError
from proxy.path.overload.admission import CallKind
from proxy.upstream.overload import OverloadControl

REST = 0.005
"""Seconds after an answer in which a connection is only reused if no other is idle: a faulty upstream's second answer
to the same request is then seen before the next call.
"""


class PooledConnection(Protocol):
    """The part of a connection that the pool uses."""

    ended: bool
    idle_since: float

    def is_silent(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


ConnectionT = TypeVar("ConnectionT", bound=PooledConnection)


QUEUE_TIMEOUT = 10.0
"""``queue_timeout`` unless it is set."""


MOST_REFUSED = 32
"""Waiting calls that are refused at once at most: each of their clients is answered in the same turn of the loop."""


class _Waiting(asyncio.Future[None]):
    """A call that waits."""

    kind: CallKind = "read"
    since = 0.0
    is_short = False
    """Whether it waits for less than ``queue_timeout``, because there is an overload."""


_Queue = deque[_Waiting]


class ConnectionPool(Generic[ConnectionT]):
    """At most ``limit`` calls at a time, ``for_writes`` more for writes only, and ``queue`` waiting reads, and writes.

    Waiting writes start before waiting reads, so that no write waits for a queued read. ``idle``: seconds for which an
    idle connection is kept. ``overload``, if given, lowers the limit, and refuses calls that wait.
    """

    def __init__(
        self, limit: int, for_writes: int, queue: int, idle: float, overload: OverloadControl | None = None
    ) -> None:
        self.busy = 0
        self.queue_timeout = QUEUE_TIMEOUT
        """Seconds that a call waits at most."""
        self.overload = overload
        self._limit = limit
        self._for_writes = for_writes
        self._queue = queue
        self._idle_seconds = idle
        self._idle: list[ConnectionT] = []
        self._reads: _Queue = deque()
        self._writes: _Queue = deque()
        self._background_waiters: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        return f"<ConnectionPool busy={self.busy}/{self._limit} idle={len(self._idle)} waiting={self.waiting}>"

    @property
    def waiting(self) -> int:
        return len(self._reads) + len(self._writes)

    @property
    def idle(self) -> int:
        """Number of idle connections."""
        return len(self._idle)

    @property
    def has_capacity(self) -> bool:
        """Whether a read could start now without waiting."""
        return self._below_limit(False) and not self.waiting

    async def wait_for_capacity(self) -> None:
        """Wait until ``has_capacity``."""
        while not self.has_capacity:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._background_waiters.append(future)
            try:
                await future
            finally:
                self._background_waiters.remove(future)

    def try_acquire(self, write: bool) -> bool:
        """Count a call if it may start at once."""
        if not self._below_limit(write) or (self._writes if write else self._reads):
            return False
        self.busy += 1
        return True

    async def acquire(self, write: bool, retry: bool = False) -> None:
        """Wait until a call may start, and count it. FaultError FANIN505 if the queue is full, FANIN507 after
        ``queue_timeout`` seconds, FANIN513 if it is refused because of an overload, a client's ``retry`` at first.
        """
        if ConnectionPool.try_acquire(self, write):  # a subclass may have more conditions to wait for
            return
        queue = self._writes if write else self._reads
        if len(queue) >= self._queue:  # reads that fill theirs refuse no write
            raise FaultError("FANIN505")
        loop = asyncio.get_running_loop()
        waiter = _Waiting(loop=loop)
        waiter.kind = "write" if write else "retry" if retry else "read"
        seconds = self.queue_timeout if self.overload is None else self._most_wait(self.overload, waiter)
        queue.append(waiter)
        timer = loop.call_later(seconds, self._expire, queue, waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._end_call()
            elif waiter in queue:
                queue.remove(waiter)
            raise
        finally:
            timer.cancel()

    def release(self, connection: ConnectionT | None, keep: bool, now: float) -> None:
        """The call has ended. Its connection is kept for the next call, or closed at once."""
        if connection is not None and keep:
            connection.idle_since = now
            self._idle.append(connection)
        elif connection is not None:
            connection.abort()
        self._end_call()

    def take_idle(self, now: float) -> ConnectionT | None:
        """The most recently used idle connection that is still open, and on which nothing has arrived; but the least
        recently used one if only that has rested. Those idle for too long are closed.
        """
        while self._idle:
            recent = self._has_rested(self._idle[-1], now) or not self._has_rested(self._idle[0], now)
            connection = self._idle.pop(-1 if recent else 0)
            if now - connection.idle_since > self._idle_seconds:
                connection.close()
                self.close()
                return None
            if connection.is_silent():
                return connection
            connection.abort()
        return None

    def _has_rested(self, connection: ConnectionT, now: float) -> bool:
        return REST <= now - connection.idle_since <= self._idle_seconds

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    def close_stale(self, now: float) -> None:
        """Close the connections that were idle for too long."""
        stale = [idle for idle in self._idle if idle.ended or now - idle.idle_since > self._idle_seconds]
        self._idle = [connection for connection in self._idle if connection not in stale]
        for connection in stale:
            connection.close()

    def _below_limit(self, write: bool) -> bool:
        limit = self._limit if self.overload is None else min(self._limit, self.overload.limit.calls)
        return self.busy < limit + (self._for_writes if write else 0)

    # Overload.

    def _most_wait(self, overload: OverloadControl, waiter: _Waiting) -> float:
        """The most seconds that a new call waits. FaultError FANIN513 if it is refused at once."""
        waiter.since = overload.now()
        self._observe(overload)
        most = overload.admission.most_wait(waiter.kind)
        if not most:
            raise overload.refusal(waiter.kind)
        waiter.is_short = most < self.queue_timeout
        return min(most, self.queue_timeout)

    def _observe(self, overload: OverloadControl) -> None:
        """Find out whether there is an overload; if it begins now, refuse the retries that wait."""
        now = overload.now()
        heads = [queue[0].since for queue in (self._reads, self._writes) if queue]
        if overload.admission.observe(now - min(heads) if heads else None, now):
            for waiter in [one for one in self._reads if one.kind == "retry"][:MOST_REFUSED]:
                self._refuse(self._reads, waiter, overload)

    def _refuse_late(self, overload: OverloadControl) -> None:
        """Refuse the calls at the front that have waited too long."""
        self._observe(overload)
        if not overload.admission.overloaded:
            return
        now, left = overload.now(), MOST_REFUSED
        for queue in (self._reads, self._writes):
            while queue and left and now - queue[0].since >= overload.admission.most_wait(queue[0].kind):
                self._refuse(queue, queue[0], overload)
                left -= 1

    def _refuse(self, queue: _Queue, waiter: _Waiting, overload: OverloadControl) -> None:
        queue.remove(waiter)
        if not waiter.done():
            waiter.set_exception(overload.refusal(waiter.kind))

    def _expire(self, queue: _Queue, waiter: _Waiting) -> None:
        """The time of a waiting call is over."""
        if waiter.done():
            return
        if waiter.is_short and self.overload is not None:
            self._refuse(queue, waiter, self.overload)
        else:
            queue.remove(waiter)
            waiter.set_exception(FaultError("FANIN507"))

    def _end_call(self) -> None:
        self.busy -= 1
        if self.overload is not None:
            self._refuse_late(self.overload)
        while self._writes and self._below_limit(True):
            self._start_next(self._writes)
        while self._reads and self._below_limit(False):
            self._start_next(self._reads)
        for future in self._background_waiters if self.has_capacity else ():
            if not future.done():
                future.set_result(None)

    def _start_next(self, queue: _Queue) -> None:
        waiter = queue.popleft()
        if not waiter.done():
            self.busy += 1
            waiter.set_result(None)


class BackgroundPool(ConnectionPool[ConnectionT]):
    """A pool of lower priority: its calls start only while ``client_pool`` has capacity, and fail after ``timeout``
    seconds without.
    """

    def __init__(
        self, client_pool: ConnectionPool[ConnectionT], limit: int, queue: int, idle: float, timeout: float
    ) -> None:
        super().__init__(limit, 0, queue, idle)
        self._client_pool = client_pool
        self._timeout = timeout

    def try_acquire(self, write: bool) -> bool:
        """Count a call if neither pool makes it wait."""
        return self._client_pool.has_capacity and super().try_acquire(write)

    async def acquire(self, write: bool, retry: bool = False) -> None:
        """Wait until a call may start, then until ``client_pool`` has capacity. FaultError FANIN505 on timeout."""
        await super().acquire(write, retry)
        if self._client_pool.has_capacity:
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._client_pool.wait_for_capacity()
        except TimeoutError:
            self._end_call()
            raise FaultError("FANIN505") from None
        except BaseException:
            self._end_call()
            raise
