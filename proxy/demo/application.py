"""RetroMuscle's HTTP client: sends requests as the application does, and keeps the compared parts of their answers.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

from proxy.allowed_differences import CACHE_HEADERS, TIME_HEADERS, is_compared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OWN_TIMING = b"fanin;dur="
"""Start of the Server-Timing value that fanin adds with ``--debug``, as it adds X-Fanin; PostgREST does not send it."""


class Answer(NamedTuple):
    """The compared parts of an answer: status, end-to-end headers without allowed differences, body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def rows(self) -> list[dict[str, str]]:
        """The body, an array of objects."""
        rows: list[dict[str, str]] = json.loads(self.body)
        return rows


class Application:
    """One application request that calls PostgREST, or fanin in front of it. ``answers`` are those of its calls."""

    def __init__(self, session: aiohttp.ClientSession, url: str, trace: str) -> None:
        self._session = session
        self._url = url
        self._trace = trace

    def page(self, number: int) -> Application:
        """Another application request of the same route, over the same connections."""
        return Application(self._session, self._url, f"{self._trace}-page-{number}")

    async def get(self, target: str) -> Answer:
        """Read ``target``, a path below the URL, with its query."""
        async with self._session.get(f"{self._url}/{target}", headers={"X-Fanin-Trace": self._trace}) as response:
            return await _answer(response)

    async def patch(self, target: str, values: dict[str, str]) -> Answer:
        """Update the rows of ``target`` and return them (`update(…).select()` in supabase-js)."""
        headers = {"Prefer": "return=representation"}
        headers["X-Fanin-Trace"] = self._trace
        async with self._session.patch(f"{self._url}/{target}", json=values, headers=headers) as response:
            return await _answer(response)


@asynccontextmanager
async def application(url: str, token: str, trace: str, route: str) -> AsyncIterator[Application]:
    """An application request with its trace and route, and as many connections as it needs."""
    headers = {"Authorization": f"Bearer {token}", "X-Fanin-Route": route}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        yield Application(session, url, trace)


async def _answer(response: aiohttp.ClientResponse) -> Answer:
    kept = tuple(
        (name.lower(), b"" if name.lower() in TIME_HEADERS else value)
        for name, value in response.raw_headers
        if is_compared(name.lower()) and name.lower() not in CACHE_HEADERS and not value.startswith(OWN_TIMING)
    )
    return Answer(response.status, kept, await response.read())
