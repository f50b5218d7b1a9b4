"""Open connections for many requests; those that an answer closed are opened anew before the next are sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from tests.e2e.support.raw_client import RawAnswer, RawClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.support.burst_generator import BurstRequest


class Connections:
    """``count`` connections to one server."""

    def __init__(self, target: str | int, count: int) -> None:
        self._target = target
        self._count = count
        self._clients: dict[int, RawClient] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients.values():
            await client.__aexit__(None, None, None)

    async def together(self, asked: Sequence[BurstRequest], start: int = 0) -> list[RawAnswer]:
        """Each request on a connection of its own, all written in one turn; the answers in their order.

        The first ``start`` connections are left to others.
        """
        clients = [await self._client(start + at) for at in range(len(asked))]
        for client, one in zip(clients, asked, strict=True):
            client.writer.write(one.request)
        return await asyncio.gather(*[self._answer(start + at, one) for at, one in enumerate(asked)])

    async def alone(self, asked: Sequence[BurstRequest]) -> list[RawAnswer]:
        """Each request alone on its connection, one after another; the answers in their order."""
        parts = await asyncio.gather(*[self._in_turn(at, asked[at :: self._count]) for at in range(self._count)])
        return [parts[at % self._count][at // self._count] for at in range(len(asked))]

    async def _in_turn(self, at: int, asked: Sequence[BurstRequest]) -> list[RawAnswer]:
        answers = []
        for one in asked:
            (await self._client(at)).writer.write(one.request)
            answers.append(await self._answer(at, one))
        return answers

    async def _answer(self, at: int, one: BurstRequest) -> RawAnswer:
        client = self._clients[at]
        answer = await client.answer(one.method)
        if one.closes:
            del self._clients[at]
            await client.__aexit__(None, None, None)
        return answer

    async def _client(self, at: int) -> RawClient:
        client = self._clients.get(at)
        if client is not None and client.reader.at_eof():
            await client.__aexit__(None, None, None)
            client = None
        if client is None:
            client = self._clients[at] = await RawClient(self._target).__aenter__()
        return client
