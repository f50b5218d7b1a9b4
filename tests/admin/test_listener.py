"""The admin port has few connections: a new client takes the place of an idle one, and idle ones are closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.admin.test_server import Loaded, admin, request
from tests.e2e.support.harness import RawClient, ask, until

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.admin.server import AdminServer

LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def connect(server: AdminServer, count: int) -> list[asyncio.StreamWriter]:
    """Clients that send nothing."""
    return [(await asyncio.open_connection("127.0.0.1", server.port))[1] for _ in range(count)]


async def test_silent_connections_do_not_keep_a_probe_out() -> None:
    async with admin(Loaded(**{"limits.admin_connections": 8})) as server:
        silent = await connect(server, 50)
        assert (await ask(server.port, request("/livez"))).status == 200
        assert server.counts.open <= 8
        assert server.counts.turned_away >= 42
        for writer in silent:
            writer.close()
        await until(lambda: server.counts.open == 0)


async def test_a_silent_connection_is_closed_before_one_that_was_used() -> None:
    async with admin(Loaded(**{"limits.admin_connections": 3})) as server, RawClient(server.port) as client:
        await client.send(LIVE)
        assert (await client.answer()).status == 200
        silent = await connect(server, 10)
        await client.send(LIVE)
        assert (await client.answer()).status == 200
        for writer in silent:
            writer.close()


async def test_a_new_connection_is_refused_while_all_others_have_requests() -> None:
    loaded = Loaded(**{"limits.admin_connections": 2})
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        asked.set()
        await go_on.wait()
        return web.Response(text="slow")

    loaded.page = slow  # type: ignore[method-assign]
    async with admin(loaded) as server, RawClient(server.port) as first, RawClient(server.port) as second:
        for client in (first, second):
            asked.clear()
            await client.send(request("/"))
            await asked.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read() == b""
        writer.close()
        go_on.set()
        assert (await first.answer()).body == (await second.answer()).body == b"slow"


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHo"])
async def test_a_client_without_a_whole_head_is_disconnected_after_the_keep_alive_time(sent: bytes) -> None:
    async with admin(Loaded(**{"timeouts.keep_alive": 0.05})) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_a_client_that_reads_nothing_is_disconnected() -> None:
    loaded = Loaded(**{"timeouts.write_stall": 0.05})

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 50_000_000)

    loaded.page = large  # type: ignore[method-assign]
    async with admin(loaded) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(request("/"))
        await until(lambda: server.counts.open == 1)
        await until(lambda: server.counts.open == 0)
        writer.close()


async def test_a_unix_socket_serves_local_clients(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    async with admin(Loaded(admin=f"unix:{path}")) as server:
        assert server.port == 0
        assert server.summary == f", admin unix:{path}"
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(request("/api/config", host="localhost"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
    assert not path.exists()
