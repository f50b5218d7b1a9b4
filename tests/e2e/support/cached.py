"""An application that reads reference tables, behind a fanin that keeps answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.support.loops import application

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tests.conftest import Stack
    from tests.e2e.support.loops import Application, Watch
    from tests.e2e.support.raw_client import RawAnswer

RATES = "/video_rates?select=*&order=video_type"
PACKAGES = "/package_definitions?select=*&limit=9"
PAGE = "/videos?select=*&order=id&limit=1&offset={}"
NOTHING = "/video_rates?video_type=eq.nothing"
CACHE: dict[str, Any] = {
    "rules__fan002": "report",
    "rules__fan006": "rewrite",
    "cache__fresh": 60.0,
    "headers": "on",
}


def caching(stack: Stack, **changes: Any) -> AbstractAsyncContextManager[tuple[Application, Watch]]:
    """The application, and what its fanin does."""
    return application(stack.url, stack.url, stack.token, **(CACHE | changes))


def age_of(answer: RawAnswer) -> float | None:
    """What ``X-Fanin`` says of an answer's age; None if it is not from the cache."""
    text = answer.values(b"x-fanin")[0]
    return float(text.removeprefix(b"cached; age=")) if text.startswith(b"cached") else None
