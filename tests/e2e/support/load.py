"""Clients that ask again and again, as HTTP libraries do: they keep connections, and follow ``Connection: close``."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.e2e.support.raw_client import RawAnswer, RawClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Load:
    """What came of requests that were sent. ``failures`` are those that got no whole answer."""

    def __init__(self, target: str | int, request: Callable[[int], bytes]) -> None:
        self.answers: list[RawAnswer] = []
        self.failures: list[str] = []
        self.refused = 0
        """Connections that nobody accepted: no request was lost with them."""
        self.stopping = False
        self._target = target
        self._request = request
        self._sent = 0

    @property
    def statuses(self) -> Counter[int]:
        """Answers by status."""
        return Counter(answer.status for answer in self.answers)

    @property
    def last(self) -> int:
        """Answers that said that their connection ends."""
        return sum(answer.values(b"connection") == [b"close"] for answer in self.answers)

    async def work(self) -> None:
        """One client: until told to stop, or nobody accepts connections."""
        while not self.stopping:
            try:
                async with RawClient(self._target) as client:
                    await self._use(client)
            except ConnectionRefusedError:
                self.refused += 1
                return

    async def _use(self, client: RawClient) -> None:
        while not self.stopping and not client.reader.at_eof():
            self._sent += 1
            await client.send(self._request(self._sent))
            try:
                answer = await client.answer()
            except (AssertionError, TimeoutError) as error:
                self.failures.append(repr(error))
                return
            self.answers.append(answer)
            if not answer.complete:
                self.failures.append("an answer without its end")
            if not answer.complete or answer.values(b"connection") == [b"close"]:
                return


@asynccontextmanager
async def load(target: str | int, clients: int, request: Callable[[int], bytes]) -> AsyncIterator[Load]:
    """``clients`` at once, stopped at the end."""
    one = Load(target, request)
    workers = [asyncio.create_task(one.work()) for _ in range(clients)]
    try:
        yield one
    finally:
        one.stopping = True
        await asyncio.gather(*workers)
