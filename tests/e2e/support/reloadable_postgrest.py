"""A PostgREST whose db-max-rows a test changes while fanin runs: by a restart, a signal, or a notification."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from proxy.demo.stack import PostgREST
from tests.conftest import SECRET
from tests.e2e.support.bursts import get
from tests.e2e.support.harness import TIMEOUT, ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Stack

CHANNEL = "pgrst_reloadable"
ROLE = "reloadable"


class ReloadablePostgREST:
    """PostgREST over the schema ``unusual``. Its max-rows stands in the database, as a setting of its own role."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        parts = urlsplit(dsn)
        settings = {"db-schemas": "unusual", "db-channel": CHANNEL, "db-extra-search-path": "public, extensions"}
        self._own_dsn, self._settings = dsn.replace(f"//{parts.username}:", f"//{ROLE}:"), settings
        self._password = parts.password
        self._server = PostgREST(self._own_dsn, secret=SECRET, settings=settings)

    @property
    def url(self) -> str:
        return self._server.url

    async def start(self, max_rows: int) -> None:
        """Make the role, and start."""
        await self._execute(
            f"drop role if exists {ROLE}; create role {ROLE} login noinherit password '{self._password}';"
            f"grant anon, authenticated to {ROLE}"
        )
        await self._set(max_rows)
        self._server.__enter__()

    async def stop(self) -> None:
        """End it, and drop the role."""
        self._server.close()
        await self._execute(f"drop role {ROLE}")

    async def lower_by_restart(self, max_rows: int) -> None:
        """End it and start it again on the same port."""
        await self._set(max_rows)
        port = self._server.port
        self._server.close()
        self._server = PostgREST(self._own_dsn, secret=SECRET, settings=self._settings, port=port)
        self._server.__enter__()

    async def lower_by_signal(self, max_rows: int) -> None:
        """Have it read its configuration again, which closes no connection."""
        await self._set(max_rows)
        os.kill(self._server.pid, signal.SIGUSR2)
        await self._wait_for(max_rows)

    async def lower_by_notification(self, max_rows: int) -> None:
        """The same by NOTIFY."""
        await self._set(max_rows)
        await self._execute(f"notify {CHANNEL}, 'reload config'")
        await self._wait_for(max_rows)

    async def _set(self, max_rows: int) -> None:
        await self._execute(f"alter role {ROLE} set pgrst.db_max_rows = '{max_rows}'")

    async def _wait_for(self, max_rows: int) -> None:
        async with asyncio.timeout(TIMEOUT):
            while (await ask(self.url, get("/num?select=id"))).body.count(b"{") > max_rows:
                pass

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def reloadable_postgrest(stack: Stack, max_rows: int) -> AsyncIterator[ReloadablePostgREST]:
    """One that starts with ``max_rows``."""
    postgrest = ReloadablePostgREST(stack.dsn)
    await postgrest.start(max_rows)
    try:
        yield postgrest
    finally:
        await postgrest.stop()
