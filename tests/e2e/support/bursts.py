"""Requests that arrive together, on sockets opened before."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from proxy.demo.stack import reset, statements
from tests.e2e.support.answer_differences import differences
from tests.e2e.support.harness import RawAnswer, RawClient
from tests.e2e.support.metrics_check import RUNNING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


def get(target: str, *lines: str) -> bytes:
    """The bytes of a GET."""
    return "".join(f"{line}\r\n" for line in (f"GET {target} HTTP/1.1", "Host: h", *lines, "")).encode()


@asynccontextmanager
async def sockets(target: str | int, count: int) -> AsyncIterator[list[RawClient]]:
    """``count`` open connections."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(RawClient(target)) for _ in range(count)]


async def burst(clients: Sequence[RawClient], requests: Sequence[bytes]) -> list[RawAnswer]:
    """Each request on a socket of its own, all written in one turn; the answers in their order."""
    used = clients[: len(requests)]
    for client, request in zip(used, requests, strict=True):
        client.writer.write(request)
    pairs = zip(used, requests, strict=True)
    return await asyncio.gather(*[client.answer(request.partition(b" ")[0]) for client, request in pairs])


async def together(target: str | int, requests: Sequence[bytes]) -> list[RawAnswer]:
    """The same on sockets that are opened for it."""
    async with sockets(target, len(requests)) as clients:
        return await burst(clients, requests)


async def one_by_one(url: str, requests: Sequence[bytes]) -> list[RawAnswer]:
    """Each request alone, one after another on one connection."""
    async with RawClient(url) as client:
        found = []
        for request in requests:
            await client.send(request)
            found.append(await client.answer(request.partition(b" ")[0]))
        return found


def assert_all_same(requests: Sequence[bytes], direct: Sequence[RawAnswer], through: Sequence[RawAnswer]) -> None:
    """Fail with the first request that was answered otherwise."""
    for request, one, two in zip(requests, direct, through, strict=True):
        found = differences(one, two)
        assert not found, "\n".join([request.decode(), *found])


class StatementCounter:
    """What Postgres itself counted."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection

    async def reset(self) -> None:
        await reset(self._connection)
        for check in RUNNING:
            check.mark()

    async def statements(self, told: bool = True) -> int:
        """PostgREST's statements for requests since the last reset. Where one fanin made them all, it says so too.

        Not ``told``: some were answered by no statement, or by another than is counted, and their answers hide it.
        """
        counted = await statements(self._connection)
        expected = RUNNING[0].statements() if told and len(RUNNING) == 1 else None
        if expected is not None:
            assert counted in expected, f"Postgres counted {counted} statements, fanin calls for {expected}"
        return counted

    async def writes(self) -> int:
        """Those of them that insert, update or delete."""
        wrote = "query ~ '^WITH pgrst_source AS [(] *(INSERT|UPDATE|DELETE)'"
        query = f"select coalesce(sum(calls), 0)::bigint from extensions.pg_stat_statements where {wrote}"
        return int(await self._connection.fetchval(query))


@asynccontextmanager
async def statement_counter(dsn: str) -> AsyncIterator[StatementCounter]:
    """A connection that reads and resets Postgres' counters."""
    connection = await asyncpg.connect(dsn)
    try:
        yield StatementCounter(connection)
    finally:
        await connection.close()
