"""A WebSocket is a tunnel whose bytes fanin does not read."""

from __future__ import annotations

from proxy.admin.gauges import gauges
from proxy.path.evidence.comparison import compared_lines
from tests.e2e.support.answer_differences import assert_same
from tests.e2e.support.harness import (
    OK,
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    answers,
    ask,
    fanin,
)

UPGRADE = (
    b"GET /realtime/v1/websocket?v=1 HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


async def test_a_websocket_is_an_opaque_tunnel() -> None:
    async def script(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(SWITCHED + b"\x81\x05hello")
        assert await connection.exactly(9) == b"\0\xff\r\n\r\nGET"
        await connection.send(b"\x88\0")

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(UPGRADE + b"\0\xff")
            assert await client.until(b"\r\n\r\n") == SWITCHED
            await client.send(b"\r\n\r\nGET")
            assert await client.rest() == b"\x81\x05hello\x88\0"
        head = upstream.requests[0]
    assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in head
    assert compared_lines(head)[1:3] == compared_lines(UPGRADE)[1:3]


async def test_what_either_side_says_last_arrives_before_its_hang_up() -> None:
    big = b"x" * 3_000_000

    async def says_much_and_leaves(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(SWITCHED + big)

    async def listens(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(SWITCHED)
        await connection.gone()

    async with ScriptedUpstream(says_much_and_leaves, listens) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(UPGRADE)
            assert await client.rest() == SWITCHED + big
        async with RawClient(sidecar.port) as client:
            await client.send(UPGRADE)
            await client.until(b"\r\n\r\n")
            await client.send(big)
        await upstream.until(lambda: upstream.connections[1].closed)
        assert upstream.connections[1].received.endswith(b"\r\n\r\n" + big)
        assert not upstream.connections[1].reset


async def test_a_refused_upgrade_is_an_ordinary_answer() -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    async with ScriptedUpstream(answers(refused)) as upstream, fanin(upstream.url) as sidecar:
        assert_same(await ask(upstream.url, UPGRADE), await ask(sidecar.port, UPGRADE))


async def test_tunnels_have_a_limit_of_their_own() -> None:
    async def script(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(SWITCHED)
        await connection.gone()

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, pool__tunnels=1) as sidecar:
        async with RawClient(sidecar.port) as first:
            await first.send(UPGRADE)
            await first.until(b"\r\n\r\n")
            assert (await ask(sidecar.port, UPGRADE)).status == 503
            assert gauges(sidecar)["tunnels"] == 1
        await upstream.until(lambda: upstream.connections[0].closed)


async def test_an_upgrade_with_a_body_is_no_upgrade() -> None:
    raw = UPGRADE.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc")
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        assert (await ask(sidecar.port, raw)).status == 200
    assert b"Upgrade" not in upstream.requests[0]
