"""Reads of a few rows that race with their writers, so that most of them meet an answer that was kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.e2e.support.harness import RawClient
from tests.e2e.support.racing_loops import MAX_AGE, WRITERS, Race

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar

CACHE: dict[str, Any] = {"rules__fan002": "report", "rules__fan006": "rewrite", "cache__fresh": MAX_AGE}
STALE: dict[str, Any] = {"cache__fresh": MAX_AGE / 3, "cache__stale_while_revalidate": 2 * MAX_AGE / 3}
"""Settings with the same bound, of which most is the time in which answers are fetched again."""


class CacheRace(Race):
    """One run whose readers read the one row of each writer, again and again."""

    async def run(self, **changes: Any) -> Sidecar:
        """Let all race; returns the fanin that they raced through."""
        return await super().run(**(CACHE | changes))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stored: dict[int, tuple[str, bytes]] = {}
        """By key, what all readers have stored last: entity tag and body, as a browser does that two people use."""
        self.not_modified = 0

    async def _receive(self, client: RawClient, key: int, lines: tuple[str, ...]) -> tuple[bytes, bytes]:
        """What a read shows: a 304 stands for what is stored."""
        tag, stored = self._stored.get(key, ("", b""))
        asks = bool(tag) and self._chance.random() < 0.5
        head, body = await super()._receive(client, key, (*lines, f"If-None-Match: {tag}") if asks else lines)
        if head.startswith(b"HTTP/1.1 304"):
            self.not_modified += 1
            return head, stored
        _, mark, rest = head.partition(b"\r\nETag: ")
        if mark:
            self._stored[key] = rest.partition(b"\r\n")[0].decode(), body
        return head, body

    async def _loops(self, reader: str, page: str) -> None:
        async with RawClient(self.port) as client:
            while not self.over:
                key = self._chance.randrange(WRITERS + 1) + 1
                lines = (f"X-Reader: {reader}", f"X-Fanin-Trace: {page}")
                await self._read(client, key, lines, reader)
                await asyncio.sleep(self._chance.random() * 0.005)

    def _key_of(self, writer: int) -> int:
        return writer + 1
