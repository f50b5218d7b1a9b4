"""Who waits for an answer that is to be kept goes on, whatever becomes of the read that fetches it."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.head import parse_status_line
from proxy.merging.kept.cacher import Cacher
from proxy.merging.kept.fills import CachedReads, Fill
from proxy.merging.waiters import BufferedAnswer
from proxy.model import Slice
from proxy.settings.tables import CacheSettings
from tests.factories import member
from tests.merging.harness import MergingHarness, run_loop

READ = "/t?order=id"
ANSWER = Slice(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", b"[]", 0)
Found = BufferedAnswer | Fill | None


async def filling() -> tuple[Cacher, CachedReads, Fill, list[asyncio.Task[Found]]]:
    """A read that was sent, and three equal ones that wait for its answer."""
    reads = CachedReads(100_000)
    cacher = Cacher(CacheSettings(fresh=60.0), MergingHarness().state, reads)
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


# Fetching again, while the old answer is used.


@pytest.mark.parametrize(
    ("status", "result", "is_left"), [(200, "kept", True), (401, "not-kept", False), (503, "not-kept", True)]
)
async def test_what_was_fetched_again_replaces_the_answer_or_removes_it_unless_upstream_failed(
    monkeypatch: pytest.MonkeyPatch, status: int, result: str, is_left: bool
) -> None:
    async def read_again(_: Cacher, fill: Fill) -> tuple[bytes | None, int]:
        fill.line, fill.fields = parse_status_line(b"HTTP/1.1 %d X" % status), ()
        return b"[1]", 1

    monkeypatch.setattr(Cacher, "_read_again", read_again)
    cacher, reads = await stale()
    found = [await cacher.lookup(member(READ)) for _ in range(3)]
    assert [one.is_stale for one in found if isinstance(one, BufferedAnswer)] == [True] * 3
    await asyncio.gather(*reads._refills)
    assert (reads.answers.refills, len(reads.answers), reads.fills) == ({result: 1}, int(is_left), {})


async def test_an_answer_that_cannot_be_fetched_again_is_used_until_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def read_again(*_: object) -> tuple[bytes | None, int]:
        raise FaultError("FANIN501")

    monkeypatch.setattr(Cacher, "_read_again", read_again)
    cacher, reads = await stale()
    for _ in range(2):
        assert isinstance(await cacher.lookup(member(READ)), BufferedAnswer)
        await asyncio.gather(*reads._refills)
    assert reads.answers.refills == {"failed": 2}
    cacher._clock = lambda: 91.0
    assert isinstance(await cacher.lookup(member(READ)), Fill)


async def test_who_comes_after_its_time_waits_for_the_read_that_fetches_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = asyncio.Event()

    async def read_again(_: Cacher, fill: Fill) -> tuple[bytes | None, int]:
        await go_on.wait()
        fill.line, fill.fields = parse_status_line(b"HTTP/1.1 200 OK"), ()
        return b"[1]", 1

    monkeypatch.setattr(Cacher, "_read_again", read_again)
    cacher, _ = await stale()
    await cacher.lookup(member(READ))
    cacher._clock = lambda: 91.0
    waiting = asyncio.create_task(cacher.lookup(member(READ)))
    await run_loop()
    assert not waiting.done()
    go_on.set()
    found = await waiting
    assert isinstance(found, BufferedAnswer)
    assert found.slice.body == b"[1]"


async def test_what_is_fetched_again_while_somebody_writes_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_again(cacher: Cacher, fill: Fill) -> tuple[bytes | None, int]:
        cacher._drops.drop(None)
        fill.line, fill.fields = parse_status_line(b"HTTP/1.1 200 OK"), ()
        return b"[1]", 1

    monkeypatch.setattr(Cacher, "_read_again", read_again)
    cacher, reads = await stale()
    await cacher.lookup(member(READ))
    await asyncio.gather(*reads._refills)
    assert (reads.answers.refills, len(reads.answers)) == ({"not-kept": 1}, 0)


async def test_reads_that_nobody_waits_for_end_with_fanin(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_again(*_: object) -> tuple[bytes | None, int]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Cacher, "_read_again", read_again)
    cacher, reads = await stale()
    await cacher.lookup(member(READ))
    await run_loop()
    await reads.close()
    assert reads.fills == {}


async def stale() -> tuple[Cacher, CachedReads]:
    """An answer that is 61 s old, and is used for 90 s, while it is fetched again after 60 s."""
    reads = CachedReads(100_000)
    cacher = Cacher(CacheSettings(fresh=60.0, stale_while_revalidate=30.0), MergingHarness().state, reads)
    cacher._clock = lambda: 0.0
    fill = await cacher.lookup(member(READ))
    assert isinstance(fill, Fill)
    fill.slice, fill.was_answered = ANSWER, True
    cacher.end(fill, None, 0)
    cacher._clock = lambda: 61.0
    return cacher, reads
