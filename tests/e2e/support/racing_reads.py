"""Reads of a few rows that race with their writers, so that most of them meet an answer that was kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.e2e.support.harness import RawClient
from tests.e2e.support.racing_loops import MAX_AGE, WRITERS, Race

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar

CACHE: dict[str, Any] = {"rules__fan002": "report", "rules__fan006": "rewrite", "cache__fresh": MAX_AGE}


class CacheRace(Race):
    """One run whose readers read the one row of each writer, again and again."""

    async def run(self, **changes: Any) -> Sidecar:
        """Let all race; returns the fanin that they raced through."""
        return await super().run(**(CACHE | changes))

    async def _loops(self, reader: str, page: str) -> None:
        async with RawClient(self.port) as client:
            while not self.over:
                key = self._chance.randrange(WRITERS + 1) + 1
                lines = (f"X-Reader: {reader}", f"X-Fanin-Trace: {page}")
                await self._read(client, key, lines, reader)
                await asyncio.sleep(self._chance.random() * 0.005)

    def _key_of(self, writer: int) -> int:
        return writer + 1
