"""A Postgres of each version that is at hand, with a template database of Supabase stubs."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import asyncpg
import pytest

from proxy.analysis.workload import Workload
from proxy.audit.database import DatabaseFindings, inspect_database
from proxy.database.snapshot import read_database
from proxy.demo.postgres import Postgres
from proxy.settings.rules import RuleSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from proxy.analysis.rule import AnyRule

STUBS = (Path(__file__).parent / "supabase_stubs.sql").read_text(encoding="utf-8")
BINARIES = {"18": "", "15": "/usr/lib/postgresql/15/bin"}


@pytest.fixture(scope="session", params=BINARIES)
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    directory = BINARIES[request.param]
    if directory and not Path(directory, "postgres").exists():
        pytest.skip(f"no Postgres {request.param}")
    named = {"FANIN_PG_BIN": directory} if directory else {}
    settings = {"shared_preload_libraries": ""} if directory else {}
    with patch.dict(os.environ, named), Postgres(settings=settings) as postgres:
        yield postgres


NUMBERS = count()
ALONE = "-- in its own transaction"
"""Between statements that do not run in one transaction, such as CREATE INDEX CONCURRENTLY."""


@pytest.fixture
def example_database(server: Postgres) -> Callable[[str], Awaitable[str]]:
    """Makes a new database with the stubs and the given SQL, in parts that ALONE separates; returns its URI."""

    async def create(sql: str) -> str:
        name = f"example_{next(NUMBERS)}"
        admin = await asyncpg.connect(server.dsn)
        try:
            if not await admin.fetchval("select true from pg_database where datname = 'stubs'"):
                await admin.execute("create database stubs")
                stubs = await asyncpg.connect(server.dsn, database="stubs")
                await stubs.execute(STUBS)
                await stubs.close()
            await admin.execute(f"create database {name} template stubs")
        finally:
            await admin.close()
        example = await asyncpg.connect(server.dsn, database=name)
        try:
            for part in sql.split(ALONE):
                await example.execute(part)
        finally:
            await example.close()
        return server.dsn.rpartition("/")[0] + f"/{name}"

    return create


async def inspect_uri(rule: AnyRule, uri: str) -> DatabaseFindings:
    """What a rule finds in the database at ``uri``."""
    database = await read_database(uri, ("public",))
    failed: list[str] = []
    found = inspect_database(database, Workload(10), [rule], RuleSettings(), failed.append)
    assert failed == []
    return found


@pytest.fixture
def inspected(
    example_database: Callable[[str], Awaitable[str]],
) -> Callable[[AnyRule, str], Awaitable[DatabaseFindings]]:
    """What a rule finds in a new database with the stubs and the given SQL."""

    async def inspect(rule: AnyRule, sql: str) -> DatabaseFindings:
        return await inspect_uri(rule, await example_database(sql))

    return inspect
