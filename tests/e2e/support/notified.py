"""Tables with the triggers of ``fanin cache triggers``, and statements straight in SQL."""

from __future__ import annotations

import io
from contextlib import asynccontextmanager, redirect_stdout
from typing import TYPE_CHECKING

import asyncpg

from proxy.commands.main import main
from tests.e2e.support.harness import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.sidecar.sidecar import Sidecar

CONNECTIONS = "from pg_stat_activity where application_name = 'fanin notifications'"


def triggers(*words: str) -> str:
    """What ``fanin cache triggers`` prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert main(["cache", "triggers", *words]) == 0
    return printed.getvalue()


async def execute(dsn: str, *statements: str) -> None:
    """Execute statements, each in a transaction of its own, on one connection."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def value(dsn: str, query: str) -> object:
    """The first value of a query."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@asynccontextmanager
async def notifying(dsn: str, *relations: str) -> AsyncIterator[None]:
    """The triggers of these relations, and in the end their undo."""
    await execute(dsn, triggers(*relations))
    try:
        yield
    finally:
        await execute(dsn, triggers("--undo", *relations))


async def until_notified(sidecar: Sidecar, times: int = 1) -> None:
    """Wait until ``sidecar`` has got so many notifications."""
    await until(lambda: sidecar.upstream_state.drop_causes["notification"] >= times)
