"""While one client sends, or gets, a body in chunks of one byte, requests of others wait for little work of it."""

from __future__ import annotations

import asyncio
import statistics
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import OK, RawClient, ScriptedConnection, ScriptedUpstream, fanin
from tests.e2e.support.loop_turns import LongestTurn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    Busy = Callable[[RawClient], Coroutine[None, None, None]]

OTHERS = 40
"""Requests of another client, one after another."""
PIECE = b"1\r\na\r\n" * 2000
"""Written at once, again and again: more than fanin decodes in a turn."""
MOST = 12
"""The most work per request of others, as a multiple of that without the body in chunks."""
CODED = b"Transfer-Encoding: chunked\r\n\r\n"
OWN = b"GET /own HTTP/1.1\r\nHost: h\r\n\r\n"


async def script(connection: ScriptedConnection) -> None:
    """Answers of two bytes; but an endless one of small chunks to /chunks, and none to an endless body."""
    while (head := await connection.head()) is not None:
        if head.startswith(b"POST"):
            await connection.gone()
        elif b" /chunks " in head:
            await connection.send(b"HTTP/1.1 200 OK\r\n" + CODED)
            while not connection.closed:
                await connection.send(PIECE)
                await asyncio.sleep(0)
        else:
            await connection.send(OK)


async def sends(client: RawClient) -> None:
    await client.send(b"POST /own HTTP/1.1\r\nHost: h\r\n" + CODED)
    while True:
        client.writer.write(PIECE)
        await client.writer.drain()
        await asyncio.sleep(0)


async def gets(client: RawClient) -> None:
    await client.send(b"GET /chunks HTTP/1.1\r\nHost: h\r\n\r\n")
    while await client.reader.read(1 << 18):
        pass


async def nothing(client: RawClient) -> None:
    await asyncio.Event().wait()


async def work_per_request(busy: Busy) -> float:
    """The median number of calls of functions in this process from a request to its answer, while ``busy`` runs."""
    changes = {"mode": "pass", "pool__calls": 4, "timeouts__body_idle": 5.0}
    async with (
        ScriptedUpstream(script) as upstream,
        fanin(upstream.url, **changes) as sidecar,
        RawClient(sidecar.port) as slow,
        RawClient(sidecar.port) as other,
    ):
        task = asyncio.ensure_future(busy(slow))
        await other.send(OWN)
        await other.answer()
        with LongestTurn() as turn:
            works = [work async for work in _works(other, turn)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return statistics.median(works)


async def _works(other: RawClient, turn: LongestTurn) -> AsyncIterator[int]:
    for _ in range(OTHERS):
        before = turn.total
        await other.send(OWN)
        assert (await other.answer()).body == b"ok"
        yield turn.total - before


def measured(busy: Busy) -> float:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work_per_request(busy))


@pytest.mark.parametrize("busy", [sends, gets])
def test_others_do_not_wait_for_a_body_of_small_chunks(busy: Busy, tell: Callable[[str], None]) -> None:
    alone, beside = measured(nothing), measured(busy)
    tell(f"calls of functions per request of others: {alone:.0f} alone, {beside:.0f} while a client {busy.__name__}")
    assert beside <= MOST * alone
