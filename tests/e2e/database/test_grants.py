"""`fanin audit --require-full-coverage` as a role that lacks one grant: exit code 1, with the check and the grant."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from proxy.commands.main import FINDINGS, OK
from proxy.database.statements import STATEMENTS
from rules import RULES
from tests.commands.test_check import no_variables as no_variables
from tests.e2e.database.test_audit_database import KEPT, PUBLIC, told
from tests.e2e.database.test_audit_database import desk as desk
from tests.e2e.database.test_read_database import READ_BY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from proxy.schema.snapshot import Part
    from tests.e2e.database.test_audit_database import Desk

CALLED = re.compile(r"\b((?:pg|has|obj|col|format)_\w+|aclexplode)\(")
FULL = ("--require-full-coverage", "--fail-on", "never", "--format", "json")
CHECKED = [rule for rule in RULES if rule.inspect_database and not rule.needs_calls and rule.code != "FAN022"]
"""FAN022 is off in PUBLIC."""


def calling() -> dict[str, set[Part]]:
    """The functions that statements call, and the parts whose statements do."""
    found: dict[str, set[Part]] = {}
    for part, statement in STATEMENTS.items():
        for name in CALLED.findall(statement):
            found.setdefault(name, set()).add(part)
    return found


@pytest.fixture
def reader(desk: Desk) -> Iterator[str]:
    """The URI of a role that may read the tables, and so their statistics."""
    desk.sql(KEPT, f"create role reader login bypassrls password '{urlsplit(desk.dsn).password}'")
    try:
        desk.sql("grant select on all tables in schema public to reader")
        yield desk.uri.replace("//postgres", "//reader")
    finally:
        desk.sql("drop owned by reader", "drop role reader")


def lacking(desk: Desk, uri: str, granted: str, name: str, parts: set[Part]) -> None:
    """Audit without a grant that PUBLIC has, and give it back."""
    desk.sql(f"revoke {granted} from public")
    ran = desk.audit("--db-uri", uri, *PUBLIC, *FULL)
    desk.sql(f"grant {granted} to public")
    assert (ran.code, ran.err) == (FINDINGS, ""), granted
    missing = json.loads(ran.out)["not_checked"]
    named = {each["check"] for each in missing if re.search(rf"\b{name}\b", each["remedy"])}
    assert parts <= named, granted
    assert {rule.code for rule in CHECKED if parts.intersection(rule.needs)} <= named, granted


def test_with_all_grants_the_report_covers_everything(desk: Desk, reader: str) -> None:
    ran = desk.audit("--db-uri", reader, *PUBLIC, *FULL)
    assert (ran.code, ran.err, json.loads(ran.out)["not_checked"]) == (OK, "", [])


def test_without_the_grant_on_any_one_catalog_the_exit_code_is_1_and_the_report_names_it_and_the_checks(
    desk: Desk, reader: str
) -> None:
    assert len(READ_BY) > 15
    for catalog, parts in sorted(READ_BY.items()):
        lacking(desk, reader, f"select on pg_catalog.{catalog}", catalog, parts)


def test_without_the_grant_on_a_table_its_statistics_are_not_checked(desk: Desk, reader: str) -> None:
    desk.sql("revoke select on public.songs from reader, anon, public")
    ran = desk.audit("--db-uri", reader, *PUBLIC, *FULL)
    missing = json.loads(ran.out)["not_checked"]
    assert (ran.code, ran.err) == (FINDINGS, "")
    assert [(each["check"], each["object"]) for each in missing] == [("column_stats", "public.songs")]
    assert "SELECT" in missing[0]["remedy"]


def test_without_the_grant_on_any_one_function_the_exit_code_is_1_and_the_report_names_it_and_the_checks(
    desk: Desk, reader: str
) -> None:
    called = calling()
    assert len(called) > 10
    overloads = signatures(desk, called)
    for name, parts in sorted(called.items()):
        lacking(desk, reader, f"execute on function {overloads[name]}", name, parts)


def signatures(desk: Desk, names: Iterable[str]) -> dict[str, str]:
    """All functions of each name, as GRANT takes them."""
    found: dict[str, str] = {}

    async def read() -> None:
        connection = await asyncpg.connect(desk.uri)
        text = "string_agg(oid::regprocedure::text, ', ')"
        for name in names:
            found[name] = await connection.fetchval(f"select {text} from pg_proc where proname = $1", name)
        await connection.close()

    told(read())
    return found
