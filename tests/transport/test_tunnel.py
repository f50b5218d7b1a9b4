"""The tunnel carries bytes both ways and ends whole: nothing that was on its way is lost."""

from __future__ import annotations

import asyncio

from proxy.transport.connection import Connection
from proxy.transport.tunnel import tunnel
from tests.transport.fake_connection import FakeTransport

LONG, SHORT = 60.0, 0.01


async def opened(
    stall: float = LONG,
) -> tuple[Connection, FakeTransport, Connection, FakeTransport, asyncio.Task[None]]:
    client, upstream = Connection(), Connection()
    ends = FakeTransport(client), FakeTransport(upstream)
    upstream.data_received(b"early")
    running = asyncio.create_task(tunnel(client, upstream, stall))
    await settle()
    return client, ends[0], upstream, ends[1], running


async def settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def test_bytes_go_both_ways_those_that_came_early_first() -> None:
    client, client_end, upstream, upstream_end, running = await opened()
    client.data_received(b"\0\xff")
    upstream.data_received(b" and late")
    await settle()
    assert upstream_end.written == b"\0\xff"
    assert client_end.written == b"early and late"
    client.connection_lost(None)
    await running


async def test_when_one_side_ends_the_other_gets_the_rest_and_is_closed() -> None:
    client, client_end, upstream, upstream_end, running = await opened()
    client.data_received(b"bye")
    client.connection_lost(None)
    await running
    assert upstream_end.written == b"bye"
    assert upstream_end.closing
    assert not upstream_end.aborted
    assert client_end.closing

    client, client_end, upstream, upstream_end, running = await opened()
    upstream.data_received(b"bye")
    upstream.connection_lost(None)
    await running
    assert client_end.written == b"earlybye"
    assert not client_end.aborted


async def test_a_side_that_takes_nothing_is_cut_off() -> None:
    client, client_end, upstream, upstream_end, running = await opened(SHORT)
    client.pause_writing()
    client_end.stuck = 5
    upstream.data_received(b"more")
    await running
    assert client_end.aborted
    assert upstream_end.closing


async def test_a_slow_side_holds_its_source_back() -> None:
    client, _, upstream, upstream_end, running = await opened()
    client.pause_writing()
    for _ in range(3):
        upstream.data_received(b"x" * 200_000)
        await settle()
    assert upstream_end.told == ["pause"]
    client.resume_writing()
    await settle()
    assert upstream_end.told == ["pause", "resume"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
