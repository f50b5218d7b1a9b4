"""Pools: the limit, the queue, the priority of writes and of clients, reuse of connections."""

from __future__ import annotations

import asyncio
import random

import pytest

from proxy.errors.codes import FaultError
from proxy.settings.resources import OverloadSettings
from proxy.upstream.overload import OverloadControl
from proxy.upstream.pool import MOST_REFUSED, REST, BackgroundPool, ConnectionPool


class FakeConnection:
    def __init__(self) -> None:
        self.ended = False
        self.idle_since = 0.0
        self.silent = True
        self.state = ""

    def is_silent(self) -> bool:
        return self.silent and not self.ended

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"


Pool = ConnectionPool[FakeConnection]


def new_pool(limit: int = 1, for_writes: int = 0, queue: int = 10, idle: float = 20.0) -> Pool:
    return ConnectionPool(limit, for_writes, queue, idle)


async def start_waiting(pool: Pool, write: bool = False) -> asyncio.Task[None]:
    """A task that waiter until its call may start."""
    task = asyncio.create_task(pool.acquire(write))
    await asyncio.sleep(0)
    return task


async def settle() -> None:
    """Run the event loop until every task waiter."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_calls_are_limited_and_start_in_order_of_arrival() -> None:
    pool = new_pool(limit=2)
    for _ in range(2):
        await pool.acquire(False)
    queue = [await start_waiting(pool) for _ in range(3)]
    assert (pool.busy, pool.waiting) == (2, 3)
    for at in range(3):
        pool.release(None, False, 0.0)
        await settle()
        assert [task.done() for task in queue] == [True] * (at + 1) + [False] * (2 - at)
    assert (pool.busy, pool.waiting) == (2, 0)


async def test_a_full_queue_refuses_calls() -> None:
    pool = new_pool(queue=1)
    await pool.acquire(False)
    first = await start_waiting(pool)
    with pytest.raises(FaultError, match="FANIN505"):
        await pool.acquire(False)
    pool.release(None, False, 0.0)
    await first


async def test_reads_that_fill_the_queue_refuse_no_write() -> None:
    pool = new_pool(queue=2)
    await pool.acquire(False)
    waiting = [await start_waiting(pool, write) for write in (False, False, True, True)]
    assert pool.waiting == 4
    for write in (False, True):
        with pytest.raises(FaultError, match="FANIN505"):
            await pool.acquire(write)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert pool.waiting == 0


@pytest.mark.parametrize("write", [False, True])
async def test_a_call_waits_for_the_queue_timeout_and_no_longer(write: bool) -> None:
    pool = new_pool()
    pool.queue_timeout = 0.01
    await pool.acquire(False)
    with pytest.raises(FaultError, match="FANIN507"):
        await pool.acquire(write)
    assert (pool.busy, pool.waiting) == (1, 0)
    pool.release(None, False, 0.0)
    await pool.acquire(write)
    assert (pool.busy, pool.waiting) == (1, 0)


async def test_a_call_that_started_in_time_is_not_timed_out_later() -> None:
    pool = new_pool()
    pool.queue_timeout = 0.01
    await pool.acquire(False)
    waiting = await start_waiting(pool)
    pool.release(None, False, 0.0)
    await waiting
    with pytest.raises(FaultError, match="FANIN507"):  # by then the timer of the first one would have fired
        await pool.acquire(False)
    assert (pool.busy, pool.waiting) == (1, 0)


async def test_a_client_that_disconnects_as_its_wait_times_out_leaves_no_call_behind() -> None:
    pool = new_pool()
    pool.queue_timeout = 0.0
    await pool.acquire(False)
    waiting = await start_waiting(pool)
    async with asyncio.timeout(60):
        while pool.waiting:  # noqa: ASYNC110 – until the timer has fired
            await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (pool.busy, pool.waiting) == (1, 0)


async def test_for_writes_calls_are_reserved_for_writes() -> None:
    pool = new_pool(limit=1, for_writes=1)
    await pool.acquire(False)
    read = await start_waiting(pool)
    await pool.acquire(True)
    assert pool.busy == 2
    assert not read.done()
    pool.release(None, False, 0.0)
    await settle()
    assert not read.done(), "one call is in flight, which is the limit for reads"
    pool.release(None, False, 0.0)
    await read


async def test_a_waiting_write_starts_before_reads_that_waited_longer() -> None:
    pool = new_pool(limit=1)
    await pool.acquire(False)
    read, write = await start_waiting(pool), await start_waiting(pool, write=True)
    pool.release(None, False, 0.0)
    await settle()
    assert write.done()
    assert not read.done()
    pool.release(None, False, 0.0)
    await read


async def test_a_cancelled_waiter_does_not_block_the_queue() -> None:
    pool = new_pool()
    await pool.acquire(False)
    first, second = await start_waiting(pool), await start_waiting(pool)
    first.cancel()
    await settle()
    assert pool.waiting == 1
    pool.release(None, False, 0.0)
    await second
    assert pool.busy == 1


async def test_when_a_started_waiter_is_cancelled_the_next_one_starts() -> None:
    pool = new_pool()
    await pool.acquire(False)
    first, second = await start_waiting(pool), await start_waiting(pool)
    pool.release(None, False, 0.0)  # starts first's call, but its task has not run yet
    first.cancel()
    await second
    await asyncio.gather(first, return_exceptions=True)
    assert (pool.busy, pool.waiting) == (1, 0)


async def test_the_count_of_calls_stays_correct_under_random_cancellation() -> None:
    chance = random.Random(7)
    pool = new_pool(limit=3, for_writes=2, queue=50)
    tasks: list[asyncio.Task[None]] = []

    async def call(write: bool) -> None:
        await pool.acquire(write)
        try:
            assert pool.busy <= 5
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            pool.release(None, False, 0.0)

    for _ in range(400):
        tasks.append(asyncio.create_task(call(chance.random() < 0.3)))
        if chance.random() < 0.4:
            chance.choice(tasks).cancel()
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [error for error in outcomes if isinstance(error, AssertionError)]
    assert (pool.busy, pool.waiting) == (0, 0)


async def test_the_most_recently_used_connection_is_reused_first() -> None:
    pool = new_pool(limit=2)
    one, two = FakeConnection(), FakeConnection()
    for connection in (one, two):
        await pool.acquire(False)
        pool.release(connection, True, 1.0)
    assert pool.take_idle(2.0) is two
    assert pool.take_idle(2.0) is one
    assert pool.take_idle(2.0) is None


async def test_a_connection_that_has_rested_is_preferred_to_one_that_was_just_used() -> None:
    pool = new_pool(limit=3, idle=20.0)
    oldest, old, new = FakeConnection(), FakeConnection(), FakeConnection()
    for connection, now in ((oldest, 1.0), (old, 2.0), (new, 3.0)):
        await pool.acquire(False)
        pool.release(connection, True, now)
    assert pool.take_idle(3.0 + REST / 2) is oldest
    assert pool.take_idle(3.0 + 2 * REST) is new
    assert pool.take_idle(2.0 + REST / 2) is old, "there is no other"


async def test_a_connection_that_is_not_kept_is_aborted() -> None:
    pool, connection = new_pool(), FakeConnection()
    await pool.acquire(False)
    pool.release(connection, False, 1.0)
    assert connection.state == "aborted"
    assert pool.take_idle(1.0) is None


async def test_an_idle_connection_that_closed_or_received_data_is_not_reused() -> None:
    pool = new_pool(limit=2)
    closed, readable = FakeConnection(), FakeConnection()
    for connection in (closed, readable):
        await pool.acquire(False)
        pool.release(connection, True, 1.0)
    closed.ended = True
    readable.silent = False
    assert pool.take_idle(1.0) is None
    assert closed.state == readable.state == "aborted"


async def test_connections_are_closed_when_they_were_idle_too_long() -> None:
    pool = new_pool(limit=3, idle=20.0)
    old, new, dead = FakeConnection(), FakeConnection(), FakeConnection()
    for connection, now in ((old, 0.0), (new, 15.0), (dead, 16.0)):
        await pool.acquire(False)
        pool.release(connection, True, now)
    dead.ended = True
    pool.close_stale(20.5)
    assert (old.state, new.state, dead.state) == ("closed", "", "closed")
    assert pool.take_idle(36.0) is None
    assert new.state == "closed"


# Background pools.


def background_pool(client_pool: Pool, limit: int = 2, timeout: float = 30.0) -> BackgroundPool[FakeConnection]:
    return BackgroundPool(client_pool, limit, 10, 20.0, timeout)


async def test_a_background_call_starts_at_once_while_the_client_pool_has_capacity() -> None:
    clients = new_pool(limit=2)
    await clients.acquire(False)
    background = background_pool(clients)
    await background.acquire(False)
    assert (clients.busy, background.busy) == (1, 1)


async def test_a_background_call_waits_until_no_client_call_would_have_to_wait() -> None:
    clients = new_pool(limit=1)
    await clients.acquire(False)
    read = await start_waiting(clients)
    background = background_pool(clients)
    waiter = await start_waiting(background)
    clients.release(None, False, 0.0)
    await read
    await settle()
    assert not waiter.done(), "the read started instead"
    clients.release(None, False, 0.0)
    await waiter
    assert background.busy == 1


async def test_background_calls_are_limited() -> None:
    background = background_pool(new_pool(), limit=1)
    await background.acquire(False)
    waiter = await start_waiting(background)
    assert (background.busy, background.waiting) == (1, 1)
    background.release(None, False, 0.0)
    await waiter


async def test_a_background_call_that_times_out_is_not_counted_any_more() -> None:
    clients = new_pool()
    await clients.acquire(False)
    background = background_pool(clients, timeout=1e-9)
    with pytest.raises(FaultError, match="FANIN505"):
        await background.acquire(False)
    assert (background.busy, clients._background_waiters) == (0, [])


async def test_a_background_call_that_is_cancelled_while_waiting_is_not_counted_any_more() -> None:
    clients = new_pool()
    await clients.acquire(False)
    background = background_pool(clients)
    waiter = await start_waiting(background)
    await settle()
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert (background.busy, clients._background_waiters) == (0, [])
    clients.release(None, False, 0.0)
    assert clients.has_capacity


class Overload:
    """A pool of one connection with overload control, at a time that the test sets."""

    def __init__(self, for_writes: int = 0) -> None:
        self.now = 0.0
        settings = OverloadSettings(control="on", target=0.05, interval=0.5, min_calls=1)
        self.control = OverloadControl(settings, 1, lambda: self.now, lambda: 0.5)
        self.pool: Pool = ConnectionPool(1, for_writes, 5000, 20.0, self.control)

    async def begin(self) -> list[asyncio.Task[None]]:
        """Have the first call hold the only connection until there is an overload. The reads that wait."""
        await self.pool.acquire(False)
        waiting = []
        for step in range(12):
            self.now = step * 0.05
            waiting.append(await start_waiting(self.pool))
        assert self.control.admission.overloaded
        return waiting


def code(task: asyncio.Task[None]) -> str:
    """What became of a call that waited: its error's code, ``started`` or ``waits``."""
    if not task.done():
        return "waits"
    error = task.exception()
    return error.fault.code if isinstance(error, FaultError) else "started"


