"""Lanes: bounded, first come first served, writes never behind reads, no place lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from proxy.errors.codes import FaultError
from proxy.upstream.pool import BackgroundPool, ConnectionPool


class Connection:
    def __init__(self) -> None:
        self.ended = False
        self.idle_since = 0.0
        self.buffer = bytearray()
        self.gone = ""

    def close(self) -> None:
        self.gone = "closed"

    def abort(self) -> None:
        self.gone = "aborted"


def lane(limit: int = 1, for_writes: int = 0, queue: int = 10, idle: float = 20.0) -> ConnectionPool[Connection]:
    return ConnectionPool(limit, for_writes, queue, idle)


async def waiting(lane: ConnectionPool[Connection], write: bool = False) -> asyncio.Task[None]:
    """A task that waits for a place."""
    task = asyncio.create_task(lane.acquire(write))
    await asyncio.sleep(0)
    return task


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_no_more_calls_than_the_limit_and_first_come_first_served() -> None:
    pool = lane(limit=2)
    for _ in range(2):
        await pool.acquire(False)
    queue = [await waiting(pool) for _ in range(3)]
    assert (pool.busy, pool.waiting) == (2, 3)
    for at in range(3):
        pool.release(None, False, 0.0)
        await settle()
        assert [task.done() for task in queue] == [True] * (at + 1) + [False] * (2 - at)
    assert (pool.busy, pool.waiting) == (2, 0)


async def test_a_full_queue_turns_down() -> None:
    pool = lane(queue=1)
    await pool.acquire(False)
    first = await waiting(pool)
    for write in (False, True):
        with pytest.raises(FaultError, match="FANIN505"):
            await pool.acquire(write)
    pool.release(None, False, 0.0)
    await first


async def test_writes_have_places_that_reads_cannot_take() -> None:
    pool = lane(limit=1, for_writes=1)
    await pool.acquire(False)
    read = await waiting(pool)
    await pool.acquire(True)
    assert pool.busy == 2
    assert not read.done()
    pool.release(None, False, 0.0)
    await settle()
    assert not read.done(), "one call is left, and reads may have only one"
    pool.release(None, False, 0.0)
    await read


async def test_a_write_that_waits_goes_before_reads_that_waited_longer() -> None:
    pool = lane(limit=1)
    await pool.acquire(False)
    read, write = await waiting(pool), await waiting(pool, write=True)
    pool.release(None, False, 0.0)
    await settle()
    assert write.done()
    assert not read.done()
    pool.release(None, False, 0.0)
    await read


async def test_who_leaves_the_queue_holds_up_nobody() -> None:
    pool = lane()
    await pool.acquire(False)
    first, second = await waiting(pool), await waiting(pool)
    first.cancel()
    await settle()
    assert pool.waiting == 1
    pool.release(None, False, 0.0)
    await second
    assert pool.busy == 1


async def test_a_place_given_to_somebody_who_just_left_goes_to_the_next() -> None:
    pool = lane()
    await pool.acquire(False)
    first, second = await waiting(pool), await waiting(pool)
    pool.release(None, False, 0.0)  # the place is first's, who has not woken up yet
    first.cancel()
    await second
    await asyncio.gather(first, return_exceptions=True)
    assert (pool.busy, pool.waiting) == (1, 0)


async def test_no_place_is_lost_or_made_up_whatever_happens() -> None:
    chance = random.Random(7)
    pool = lane(limit=3, for_writes=2, queue=50)
    tasks: list[asyncio.Task[None]] = []

    async def visit(write: bool) -> None:
        await pool.acquire(write)
        try:
            assert pool.busy <= 5
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            pool.release(None, False, 0.0)

    for _ in range(400):
        tasks.append(asyncio.create_task(visit(chance.random() < 0.3)))
        if chance.random() < 0.4:
            chance.choice(tasks).cancel()
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [error for error in outcomes if isinstance(error, AssertionError)]
    assert (pool.busy, pool.waiting) == (0, 0)


async def test_the_connection_used_last_is_used_next() -> None:
    pool = lane(limit=2)
    one, two = Connection(), Connection()
    for connection in (one, two):
        await pool.acquire(False)
        pool.release(connection, True, 1.0)
    assert pool.take_idle(2.0) is two
    assert pool.take_idle(2.0) is one
    assert pool.take_idle(2.0) is None


async def test_what_is_not_to_be_kept_is_cut() -> None:
    pool, connection = lane(), Connection()
    await pool.acquire(False)
    pool.release(connection, False, 1.0)
    assert connection.gone == "aborted"
    assert pool.take_idle(1.0) is None


async def test_an_idle_connection_that_closed_or_spoke_is_not_used() -> None:
    pool = lane(limit=2)
    closed, spoke = Connection(), Connection()
    for connection in (closed, spoke):
        await pool.acquire(False)
        pool.release(connection, True, 1.0)
    closed.ended = True
    spoke.buffer += b"HTTP/1.1 408 Request Timeout\r\n"
    assert pool.take_idle(1.0) is None
    assert closed.gone == spoke.gone == "aborted"


async def test_connections_are_closed_when_they_were_idle_too_long() -> None:
    pool = lane(limit=3, idle=20.0)
    old, new, dead = Connection(), Connection(), Connection()
    for connection, now in ((old, 0.0), (new, 15.0), (dead, 16.0)):
        await pool.acquire(False)
        pool.release(connection, True, now)
    dead.ended = True
    pool.close_stale(20.5)
    assert (old.gone, new.gone, dead.gone) == ("closed", "", "closed")
    assert pool.take_idle(36.0) is None
    assert new.gone == "closed"


# Giving way.


def behind(first: ConnectionPool[Connection], limit: int = 2, patience: float = 30.0) -> BackgroundPool[Connection]:
    return BackgroundPool(first, limit, 10, 20.0, patience)


async def test_a_call_that_gives_way_leaves_at_once_while_there_is_room() -> None:
    first = lane(limit=2)
    await first.acquire(False)
    second = behind(first)
    await second.acquire(False)
    assert (first.busy, second.busy) == (1, 1)


async def test_a_call_that_gives_way_waits_until_nobody_would_have_to_wait() -> None:
    first, second = lane(limit=1), None
    await first.acquire(False)
    read = await waiting(first)
    second = behind(first)
    waits = await waiting(second)
    first.release(None, False, 0.0)
    await read
    await settle()
    assert not waits.done(), "the place went to the read"
    first.release(None, False, 0.0)
    await waits
    assert second.busy == 1


async def test_no_more_calls_give_way_at_once_than_the_limit() -> None:
    second = behind(lane(), limit=1)
    await second.acquire(False)
    waits = await waiting(second)
    assert (second.busy, second.waiting) == (1, 1)
    second.release(None, False, 0.0)
    await waits


async def test_a_call_that_waited_too_long_fails_and_keeps_no_place() -> None:
    first = lane()
    await first.acquire(False)
    second = behind(first, patience=1e-9)
    with pytest.raises(FaultError, match="FANIN505"):
        await second.acquire(False)
    assert (second.busy, first._background_waiters) == (0, [])


async def test_a_call_that_is_cancelled_while_it_gives_way_keeps_no_place() -> None:
    first = lane()
    await first.acquire(False)
    second = behind(first)
    waits = await waiting(second)
    await settle()
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    assert (second.busy, first._background_waiters) == (0, [])
    first.release(None, False, 0.0)
    assert first.has_spare_room
