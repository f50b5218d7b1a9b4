"""The admin port: metrics, health, settings, pages and API. It shares the event loop with requests, so it does little.

A middleware checks access before routing, so every route is protected.
"""

import html
import secrets
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from aiohttp import web

from proxy.admin.access import HEADERS, OPEN, UNIX, AccessPolicy, AdminRequest, Denied
from proxy.admin.listener import AdminListener, PortCounts
from proxy.admin.quiet_errors import Runner, quiet_expectation_failed
from proxy.settings.listing import listed
from proxy.settings.loading import EffectiveSettings
from proxy.sidecar.sidecar import Sidecar
from proxy.transport.descriptors import share_for_admin
from proxy.transport.listener import bind_error

Scrape = Callable[[str], Awaitable[tuple[bytes, str]]]
"""From an Accept header to an exposition and its content type."""
AdminHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY = 65_536
"""Maximum bytes of a request body."""
COOKIE = "fanin"
FORWARDED = (
    *("forwarded", "x-forwarded", "via", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip"),
    *("cf-connecting-ip", "fastly-client-ip", "x-envoy-", "x-original-"),
)
"""How the names of headers begin that proxies add."""


class AdminServer:
    """Serves ``/metrics``, ``/livez``, ``/readyz`` and the routes ``more``. ``settings`` returns the effective ones."""

    def __init__(
        self,
        sidecar: Sidecar,
        scrape: Scrape,
        settings: Callable[[], EffectiveSettings],
        more: Sequence[web.RouteDef] = (),
        counts: PortCounts | None = None,
    ) -> None:
        self.counts = counts or PortCounts()
        self._sidecar = sidecar
        self._scrape = scrape
        self._settings = settings
        self._open = [
            web.get("/metrics", self._metrics),
            web.get("/livez", self._alive),
            web.get("/readyz", self._ready),
        ]
        self._closed = [web.get("/api/config", self._config), *more]
        self._runners: list[Runner] = []
        self._listeners: list[AdminListener] = []
        self._key = secrets.token_bytes(32)
        self.port = 0
        self.metrics_port = 0
        self.apply_settings()

    def apply_settings(self) -> None:
        """Apply the token and the names of the effective settings. Sessions stay valid while the token is the same."""
        settings = self._settings().settings
        token = None if settings.admin_token is None else settings.admin_token.get_secret_value()
        own = [listen.rpartition(":")[0].strip("[]") for listen in (settings.admin, settings.metrics)]  # "" for off
        self._access = AccessPolicy(token, (*own, *settings.admin_hosts), self._key)

    async def start(self) -> None:
        """Bind the configured addresses; raises ConfigError if an address is in use."""
        settings = self._settings().settings
        if settings.admin != "off":
            self.port = await self._listen("admin", settings.admin, [*self._open, *self._closed])
        if settings.metrics != "off":
            self.metrics_port = await self._listen("metrics", settings.metrics, self._open)

    @property
    def summary(self) -> str:
        """The ports, for the start line."""
        settings = self._settings().settings
        ports = (("admin", settings.admin, self.port), ("metrics", settings.metrics, self.metrics_port))
        listening = [(name, address, port) for name, address, port in ports if address != "off"]
        return "".join(f", {name} port {port}" if port else f", {name} {address}" for name, address, port in listening)

    async def stop(self) -> None:
        while self._listeners:
            self._listeners.pop().close()
        while self._runners:
            await self._runners.pop().cleanup()

    async def _listen(self, name: str, address: str, routes: Sequence[web.RouteDef]) -> int:
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY)
        app.on_response_prepare.extend((_add_headers, quiet_expectation_failed))
        app.add_routes(routes)
        runner = Runner(app, handler_cancellation=True)  # a client that disconnects needs no answer
        self._runners.append(runner)
        await runner.setup()
        limits, timeouts = self._settings().settings.limits, self._settings().settings.timeouts
        most = share_for_admin(limits.admin_connections)
        listener = AdminListener(runner.connections(timeouts.keep_alive), most, timeouts.write_stall, self.counts)
        try:
            port = await listener.open(address)
        except OSError as error:
            raise bind_error(name, address, error) from error
        self._listeners.append(listener)
        return port

    @web.middleware
    async def _guard(self, request: web.Request, handler: AdminHandler) -> web.StreamResponse:
        """Check access before routing."""
        token = request.query.get("token", "")
        if token and request.method == "GET" and self._access.is_token(token):
            denied = self._access.check(_admin_request(request, authorization=f"Bearer {token}"))
            return _denied(denied) if denied else self._log_in(request)
        denied = self._access.check(_admin_request(request))
        return _denied(denied) if denied else await handler(request)

    def _log_in(self, request: web.Request) -> web.Response:
        """Set the session cookie, and load the same page without the token.

        This is a page and not a redirect: after a redirect from another site, a browser does not send a SameSite=Strict
        cookie.
        """
        path = html.escape("/" + request.path.lstrip("/"), quote=True)
        text = f'<!doctype html><meta http-equiv="refresh" content="0;url={path}"><a href="{path}">{path}</a>'
        answer = web.Response(text=text, content_type="text/html")
        answer.set_cookie(COOKIE, self._access.session, httponly=True, samesite="Strict", path="/")
        return answer

    # Open paths.

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = await self._scrape(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _alive(self, request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _ready(self, request: web.Request) -> web.Response:
        """Check upstream only with ``?upstream``: a short failure of upstream must not make every pod unready."""
        state = self._sidecar.state
        if state != "ready":
            return web.Response(status=503, text=f"{state}\n")
        if self._sidecar.descriptors.recently_exhausted:
            return web.Response(status=503, text="no file descriptor is left\n")
        if "upstream" in request.query and not await self._sidecar.health.check():
            return web.Response(status=503, text="upstream is down\n")
        return web.Response(text="ready\n")

    # Protected paths.

    async def _config(self, request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(list(listed(self._settings()))), content_type="application/json")


def _admin_request(request: web.Request, authorization: str = "") -> AdminRequest:
    headers = request.headers
    return AdminRequest(
        method=request.method,
        path=request.path,
        peer=_peer(request),
        hosts=tuple(headers.getall("Host", ())),
        forwarded=any(name.lower().startswith(FORWARDED) for name in headers),
        authorization=authorization or headers.get("Authorization", ""),
        cookie=request.cookies.get(COOKIE, ""),
        origin=headers.get("Origin", ""),
        site=headers.get("Sec-Fetch-Site", ""),
        navigates=headers.get("Sec-Fetch-Mode") == "navigate",
        content_type=headers.get("Content-Type", ""),
    )


def _peer(request: web.Request) -> str:
    """The client's IP address; ``UNIX`` for a client of a unix socket."""
    transport = request.transport
    if transport is None:
        return ""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else UNIX


def _denied(denied: Denied) -> web.Response:
    return web.Response(status=denied.status, text=denied.reason + "\n")


async def _add_headers(request: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(HEADERS)
    if request.path not in OPEN:
        answer.headers["Cache-Control"] = "no-store"