async def test_without_an_overload_nothing_is_refused_however_many_wait() -> None:
    overload = Overload()
    await overload.pool.acquire(False)
    waiting = [await start_waiting(overload.pool) for _ in range(1000)]
    for _ in range(1000):
        overload.pool.release(None, False, 0.0)
    await settle()
    assert {code(task) for task in waiting} == {"started"}
    assert not +overload.control.refused


async def test_in_an_overload_those_at_the_front_that_waited_too_long_are_refused_and_the_next_starts() -> None:
    overload = Overload()
    waiting = await overload.begin()
    overload.pool.release(None, False, 0.0)
    await settle()
    assert [code(task) for task in waiting] == ["FANIN513"] * 11 + ["started"]
    assert overload.control.refused["read"] == 11
    assert (overload.pool.busy, overload.pool.waiting) == (1, 0)


async def test_in_an_overload_a_retry_is_refused_at_once_and_a_write_waits_longer_than_a_read() -> None:
    overload = Overload()
    await overload.begin()
    with pytest.raises(FaultError, match="FANIN513") as refused:
        await overload.pool.acquire(False, True)
    assert refused.value.retry_after == 3
    write, read = await start_waiting(overload.pool, write=True), await start_waiting(overload.pool)
    overload.now += 0.1
    overload.pool.release(None, False, 0.0)
    await settle()
    assert (code(write), code(read)) == ("started", "FANIN513")


