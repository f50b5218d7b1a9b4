"""Adds headers to data calls: the trace of the application request that makes them and, optionally, the source line.

Copy this file to where the application imports it from; deploy/clients/README.md says how.
"""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

Client = TypeVar("Client", bound=httpx.Client | httpx.AsyncClient)

FOREIGN = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "<", __file__)


class _Trace(NamedTuple):
    id: str
    route: str


_current: ContextVar[_Trace | None] = ContextVar("fanin_trace", default=None)


@contextmanager
def trace(route: str) -> Iterator[None]:
    """All data calls in the block are one trace. Inside another trace they belong to that one.

    ``route`` is the name of the trace, without values: ``GET /creators/{id}``.
    """
    if _current.get() is not None:
        yield
        return
    token = _current.set(_Trace(str(uuid.uuid4()), route))
    try:
        yield
    finally:
        _current.reset(token)


def traced(client: Client, fanin: str, *, callers: bool = False) -> Client:
    """Make ``client`` send the headers with its requests to ``fanin``, and to no other address; return it.

    ``callers``: whether to send the source line of each call; this reads the stack for each call.
    """
    origin = _origin(httpx.URL(fanin))

    def add_headers(request: httpx.Request) -> None:
        if _origin(request.url) == origin:
            added = _trace_headers(callers)
            others = [field for field in request.headers.raw if field[0].lower() not in added]
            request.headers = httpx.Headers([*others, *added.items()])

    async def add_headers_async(request: httpx.Request) -> None:
        add_headers(request)

    client.event_hooks["request"].append(add_headers_async if isinstance(client, httpx.AsyncClient) else add_headers)
    return client


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _trace_headers(callers: bool) -> dict[bytes, bytes]:
    current, caller = _current.get(), _caller() if callers else ""
    values = {"caller": caller} if caller else {}
    if current is not None:
        values |= {"trace": current.id, "route": current.route}
    return {f"x-fanin-{name}".encode(): _sendable(value) for name, value in values.items()}


def _caller() -> str:
    """The innermost source line of the application, ``""`` if there is none.

    A coroutine that became a task, as with ``gather``, has no such line on its stack. Python then knows where it was
    created in asyncio's debug mode only (``PYTHONASYNCIODEBUG=1``).
    """
    coroutine = _coroutine()
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if _is_application(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, frame.f_lineno)
        frame = None if frame is getattr(coroutine, "cr_frame", None) else frame.f_back  # outside it is the event loop
    origin = getattr(coroutine, "cr_origin", None) or ()
    return next((_place(file, line) for file, line, _ in origin if _is_application(file)), "")


def _coroutine() -> object:
    """The coroutine of the current task; None outside a task."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no running event loop
        return None
    return task.get_coro() if task else None


def _is_application(file: str) -> bool:
    return not file.startswith(FOREIGN) and "site-packages" not in file and "dist-packages" not in file


def _place(file: str, line: int) -> str:
    return f"{file.removeprefix(os.getcwd() + os.sep)}:{line}"


def _sendable(text: str) -> bytes:
    """``text`` as a header value: UTF-8 bytes, which fanin decodes, without control characters."""
    return "".join(character if character.isprintable() else " " for character in text).encode()
