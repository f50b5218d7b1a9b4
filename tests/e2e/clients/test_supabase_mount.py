"""In front of a Supabase-like gateway: the mount is found by asking, PostgREST's calls merge, the rest passes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from yarl import URL

from tests.e2e.support.harness import fanin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack]


class Gateway:
    """PostgREST under /rest/v1, something else under /auth/v1, nothing at the root; counts what it forwards."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.calls = 0
        self.url = ""

    async def rest(self, request: web.Request) -> web.Response:
        self.calls += 1
        headers = {
            name: value for name, value in request.headers.items() if name in ("Authorization", "Accept", "Prefer")
        }
        target = self.upstream + request.raw_path.removeprefix("/rest/v1")
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(request.method, target) as answer,
        ):
            kept = {n: v for n, v in answer.headers.items() if n.startswith("Content-") and n != "Content-Length"}
            if "Content-Location" in kept:
                kept["Content-Location"] = "/rest/v1" + kept["Content-Location"]
            return web.Response(
                status=answer.status, body=await answer.read(), headers=kept | {"Server": answer.headers["Server"]}
            )

    async def auth(self, request: web.Request) -> web.Response:
        return web.json_response({"path": request.raw_path})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Gateway]:
        app = web.Application()
        app.router.add_route("*", "/rest/v1/{tail:.*}", self.rest)
        app.router.add_route("*", "/auth/v1/{tail:.*}", self.auth)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


async def keys(stack: Stack, count: int) -> list[str]:
    connection = await asyncpg.connect(stack.dsn)
    try:
        return [str(row[0]) for row in await connection.fetch("select id from creators order by 1 limit $1", count)]
    finally:
        await connection.close()


async def test_the_mount_is_found_by_asking_and_calls_under_it_merge(stack: Stack) -> None:
    wanted = await keys(stack, 20)
    headers = {"Authorization": f"Bearer {stack.token}"}
    async with Gateway(stack.url).running() as gateway, fanin(gateway.url, mount="auto", profile="auto") as sidecar:
        url = f"http://127.0.0.1:{sidecar.port}"
        asked = gateway.calls
        async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

            async def one(key: str) -> None:
                async with session.get(f"{url}/rest/v1/creators?select=id&id=eq.{key}") as answer:
                    assert await answer.json() == [{"id": key}]
                    assert answer.headers["Content-Location"] == f"/rest/v1/creators?id=eq.{key}&select=id"

            await asyncio.gather(*map(one, wanted))
            assert gateway.calls - asked < len(wanted)
            async with session.get(URL(f"{url}/auth/v1/user?x=%2F", encoded=True)) as answer:
                assert await answer.json() == {"path": "/auth/v1/user?x=%2F"}


async def test_a_plain_postgrest_is_found_at_the_root(stack: Stack) -> None:
    async with (
        fanin(stack.url, mount="auto", profile="auto") as sidecar,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{sidecar.port}/rest/v1/creators") as answer,
    ):
        assert answer.status == 404


async def test_a_plain_postgrest_can_be_served_under_the_mount_that_supabase_js_wants(stack: Stack) -> None:
    (key,) = await keys(stack, 1)
    headers = {"Authorization": f"Bearer {stack.token}"}
    async with (
        fanin(stack.url, mount="/rest/v1") as sidecar,
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{sidecar.port}/rest/v1/creators?select=id&id=eq.{key}") as answer,
    ):
        assert await answer.json() == [{"id": key}]
