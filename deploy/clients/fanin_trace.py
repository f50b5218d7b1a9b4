"""Tells fanin which of the application's requests a data call belongs to, and in development which line made it.

Copy it to where the application imports it from; deploy/clients/README.md says how.
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

NOT_OURS = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "<", __file__)


class _Trace(NamedTuple):
    id: str
    route: str


_current: ContextVar[_Trace | None] = ContextVar("fanin_trace", default=None)


@contextmanager
def trace(route: str) -> Iterator[None]:
    """All data calls within are one trace; within another trace they are part of that one.

    ``route`` is what is counted together, without values: ``GET /creators/{id}``.
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
    """``client``, which from now on names its requests to ``fanin``, and no others.

    ``callers``: whether to name the line that made a call, for which the stack is read each time.
    """
    origin = _origin(httpx.URL(fanin))

    def name(request: httpx.Request) -> None:
        if _origin(request.url) == origin:
            given = _names(callers)
            others = [field for field in request.headers.raw if field[0].lower() not in given]
            request.headers = httpx.Headers([*others, *given.items()])

    async def name_async(request: httpx.Request) -> None:
        name(request)

    client.event_hooks["request"].append(name_async if isinstance(client, httpx.AsyncClient) else name)
    return client


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _names(callers: bool) -> dict[bytes, bytes]:
    current, caller = _current.get(), _caller() if callers else ""
    names = {"caller": caller} if caller else {}
    if current is not None:
        names |= {"trace": current.id, "route": current.route}
    return {f"x-fanin-{name}".encode(): _sendable(value) for name, value in names.items()}


def _caller() -> str:
    """The innermost line of the application's own. A call that was made a task of its own, as ``gather`` does, has left
    it behind: then Python knows it in asyncio's debug mode only (``PYTHONASYNCIODEBUG=1``).
    """
    made = _coroutine()
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if _is_ours(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, frame.f_lineno)
        frame = None if frame is getattr(made, "cr_frame", None) else frame.f_back  # before it is only the loop
    origin = getattr(made, "cr_origin", None) or ()
    return next((_place(file, line) for file, line, _ in origin if _is_ours(file)), "")


def _coroutine() -> object:
    """That of the task in which this runs; None where there is none."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None
    return task.get_coro() if task else None


def _is_ours(file: str) -> bool:
    return not file.startswith(NOT_OURS) and "site-packages" not in file and "dist-packages" not in file


def _place(file: str, line: int) -> str:
    return f"{file.removeprefix(os.getcwd() + os.sep)}:{line}"


def _sendable(text: str) -> bytes:
    """As UTF-8, which fanin reads; a header has no line ends."""
    return "".join(character if character.isprintable() else " " for character in text).encode()
