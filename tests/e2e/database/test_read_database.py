"""A snapshot of a real database: with a role without privileges, with grants revoked, and with bad addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args
from urllib.parse import urlsplit

import asyncpg
import pytest

from proxy.analysis.workload import Workload
from proxy.audit.database import inspect_database
from proxy.database.connection import DatabaseError, reading
from proxy.database.snapshot import NoSchemasError, read_database
from proxy.database.statements import STATEMENTS
from proxy.schema.snapshot import Part
from proxy.settings.rules import RuleSettings
from rules import RULES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.demo.postgres import Postgres

SCHEMA = """
create table public.videos (id bigint primary key, title text);
insert into public.videos select n, 't' from generate_series(1, 100) n;
analyze public.videos;
grant usage on schema public to auditor;
"""
DATABASE_RULES = [rule for rule in RULES if rule.inspect_database and not rule.needs_calls]
READ_BY = {
    catalog: {part for part, statement in STATEMENTS.items() if re.search(rf"\b{catalog}\b(?!')", statement)}
    for catalog in {
        name
        for statement in STATEMENTS.values()
        for name in re.findall(r"\b(?:from|join|,)\s+(pg_(?!get|catalog)\w+)\b(?!\()", statement)
    }
}
"""Catalogs and views that PUBLIC may read, and the parts whose statements read them."""


@pytest.fixture
async def auditor(server: Postgres) -> AsyncIterator[str]:
    """The URI of a role with no privilege, in a database of its own."""
    admin = await asyncpg.connect(server.dsn)
    await admin.execute("create database audited")
    owner = await asyncpg.connect(server.dsn, database="audited")
    password = urlsplit(server.dsn).password
    await owner.execute(f"create role auditor login password '{password}'; {SCHEMA}")
    await owner.close()
    yield server.dsn.replace("//postgres", "//auditor").rpartition("/")[0] + "/audited"
    await admin.execute("drop database audited with (force)")
    await admin.execute("drop role auditor")
    await admin.close()


def test_each_part_has_its_statement() -> None:
    assert set(STATEMENTS) == set(get_args(Part))


async def test_a_role_without_privileges_reads_each_part_and_is_told_what_is_hidden(auditor: str) -> None:
    database = await read_database(auditor, ("public",))
    assert database.read == set(get_args(Part))
    assert [relation.name for relation in database.own()] == ["videos"]
    assert [(each.check, each.object) for each in database.not_checked] == [("column_stats", "public.videos")]


@pytest.mark.parametrize("catalog", sorted(READ_BY))
async def test_a_revoked_grant_leaves_out_the_parts_that_need_it_and_says_so(
    auditor: str, server: Postgres, catalog: str
) -> None:
    owner = await asyncpg.connect(server.dsn, database="audited")
    await owner.execute(f"revoke select on pg_catalog.{catalog} from public")
    await owner.close()
    database = await read_database(auditor, ("public",))
    lost = set(get_args(Part)) - database.read
    assert READ_BY[catalog] <= lost
    missing = {each.check: each.because for each in database.not_checked if not each.object}
    assert lost == missing.keys()
    assert set(missing.values()) == {"the role may not read it"}
    found = inspect_database(database, Workload(1), DATABASE_RULES, RuleSettings(), pytest.fail)
    lacking = {rule.code for rule in DATABASE_RULES if lost.intersection(rule.needs)}
    assert lacking == {each.check for each in found.not_checked if each.because.startswith("part ")}
    assert not lacking.intersection(each.code for each in found.findings)


async def test_the_schemas_come_from_settings_then_from_the_database_then_from_traffic(
    auditor: str, server: Postgres
) -> None:
    with pytest.raises(NoSchemasError, match=r"catalog\.schemas"):
        await read_database(auditor, None)
    owner = await asyncpg.connect(server.dsn, database="audited")
    await owner.execute("create schema seen; create schema api")
    assert (await read_database(auditor, None, ("seen",))).schemas == ("seen",)
    await owner.execute("alter database audited set pgrst.db_schemas = 'api, public'")
    await owner.close()
    assert (await read_database(auditor, None, ("seen",))).schemas == ("api", "public")
    assert (await read_database(auditor, ("public",), ("seen",))).schemas == ("public",)


async def test_a_statement_that_takes_too_long_leaves_the_others_alone(auditor: str) -> None:
    async with reading(auditor, 500, 50) as reader:
        with pytest.raises(Exception, match="it took too long"):
            await reader.rows("select pg_sleep(5)")
        assert len(await reader.rows("select 1 as one")) == 1


async def test_nothing_can_be_written(auditor: str) -> None:
    async with reading(auditor, 500, 5000) as reader:
        with pytest.raises(Exception, match="25006"):
            await reader.rows("create temporary table t (id int)")


@pytest.mark.parametrize(
    "uri", ["postgres://nobody:secret@127.0.0.1:1/db", "http://secret", "postgres://[", "host=secret"]
)
async def test_a_wrong_address_is_one_line_without_any_part_of_it(uri: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        await read_database(uri, ("public",))
    message = str(raised.value)
    assert message.startswith("--db-uri: no connection")
    assert "\n" not in message
    assert "secret" not in message


async def test_why_there_is_no_connection_is_told(auditor: str, server: Postgres) -> None:
    with pytest.raises(DatabaseError, match="no such database"):
        await read_database(auditor.replace("/audited", "/unknown"), ("public",))
    with pytest.raises(DatabaseError, match="refuses the role or its password"):
        await read_database(auditor.replace("//auditor:", "//auditor:not"), ("public",))
    owner = await asyncpg.connect(server.dsn, database="audited")
    await owner.execute("revoke connect on database audited from public")
    await owner.close()
    with pytest.raises(DatabaseError, match="grant it CONNECT"):
        await read_database(auditor, ("public",))


async def test_a_server_that_is_too_old_is_told_as_that(auditor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = asyncpg.types.ServerVersion(12, 3, 0, "final", 0)
    monkeypatch.setattr(asyncpg.Connection, "get_server_version", lambda _: version)
    with pytest.raises(DatabaseError, match="older than PostgreSQL 13"):
        await read_database(auditor, ("public",))
