"""The admin port's pages and API as routes: what they answer is handed in, made where no traffic waits for it.

Tests: tests/e2e/pages/test_api.py.
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from proxy.admin.event_stream import EventStream
from proxy.observe.events import Events, Warned

Answers = Callable[[Mapping[str, str]], Awaitable[bytes | None]]
"""From what stands in the path and in the query to JSON; None for what there is not."""
JSON = "application/json"
LINES = {"/api/recording": "application/jsonl"}
"""What is answered with a JSON text in each line."""
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


def routes(
    answers: Mapping[str, Answers],
    changes: Mapping[str, Answers],
    files: Mapping[str, bytes],
    feed: EventStream,
    events: Events,
) -> list[web.RouteDef]:
    """``answers`` to GET, ``changes`` by POST, and ``files``, by their paths."""
    return [
        *(web.post(path, _api(answer, events, JSON)) for path, answer in changes.items()),
        *(web.get(path, _api(answer, events, LINES.get(path, JSON))) for path, answer in answers.items()),
        *(web.get(path, _file(path, data)) for path, data in files.items()),
        web.get("/api/events", feed.follow),
    ]


def _api(answer: Answers, events: Events, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = await answer({**request.query, **request.match_info})
        except Exception as error:
            events.emit(Warned("a page of the admin port could not be made", "This is a bug: report it.", error))
            return web.json_response({"message": "fanin failed on this page; its log has the traceback."}, status=500)
        if body is None:
            return web.json_response(
                {"message": "There is no such thing, or it has given way to newer ones."}, status=404
            )
        return web.Response(body=body, content_type=kind)

    return handle


def _file(path: str, data: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
    kind = TYPES[path.rpartition(".")[2]] if "." in path else TYPES["html"]

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=data, content_type=kind, charset="utf-8")

    return handle
