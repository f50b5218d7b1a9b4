"""Clients that leave: everybody who stays is answered, and the last to leave cancels the call."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.bursts import burst, get, sockets, together
from tests.e2e.support.faulty_upstream import REQUESTS, correct_answer, faulty_upstream, is_merged

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar
    from tests.e2e.support.harness import ScriptedConnection

pytestmark = pytest.mark.e2e


class HeldCall:
    """A merged call that is answered when told to."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, connection: ScriptedConnection, request: bytes) -> None:
        released = asyncio.create_task(self.release.wait())
        left = asyncio.create_task(connection.gone())
        await asyncio.wait((released, left), return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            self.gone.set()
        for task in (left, released):
            task.cancel()
        await asyncio.gather(left, released, return_exceptions=True)
        await connection.send(correct_answer(request))


async def test_one_member_hangs_up_and_the_others_are_answered() -> None:
    held = HeldCall()
    async with faulty_upstream(held) as (upstream, sidecar), sockets(sidecar.port, 5) as clients:
        for client, request in zip(clients, REQUESTS, strict=False):
            client.writer.write(request)
        await upstream.until(lambda: upstream.requests)
        clients[0].abort()
        await wait_until_waiting(sidecar, 4)
        held.release.set()
        assert [json.loads((await client.answer()).body) for client in clients[1:]] == [
            [{"id": n}] for n in range(2, 6)
        ]
        assert len(upstream.requests) == 1


async def test_the_last_to_hang_up_cancels_the_merged_call() -> None:
    held = HeldCall()
    async with faulty_upstream(held) as (upstream, sidecar):
        async with sockets(sidecar.port, 5) as clients:
            for client, request in zip(clients, REQUESTS, strict=False):
                client.writer.write(request)
            await upstream.until(lambda: upstream.requests)
            for client in clients:
                client.abort()
        async with asyncio.timeout(20):
            await held.gone.wait()
        await wait_until_waiting(sidecar, 0)
        answers = await together(sidecar.port, [get("/t?id=eq.7")])
        assert json.loads(answers[0].body) == [{"id": 7}]


async def test_hanging_up_in_the_turn_in_which_the_window_leaves_strands_nobody() -> None:
    async def fine(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request))

    async with faulty_upstream(fine) as (_, sidecar):
        for leavers in range(0, 40, 7):
            async with sockets(sidecar.port, 40) as clients:
                for client, request in zip(clients, REQUESTS, strict=True):
                    client.writer.write(request)
                for client in clients[:leavers]:
                    client.abort()
                stayed = [json.loads((await client.answer()).body) for client in clients[leavers:]]
                assert stayed == [[{"id": n}] for n in range(leavers + 1, 41)]


async def test_hanging_up_while_originals_wait_their_turn_leaves_the_turn_to_others() -> None:
    async def die(connection: ScriptedConnection, _: bytes) -> None:
        connection.abort()

    async with faulty_upstream(die, merge__fallbacks=1) as (upstream, sidecar), sockets(sidecar.port, 40) as clients:
        for client, request in zip(clients, REQUESTS, strict=True):
            client.writer.write(request)
        await upstream.until(lambda: len(upstream.requests) > 1)
        for client in clients[20:]:
            client.abort()
        stayed = [json.loads((await client.answer()).body) for client in clients[:20]]
        assert stayed == [[{"id": n}] for n in range(1, 21)]


async def wait_until_waiting(sidecar: Sidecar, count: int) -> None:
    """Until so many requests wait for a merged answer."""
    async with asyncio.timeout(20):
        while sidecar.policy.default.merger.batcher.waiting != count:  # noqa: ASYNC110 (the merger tells nobody)
            await asyncio.sleep(0)


async def test_what_arrives_while_a_call_is_in_flight_is_in_the_next() -> None:
    held = HeldCall()
    async with faulty_upstream(held) as (upstream, sidecar), sockets(sidecar.port, 4) as clients:
        await asyncio.gather(*[client.send(request) for client, request in zip(clients, REQUESTS[:2], strict=False)])
        await upstream.until(lambda: upstream.requests)
        late = asyncio.create_task(burst(clients[2:], REQUESTS[:2]))
        await upstream.until(lambda: len(upstream.requests) == 2)
        held.release.set()
        await late
        for client in clients[:2]:
            await client.answer()
        assert sum(map(is_merged, upstream.requests)) == 2
