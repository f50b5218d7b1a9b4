"""The admin port: metrics and health. It shares the loop with the traffic, so it does next to nothing."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from proxy.config import ConfigError
from proxy.shell.sidecar import Sidecar, split_listen

Scrape = Callable[[str], Awaitable[tuple[bytes, str]]]
"""From an Accept header to an exposition and its content type."""


class Admin:
    """``/metrics``, ``/livez``, ``/readyz`` on a port of their own."""

    def __init__(self, sidecar: Sidecar, scrape: Scrape, upstream_is_up: Callable[[], bool]) -> None:
        self._sidecar = sidecar
        self._scrape = scrape
        self._upstream_is_up = upstream_is_up
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, listen: str) -> None:
        """Bind. ConfigError when the address is taken."""
        host, port = split_listen(listen)
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/livez", self._alive),
                web.get("/readyz", self._ready),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(f"admin: cannot bind {listen}: {error.strerror}") from error
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = await self._scrape(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _alive(self, request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _ready(self, request: web.Request) -> web.Response:
        """Upstream's health only when asked for: an upstream blip must not take every pod out."""
        if self._sidecar.draining:
            return web.Response(status=503, text="draining\n")
        if "upstream" in request.query and not self._upstream_is_up():
            return web.Response(status=503, text="upstream is down\n")
        return web.Response(text="ready\n")
