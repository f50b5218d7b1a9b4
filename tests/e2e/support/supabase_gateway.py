"""A gateway like Supabase's: PostgREST under /rest/v1, something else beside it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack


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


async def creator_ids(stack: Stack, count: int) -> list[str]:
    connection = await asyncpg.connect(stack.dsn)
    try:
        return [str(row[0]) for row in await connection.fetch("select id from creators order by 1 limit $1", count)]
    finally:
        await connection.close()
