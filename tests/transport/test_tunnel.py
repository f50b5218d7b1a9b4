"""The tunnel copies bytes in both directions and loses none at its end."""

from __future__ import annotations

import asyncio

from proxy.transport.connection import Connection
from proxy.transport.tunnel import tunnel
from tests.transport.fake_connection import FakeTransport

LONG, SHORT = 60.0, 0.01


async def open_tunnel(
    stall: float = LONG,
) -> tuple[Connection, FakeTransport, Connection, FakeTransport, asyncio.Task[None]]:
    client, upstream = Connection(), Connection()
    transports = FakeTransport(client), FakeTransport(upstream)
    upstream.data_received(b"early")
    running = asyncio.create_task(tunnel(client, upstream, stall))
    await settle()
    return client, transports[0], upstream, transports[1], running


async def settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def test_bytes_are_copied_in_both_directions_in_order() -> None:
    client, client_transport, upstream, upstream_transport, running = await open_tunnel()
    client.data_received(b"\0\xff")
    upstream.data_received(b" and late")
    await settle()
    assert upstream_transport.written == b"\0\xff"
    assert client_transport.written == b"early and late"
    client.connection_lost(None)
    await running


async def test_when_one_side_closes_the_other_gets_the_rest_and_is_closed() -> None:
    client, client_transport, upstream, upstream_transport, running = await open_tunnel()
    client.data_received(b"bye")
    client.connection_lost(None)
    await running
    assert upstream_transport.written == b"bye"
    assert upstream_transport.closing
    assert not upstream_transport.aborted

    client, client_transport, upstream, upstream_transport, running = await open_tunnel()
    upstream.data_received(b"bye")
    upstream.connection_lost(None)
    await running
    assert client_transport.written == b"earlybye"
    assert not client_transport.aborted


async def test_a_side_that_accepts_nothing_is_aborted() -> None:
    client, client_transport, upstream, upstream_transport, running = await open_tunnel(SHORT)
    client.pause_writing()
    client_transport.unsent = 5
    upstream.data_received(b"more")
    await running
    assert client_transport.aborted
    assert upstream_transport.closing


async def test_a_slow_side_pauses_reading_from_the_other() -> None:
    client, _, upstream, upstream_transport, running = await open_tunnel()
    client.pause_writing()
    for _ in range(3):
        upstream.data_received(b"x" * 200_000)
        await settle()
    assert upstream_transport.reading_calls == ["pause"]
    client.resume_writing()
    await settle()
    assert upstream_transport.reading_calls == ["pause", "resume"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