async def test_retries_that_wait_are_refused_when_an_overload_begins() -> None:
    overload = Overload()
    await overload.pool.acquire(False)
    retry = asyncio.create_task(overload.pool.acquire(False, True))
    await asyncio.sleep(0)
    assert code(retry) == "waits"
    overload.now = 0.6
    await start_waiting(overload.pool)
    await settle()
    assert code(retry) == "FANIN513"


async def test_those_refused_at_once_are_bounded() -> None:
    overload = Overload()
    await overload.pool.acquire(False)
    waiting = [await start_waiting(overload.pool) for _ in range(10 * MOST_REFUSED)]
    overload.now = 10.0
    overload.pool.release(None, False, 0.0)
    await settle()
    assert [code(task) for task in waiting].count("FANIN513") == MOST_REFUSED


async def test_an_overload_ends_when_nobody_waited_for_an_interval() -> None:
    overload = Overload()
    await overload.begin()
    overload.pool.release(None, False, 0.0)
    overload.now += 0.5
    overload.pool.release(None, False, 0.0)
    await overload.pool.acquire(False)
    assert not overload.control.admission.overloaded
    retry = asyncio.create_task(overload.pool.acquire(False, True))
    await asyncio.sleep(0)
    assert code(retry) == "waits"
    retry.cancel()
