"""Who waits for an answer that is to be kept goes on, whatever becomes of the read that fetches it."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FaultError
from proxy.merging.cacher import CachedReads, Cacher, Fill
from proxy.merging.waiters import BufferedAnswer
from proxy.model import Slice
from tests.factories import member
from tests.merging.harness import MergingHarness, run_loop

READ = "/t?order=id"
ANSWER = Slice(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", b"[]", 0)
Found = BufferedAnswer | Fill | None


async def filling() -> tuple[Cacher, CachedReads, Fill, list[asyncio.Task[Found]]]:
    """A read that was sent, and three equal ones that wait for its answer."""
    reads = CachedReads(100_000)
    cacher = Cacher(60.0, MergingHarness().state, reads)
    fill = await cacher.lookup(member(READ))
    assert isinstance(fill, Fill)
    waiting = [asyncio.create_task(cacher.lookup(member(READ))) for _ in range(3)]
    await run_loop()
    assert not any(task.done() for task in waiting)
    return cacher, reads, fill, waiting


async def test_all_get_the_answer_that_is_kept() -> None:
    cacher, reads, fill, waiting = await filling()
    fill.slice, fill.was_answered = ANSWER, True
    cacher.end(fill, None, 0)
    found = await asyncio.gather(*waiting)
    assert [one.slice.body for one in found if isinstance(one, BufferedAnswer)] == [b"[]"] * 3
    assert (reads.fills, reads.answers.requests) == ({}, {"filled": 1, "shared": 3})


async def test_after_a_client_has_disconnected_one_of_them_is_sent_and_the_others_wait_for_it() -> None:
    cacher, _, fill, waiting = await filling()
    cacher.end(fill, b"[", -1)
    await run_loop()
    (sent,) = [task.result() for task in waiting if task.done()]
    assert isinstance(sent, Fill)
    sent.slice, sent.was_answered = ANSWER, True
    cacher.end(sent, None, 0)
    assert sum(isinstance(one, BufferedAnswer) for one in await asyncio.gather(*waiting)) == 2


async def test_an_answer_that_is_too_large_is_not_waited_for_and_neither_is_the_next() -> None:
    cacher, reads, fill, waiting = await filling()
    fill.give_up(fill)
    assert await asyncio.gather(*waiting) == [None] * 3
    cacher.end(fill, None, 0)
    assert await cacher.lookup(member(READ)) is None
    assert len(reads.answers) == 0


@pytest.mark.parametrize(("code", "is_shared"), [("FANIN501", True), ("FANIN503", False)])
async def test_they_get_the_error_of_an_upstream_that_cannot_be_reached_and_else_are_sent(
    code: str, is_shared: bool
) -> None:
    cacher, _, fill, waiting = await filling()
    cacher.fail(fill, FaultError(code))
    cacher.end(fill, None, 0)
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(one, FaultError) for one in found] == [is_shared] * 3


async def test_a_read_that_is_in_flight_while_its_relation_is_purged_fills_nothing() -> None:
    cacher, reads, fill, waiting = await filling()
    reads.purge("t", "public")
    fill.slice, fill.was_answered = ANSWER, True
    cacher.end(fill, None, 0)
    await run_loop()
    assert len(reads.answers) == 0
    for task in waiting:
        task.cancel()
