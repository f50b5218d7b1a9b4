"""A client that leaves ends what was done for it, whatever that was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from tests.e2e.support.harness import (
    OK,
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    answers,
    fanin,
    until,
)

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar


GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize("how", ["closes", "resets", "closes its sending side"])
async def test_a_client_that_hangs_up_cancels_upstream(how: str) -> None:
    async def silent(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.gone()

    async with ScriptedUpstream(silent) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(GET)
            await upstream.until(lambda: upstream.requests)
            if how == "resets":
                client.abort()
            elif how == "closes its sending side":
                client.finish()
            else:
                client.writer.close()
            await upstream.until(lambda: upstream.connections[0].closed)
        await until(lambda: idle(sidecar))


def idle(sidecar: Sidecar) -> bool:
    """Whether nothing is held any more."""
    found = gauges(sidecar)
    names = ("client_connections", "upstream_busy", "upstream_queue", "tunnels", "waiting")
    return not any(found[name] for name in names)


async def test_a_client_that_leaves_in_mid_download_stops_it() -> None:
    async def endless(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not connection.closed:
            await connection.send(b"x" * 100_000)

    async with ScriptedUpstream(endless) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(GET)
            await client.exactly(500_000)
        await upstream.until(lambda: upstream.connections[0].closed)
        await until(lambda: idle(sidecar))


async def test_a_client_that_leaves_in_mid_upload_stops_it() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc")
            await upstream.until(lambda: upstream.connections and b"abc" in upstream.connections[0].received)
        await upstream.until(lambda: upstream.connections[0].closed)
        assert not upstream.requests
        await until(lambda: idle(sidecar))


async def test_a_client_that_leaves_the_queue_gives_its_place_to_the_next() -> None:
    go = asyncio.Event()

    async def waits(connection: ScriptedConnection) -> None:
        while await connection.request():
            await go.wait()
            await connection.send(OK)

    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url, pool__calls=1, mode="pass") as sidecar:
        async with RawClient(sidecar.port) as first, RawClient(sidecar.port) as third:
            await first.send(GET)
            await upstream.until(lambda: upstream.requests)
            async with RawClient(sidecar.port) as second:
                await second.send(GET)
                await until(lambda: gauges(sidecar)["upstream_queue"] == 1)
            await until(lambda: gauges(sidecar)["upstream_queue"] == 0)
            await third.send(GET)
            go.set()
            assert (await first.answer()).body == b"ok"
            assert (await third.answer()).body == b"ok"
        assert len(upstream.requests) == 2
