"""Waiting for a connection to upstream has a time limit of its own, whatever hangs in front of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.e2e.support.error_codes import error_code
from tests.e2e.support.harness import OK, RawClient, ScriptedConnection, ScriptedUpstream, fanin

SHORT = 0.05
GET = b"GET /t?id=eq.%d HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"


async def hangs(connection: ScriptedConnection) -> None:
    await connection.request()
    await connection.gone()


@pytest.mark.parametrize("request_", [GET % 1, POST])
async def test_a_request_behind_calls_that_hang_is_504_and_can_be_repeated(request_: bytes) -> None:
    changes = {"pool__calls": 1, "pool__for_writes": 0, "timeouts__queue": SHORT, "mode": "pass"}
    async with (
        ScriptedUpstream(hangs) as upstream,
        fanin(upstream.url, **changes) as sidecar,
        RawClient(sidecar.port) as first,
        RawClient(sidecar.port) as second,
    ):
        await first.send(GET % 1)
        await upstream.until(lambda: upstream.requests)
        await second.send(request_)
        assert error_code(await second.answer()) == "FANIN507"
        assert len(upstream.requests) == 1
        assert sidecar.upstream.calls.waiting == 0


async def test_look_alikes_behind_a_call_that_hangs_wait_once_and_are_not_sent() -> None:
    changes = {"pool__calls": 1, "timeouts__queue": SHORT, "merge__max_wait": 0.001, "timeouts__upstream_head": 30}
    async with (
        ScriptedUpstream(hangs) as upstream,
        fanin(upstream.url, **changes) as sidecar,
        AsyncExitStack() as stack,
    ):
        first = await stack.enter_async_context(RawClient(sidecar.port))
        await first.send(b"GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
        await upstream.until(lambda: upstream.requests)
        clients = [await stack.enter_async_context(RawClient(sidecar.port)) for _ in range(12)]
        for number, client in enumerate(clients):
            await client.send(GET % number)
        answers = await asyncio.gather(*(client.answer() for client in clients))
        assert {error_code(answer) for answer in answers} == {"FANIN507"}
        assert len(upstream.requests) == 1


async def test_a_place_that_becomes_free_in_time_is_used() -> None:
    going = asyncio.Event()

    async def waits(connection: ScriptedConnection) -> None:
        await connection.request()
        await going.wait()
        await connection.send(OK)
        while await connection.request() is not None:
            await connection.send(OK)

    async with (
        ScriptedUpstream(waits) as upstream,
        fanin(upstream.url, pool__calls=1, timeouts__queue=30, mode="pass") as sidecar,
        RawClient(sidecar.port) as first,
        RawClient(sidecar.port) as second,
    ):
        await first.send(GET % 1)
        await upstream.until(lambda: upstream.requests)
        await second.send(GET % 2)
        going.set()
        assert [(await client.answer()).status for client in (first, second)] == [200, 200]
