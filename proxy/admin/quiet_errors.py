"""aiohttp's server for the admin port with error answers that contain nothing of the request."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from proxy.admin.listener import AdminConnection


class _QuietConnection(AdminConnection):
    """Answers errors with the status phrase only: aiohttp quotes the bytes of a malformed head."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        return super().handle_error(request, status, exc, f"{HTTPStatus(status).phrase}\n")

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log an exception, but not that a client sent no HTTP: anybody can send that, and it concerns nobody."""
        if not isinstance(kw.get("exc_info"), HttpProcessingError):
            super().log_exception(*args, **kw)


class Runner(web.AppRunner):
    """Runs an application with quiet errors and without an access log."""

    def connections(self, keep_alive: float) -> Callable[[], AdminConnection]:
        """Factory of connections, each closed after ``keep_alive`` seconds without a whole request head."""
        server, loop = self.server, asyncio.get_running_loop()
        if server is None:
            raise RuntimeError("call setup first")
        return lambda: _QuietConnection(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=keep_alive,
        )


async def quiet_expectation_failed(request: web.Request, answer: web.StreamResponse) -> None:
    """For ``on_response_prepare``: removes the value of an unknown ``Expect`` header from aiohttp's 417 answer."""
    if answer.status == HTTPStatus.EXPECTATION_FAILED and isinstance(answer, web.Response):
        answer.text = f"{HTTPStatus.EXPECTATION_FAILED.phrase}\n"
