"""The admin port's API as routes: what they answer is handed in, made where no traffic waits for it."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from proxy.observe.events import Events, Warned
from proxy.shell.feed import Feed

Answer = Callable[[Mapping[str, str]], Awaitable[bytes | None]]
"""From what stands in the path and in the query to JSON; None for what there is not."""


def routes(answers: Mapping[str, Answer], feed: Feed, events: Events) -> list[web.RouteDef]:
    """``answers`` by their paths."""
    return [
        *(web.get(path, _api(answer, events)) for path, answer in answers.items()),
        web.get("/api/events", feed.follow),
    ]


def _api(answer: Answer, events: Events) -> Callable[[web.Request], Awaitable[web.Response]]:
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
        return web.Response(body=body, content_type="application/json")

    return handle
