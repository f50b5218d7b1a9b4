"""aiohttp's server for the admin port, which in its errors says back nothing of the request."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web


class _Terse(web.RequestHandler):
    """aiohttp explains a malformed head with the bytes of it."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        return super().handle_error(request, status, exc, f"{HTTPStatus(status).phrase}\n")


class Runner(web.AppRunner):
    """Runs an application whose errors are terse, without an access log."""

    @property
    def server(self) -> Callable[[], _Terse] | None:  # type: ignore[override]
        """Makes the protocol of a connection."""
        server = super().server
        if server is None:
            return None
        return lambda: _Terse(server, loop=asyncio.get_running_loop(), access_log=None)  # type: ignore[arg-type]


async def refuse_expectation(request: web.Request, answer: web.StreamResponse) -> None:
    """For ``on_response_prepare``: the answer to an unknown ``Expect`` says it back."""
    if answer.status == HTTPStatus.EXPECTATION_FAILED and isinstance(answer, web.Response):
        answer.text = f"{HTTPStatus.EXPECTATION_FAILED.phrase}\n"
