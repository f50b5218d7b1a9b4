"""aiohttp routes of the pages and the API; the answers come from functions that the caller passes.

Tests: tests/e2e/pages/test_api.py.
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from proxy.admin.event_stream import EventStream
from proxy.observe.events import Events

ApiHandler = Callable[[Mapping[str, str]], Awaitable[bytes | None]]
"""From the parameters of path and query string to JSON; None for a 404."""
JSON = "application/json"
LINES = {"/api/recording": "application/jsonl"}
"""Media types of paths that answer with a JSON text per line."""
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


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


def _api(answer: ApiHandler, events: Events, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = await answer({**request.query, **request.match_info})
        except Exception as error:
            events.bug("a page of the admin port failed", error)
            return web.json_response({"message": "This page failed; fanin's log has the traceback."}, status=500)
        if body is None:
            return web.json_response({"message": "Not found, or no longer stored."}, status=404)
        return web.Response(body=body, content_type=kind)

    return handle


def _file(path: str, data: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
    kind = TYPES[path.rpartition(".")[2]] if "." in path else TYPES["html"]

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=data, content_type=kind, charset="utf-8")

    return handle
