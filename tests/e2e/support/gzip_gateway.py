"""A gateway that compresses answers for clients that accept it."""

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def gzip_gateway(url: str) -> AsyncIterator[str]:
    """The URL of a gateway to the server at ``url``."""

    async def answer(request: web.BaseRequest) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with session.request(request.method, f"{url}{request.rel_url}", headers=headers) as response:
            body = await response.read()
            kept = {
                n: v for n, v in response.headers.items() if n.lower() not in ("transfer-encoding", "server", "date")
            }
            if "gzip" in request.headers.get("Accept-Encoding", ""):
                body, kept = gzip.compress(body), {**kept, "Content-Encoding": "gzip"}
            kept.pop("Content-Length", None)
            return web.Response(status=response.status, headers=kept, body=body)

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
