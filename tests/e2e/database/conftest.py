"""A Postgres of each version that is at hand, with a template database of Supabase stubs."""

from __future__ import annotations

import os
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import asyncpg
import pytest
from msgspec import structs
from sqlglot.dialects.postgres import Postgres as Dialect

from proxy.advisor.observed import CallCollector
from proxy.analysis.workload import Workload
from proxy.audit.database import DatabaseFindings, inspect_database
from proxy.commands.audit.indexes import advised_findings
from proxy.database.advise import AdvisorSettings, advise
from proxy.database.session import connected
from proxy.database.snapshot import read_database
from proxy.demo.postgres import Postgres
from proxy.settings.rules import RuleSettings
from tests.programs import HOME
from tests.rules.test_documents import REQUEST
from tests.rules.traces import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from proxy.analysis.rule import AnyRule
    from proxy.findings.model import Finding
    from proxy.schema.snapshot import Database, NotChecked

STUBS = (Path(__file__).parent / "supabase_stubs.sql").read_text(encoding="utf-8")
BINARIES = {"18": "", "15": str(HOME / "postgresql/bin")}


@pytest.fixture(scope="session", params=BINARIES)
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    directory = BINARIES[request.param]
    if directory and not Path(directory, "postgres").exists():
        pytest.skip(f"no Postgres {request.param}")
    named = {"FANIN_PG_BIN": directory} if directory else {}
    settings = {"shared_preload_libraries": ""} if directory else {}
    with ExitStack() as stack:
        with patch.dict(
            os.environ, named
        ):  # for its start alone: other servers of this process are of their own version
            postgres = stack.enter_context(Postgres(settings=settings))
        yield postgres


NUMBERS = count()


def statements(sql: str) -> Iterator[str]:
    """The statements of ``sql`` without the comments between them, each for its own transaction, as in psql."""
    begin = end = None
    for token in Dialect().tokenize(sql):
        begin, end = token.start if begin is None else begin, token.end + 1
        if token.token_type.name == "SEMICOLON":
            if begin != token.start:
                yield sql[begin:end]
            begin = None
    if begin is not None:
        yield sql[begin:end]


@pytest.fixture
def example_database(server: Postgres) -> Callable[[str], Awaitable[str]]:
    """Makes a new database with the stubs and the given SQL, and returns its URI."""

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
            for statement in statements(sql):
                await example.execute(statement)
                # Else rows are counted up to a second later, and those from before an ANALYZE as changed after it.
                await example.execute("select pg_stat_force_next_flush()")
        finally:
            await example.close()
        return server.dsn.rpartition("/")[0] + f"/{name}"

    return create


async def advised_for(uri: str, database: Database, sql: str) -> Sequence[Finding | NotChecked]:
    """What the advisor finds, and could not check, for requests in comments: ``-- 40 × GET /t?id=eq.1 → 1 rows``."""
    collector = CallCollector()
    for line in sql.splitlines():
        if REQUEST.match(line.strip().removeprefix("-- ")):
            for trace in told([line.strip().removeprefix("-- ")]):
                collector.add(trace, b"")
    async with connected(uri) as connection:
        advice = await advise(connection, database, collector.observed(), AdvisorSettings(trial_told=1))
    return advised_findings(advice).advised or ()


async def inspect_uri(
    rule: AnyRule, uri: str, days: float = 30, sql: str = "", traffic: Sequence[str] = ()
) -> DatabaseFindings:
    """What a rule finds in the database at ``uri`` and in ``traffic``, as if its statistics were ``days`` old.

    A rule that needs calls gets those that the comments of ``sql`` tell, and the indexes are built for a trial.
    """
    workload = Workload(100)
    for trace in told(traffic):
        workload.add(trace)
    database = await read_database(uri, ("public",))
    advised = await advised_for(uri, database, sql) if rule.needs_calls else None
    began = database.server.now - days * 86_400
    database = structs.replace(database, server=structs.replace(database.server, stats_reset=began))
    failed: list[str] = []
    found = inspect_database(database, workload, [rule], RuleSettings(), failed.append, advised)
    assert failed == []
    return found


@pytest.fixture
def inspected(example_database: Callable[[str], Awaitable[str]]) -> Callable[..., Awaitable[DatabaseFindings]]:
    """What a rule finds in a new database with the stubs and the given SQL, as if its statistics were ``days`` old.

    ``then`` are further statements.
    """

    async def inspect(
        rule: AnyRule, sql: str, days: float = 30, then: Sequence[str] = (), traffic: Sequence[str] = ()
    ) -> DatabaseFindings:
        return await inspect_uri(rule, await example_database(";\n".join((sql, *then))), days, sql, traffic)

    return inspect
