"""Indexes that do not exist are asked of HypoPG, or built in a transaction of which nothing is left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.database.session import Caller, DatabaseFaultError, Limits, connected
from proxy.database.trial import CalledStatement, WhatIf, trial, why_no_trial
from proxy.demo.stack import Postgres
from proxy.plans.proposed_index import ProposedIndex
from tests.programs import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

TABLES = """
create role reader nologin;
create role visitor login password 'x' in role reader;
create schema app;
grant usage on schema app to reader;
create table app.item (id int primary key, status text not null, owner int not null, facts jsonb not null);
insert into app.item select n, case when n % 100 = 0 then 'open' else 'done' end, n % 500, jsonb_build_object('n', n)
from generate_series(1, 20000) n;
create table app.other (id int primary key, note text);
grant select on all tables in schema app to reader;
alter table app.item enable row level security;
create policy own on app.item using (owner < 400);
vacuum analyze app.item;
"""
OPEN = CalledStatement("SELECT id FROM app.item WHERE status = 'open' ORDER BY id", Caller("reader", {}, "app"))
HOLDS = CalledStatement("SELECT id FROM app.item WHERE facts @> '{\"n\": 7}'", Caller("", {}, "app"))
"""Not as the reader: ``@>`` is not leakproof, so that beside a policy Postgres does not search an index by it."""
BY_STATUS = ProposedIndex("app", "item", ("status",))
ELSEWHERE = ProposedIndex("app", "other", ("note",))
BY_FACTS = ProposedIndex("app", "item", ("facts jsonb_path_ops",), "gin")
DEBIAN = HOME / "postgresql"
CONTROL = "root/usr/share/postgresql/*/extension/hypopg.control"


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    yield from database()


@pytest.fixture(scope="module")
def hypopg() -> Iterator[str]:
    if not list(DEBIAN.glob(CONTROL)):
        pytest.skip("this machine has no HypoPG: Debian's package is not unpacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FANIN_PG_BIN", str(DEBIAN / "bin"))
        yield from database("create schema extra; create extension hypopg schema extra;")


def database(more: str = "") -> Iterator[str]:
    with Postgres() as postgres:
        for statement in filter(str.strip, (TABLES + more).split(";\n")):
            run(postgres.dsn, statement)
        yield postgres.dsn


def run(dsn: str, statement: str) -> None:
    async def once() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(once())


async def test_an_index_that_does_not_exist_is_planned_with_for_the_caller(hypopg: str) -> None:
    async with connected(hypopg) as connection:
        asked = WhatIf(connection, Limits())
        assert await asked.available()
        before = await asked.base(OPEN)
        (after,) = await asked.what_if([OPEN], [BY_STATUS])
        assert "Seq Scan" in {node.kind for node in before.root.walk()}
        assert "Seq Scan" not in {node.kind for node in after.root.walk()}
        assert after.cost < before.cost / 2
        assert "owner < 400" in " ".join(node.filter for node in after.root.walk())
        assert await connection.fetchval("select count(*) from extra.hypopg_list_indexes") == 0


async def test_a_question_is_asked_once_and_indexes_of_other_tables_do_not_matter(hypopg: str) -> None:
    async with connected(hypopg) as connection:
        asked = WhatIf(connection, Limits())
        first = await asked.what_if([OPEN, OPEN], [BY_STATUS])
        assert asked.calls == 2
        assert await asked.what_if([OPEN], [ELSEWHERE, BY_STATUS]) == first[:1]
        assert await asked.what_if([OPEN], [ELSEWHERE]) == [await asked.base(OPEN)]
        assert asked.calls == 2


async def test_the_number_of_questions_is_bounded(hypopg: str) -> None:
    async with connected(hypopg) as connection:
        asked = WhatIf(connection, Limits(), most_calls=1)
        with pytest.raises(DatabaseFaultError, match="more than 1 plans"):
            await asked.what_if([OPEN], [BY_STATUS])


async def test_what_hypopg_does_not_know_is_named(hypopg: str) -> None:
    async with connected(hypopg) as connection:
        asked = WhatIf(connection, Limits())
        with pytest.raises(DatabaseFaultError, match="no gin indexes"):
            await asked.what_if([HOLDS], [BY_FACTS])
        with pytest.raises(DatabaseFaultError, match="nowhere"):
            await asked.what_if([OPEN], [ProposedIndex("app", "item", ("nowhere",))])
        assert len(await asked.what_if([OPEN], [BY_STATUS])) == 1


async def test_without_hypopg_that_is_said(dsn: str) -> None:
    async with connected(dsn) as connection:
        asked = WhatIf(connection, Limits())
        assert not await asked.available()
        with pytest.raises(DatabaseFaultError, match="HypoPG is not installed"):
            await asked.what_if([OPEN], [BY_STATUS])


async def test_a_trial_measures_before_and_after_and_leaves_nothing(dsn: str) -> None:
    async with connected(dsn) as connection:
        indexes = (
            "select string_agg(indexrelid::regclass::text, ' ') from pg_index where indrelid = 'app.item'::regclass"
        )
        had = await connection.fetchval(indexes)
        result = await trial(connection, [OPEN, HOLDS], [BY_STATUS, BY_FACTS], Limits(), runs=1)
        assert await connection.fetchval(indexes) == had
    for before, after, built in zip(result.before, result.after, result.built, strict=True):
        assert before.execution_ms is not None
        assert after.execution_ms is not None
        assert built.name in {node.index for node in after.root.walk()}
        assert built.name not in {node.index for node in before.root.walk()}
        assert (built.size > 0, built.milliseconds > 0, built.unusable) == (True, True, False)


async def test_a_trial_beside_other_clients_has_to_be_asked_for_twice(dsn: str) -> None:
    async with connected(dsn) as connection:
        assert await why_no_trial(connection, 1) == ""
        other = await asyncpg.connect(dsn)
        try:
            with pytest.raises(DatabaseFaultError, match="1 other clients use this database"):
                await trial(connection, [OPEN], [BY_STATUS], Limits())
            assert len((await trial(connection, [OPEN], [BY_STATUS], Limits(), told=2, runs=1)).built) == 1
        finally:
            await other.close()


async def test_a_statement_of_a_trial_cannot_write(dsn: str) -> None:
    async with connected(dsn) as connection:
        writes = CalledStatement("INSERT INTO app.other VALUES (1)", Caller())
        with pytest.raises(DatabaseFaultError, match="read-only transaction"):
            await trial(connection, [writes], [], Limits())


async def test_an_index_on_another_users_table_is_refused_in_one_line(dsn: str) -> None:
    visitor = "postgresql://visitor:x@" + dsn.partition("@")[2]
    async with connected(visitor) as one:
        with pytest.raises(DatabaseFaultError, match="must be owner of table item") as raised:
            await trial(one, [], [BY_STATUS], Limits())
        assert "\n" not in str(raised.value)
