"""aiohttp routes of the pages and the API; the answers come from functions that the caller passes.

Tests: tests/e2e/pages/test_api.py.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from proxy.admin.event_stream import EventStream
from proxy.observe.events import Events

ApiHandler = Callable[[Mapping[str, str]], Awaitable[Iterable[bytes] | None]]
"""From the parameters of path and query string to pieces of JSON; None for a 404. BadQueryError for a 400."""
PIECE_BYTES, TURN_SECONDS = 64_000, 0.002
"""Pieces are sent together up to so many bytes, and made for so long until other requests are served."""
JSON = "application/json"
LINES = {"/api/recording": "application/jsonl"}
"""Media types of paths that answer with a JSON text per line."""
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


class BadQueryError(ValueError):
    """A parameter of the query string is wrong. The message says which."""


def count_in(query: Mapping[str, str], name: str, default: int) -> int:
    """The number in a parameter. BadQueryError if it is none."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadQueryError(f"{name} must be a number from 0.")
    return int(text)


def routes(
    answers: Mapping[str, ApiHandler],
    changes: Mapping[str, ApiHandler],
    files: Mapping[str, bytes],
    feed: EventStream,
    events: Events,
) -> list[web.RouteDef]:
    """Routes for ``answers`` (GET), ``changes`` (POST) and ``files`` (GET), which are mappings by path."""
    return [
        *(web.post(path, _api(answer, events, JSON)) for path, answer in changes.items()),
        *(web.get(path, _api(answer, events, LINES.get(path, JSON))) for path, answer in answers.items()),
        *(web.get(path, _file(path, data)) for path, data in files.items()),
        web.get("/api/events", feed.follow),
    ]


def _api(answer: ApiHandler, events: Events, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            pieces = await answer({**request.query, **request.match_info})
        except BadQueryError as error:
            return web.json_response({"message": str(error)}, status=400)
        except Exception as error:
            events.bug("a page of the admin port failed", error)
            return web.json_response({"message": "This page failed; fanin's log has the traceback."}, status=500)
        if pieces is None:
            return web.json_response({"message": "Not found, or no longer stored."}, status=404)
        return await _send(request, pieces, kind, events)

    return handle


async def _send(request: web.Request, pieces: Iterable[bytes], kind: str, events: Events) -> web.StreamResponse:
    """Stream ``pieces``. If one cannot be made, the connection is closed before the answer's end."""
    response = web.StreamResponse(headers={"Content-Type": kind})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    buffer, began = bytearray(), time.monotonic()
    try:
        for piece in pieces:
            buffer += piece
            if len(buffer) >= PIECE_BYTES or time.monotonic() - began > TURN_SECONDS:
                await response.write(bytes(buffer))
                buffer.clear()
                await asyncio.sleep(0)
                began = time.monotonic()
    except Exception as error:
        if not isinstance(error, ConnectionError):
            events.bug("a page of the admin port failed", error)
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof(bytes(buffer))
    return response


def _file(path: str, data: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
    kind = TYPES[path.rpartition(".")[2]] if "." in path else TYPES["html"]

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=data, content_type=kind, charset="utf-8")

    return handle
