"""FAN032 says what Postgres' planner says: of policies with OR, subselects, other columns and functions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest

from proxy.commands.main import OK
from tests.commands.test_check import no_variables as no_variables
from tests.e2e.database.test_audit_database import PUBLIC, told
from tests.e2e.database.test_audit_database import desk as desk

if TYPE_CHECKING:
    from proxy.demo.postgres import Postgres
    from tests.e2e.database.test_audit_database import Desk

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

OWN = "owner_id = (select auth.uid())"
MINE = "select team_id from public.members where user_id = (select auth.uid())"
HELPERS = """
create table public.members (team_id int, user_id uuid, primary key (user_id, team_id));
create function public.moving() returns uuid language sql as 'select auth.uid()';
create function public.teams() returns setof int language sql stable as 'select 1';
grant select on public.members to authenticated;
"""
TABLE = """
create table public.{name} (id bigint primary key, owner_id uuid, editor_id uuid, team_id int, open boolean,
  few boolean);
insert into public.{name} select n, gen_random_uuid(), gen_random_uuid(), n % 500, n % 2 = 0, n % 1000 = 0
from generate_series(1, 2000) n;
alter table public.{name} enable row level security;
grant select on public.{name} to authenticated;
"""


class Case(NamedTuple):
    """The columns of findings by the text of the policies alone, and by plans."""

    policies: tuple[str, ...]
    static: tuple[str, ...] | None
    """None: not checked."""
    planned: tuple[str, ...]


CASES = {
    "alone": Case((OWN,), ("owner_id",), ("owner_id",)),
    "with_and": Case((f"{OWN} and not few",), ("owner_id",), ("owner_id",)),
    "own_or_open": Case((f"{OWN} or open",), None, ()),
    "own_or_few": Case((f"{OWN} or few",), None, ("owner_id",)),
    "own_or_admin": Case((f"{OWN} or (select auth.jwt() ->> 'role') = 'admin'",), (), ()),
    "own_or_editor": Case(
        (f"{OWN} or editor_id = (select auth.uid())",), ("owner_id", "editor_id"), ("owner_id", "editor_id")
    ),
    "own_or_null": Case((f"{OWN} or owner_id is null",), None, ("owner_id",)),
    "two_policies": Case((OWN, "open"), None, ()),
    "all_and_own": Case((OWN, "true"), (), ()),
    "in_select": Case((f"team_id in ({MINE})",), (), ()),
    "in_function": Case(("team_id in (select public.teams())",), (), ()),
    "any_array": Case((f"team_id = any (array({MINE}))",), ("team_id",), ("team_id",)),
    "own_or_in": Case((f"{OWN} or team_id in ({MINE})",), (), ()),
    "same_row": Case(("owner_id = editor_id",), (), ()),
    "volatile": Case(("owner_id = public.moving()",), (), ()),
    "once": Case(("owner_id = (select public.moving())",), ("owner_id",), ("owner_id",)),
    "stable": Case(("owner_id = auth.uid()",), ("owner_id",), ("owner_id",)),
}


@pytest.fixture
def tables(desk: Desk) -> Desk:
    statements = [HELPERS]
    for name, case in CASES.items():
        statements.append(TABLE.format(name=name))
        for number, using in enumerate(case.policies):
            statements.append(f"create policy p{number} on public.{name} for select using ({using})")
    desk.sql(*statements, "analyze")
    return desk


def judged(report: dict[str, Any]) -> dict[str, tuple[str, ...] | None]:
    """The columns that are found per table; None where it is not checked."""
    found: dict[str, tuple[str, ...] | None] = dict.fromkeys(CASES, ())
    for each in findings(report):
        found[each["object"]["table"]] = (*(found[each["object"]["table"]] or ()), each["object"]["name"])
    for each in report["not_checked"]:
        if each["check"] == "FAN032":
            assert found[each["object"].partition(".")[2]] == ()
            found[each["object"].partition(".")[2]] = None
    return {
        name: columns and tuple(sorted(columns, key=["owner_id", "editor_id", "team_id"].index))
        for name, columns in found.items()
    }


def reported(desk: Desk, *words: str) -> dict[str, Any]:
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--fail-on", "never", "--format", "json", *words)
    assert (ran.code, ran.err) == (OK, "")
    report: dict[str, Any] = json.loads(ran.out)
    return report


def findings(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["finding"] for each in report["findings"] if each["finding"]["code"] == "FAN032"]


def test_what_the_text_of_policies_leaves_in_doubt_is_decided_by_plans_and_else_not_checked(
    tables: Desk, server: Postgres
) -> None:
    by_text = reported(tables)
    assert judged(by_text) == {name: case.static for name, case in CASES.items()}
    remedies = {each["remedy"] for each in by_text["not_checked"] if each["check"] == "FAN032"}
    assert remedies == {"CREATE EXTENSION hypopg, or use --trial on a copy."}
    assert "a plan with HypoPG, or --trial on a copy, proves it" in "\n".join(findings(by_text)[0]["evidence"])

    planned = {name: case.planned for name, case in CASES.items()}
    tried = reported(tables, "--trial", "--trial")
    assert judged(tried) == planned
    for each in findings(tried):
        before, _, after = "\n".join(each["evidence"]).partition("after: ")
        assert "before: " in before
        assert "Index Scan" in after, each["title"]

    if has_hypopg(server):
        tables.sql("create extension hypopg")
        assert judged(reported(tables)) == planned


def has_hypopg(server: Postgres) -> bool:
    """Whether it can be created: Debian's Postgres has it where its package is unpacked."""
    found: list[int] = []

    async def read() -> None:
        connection = await asyncpg.connect(server.dsn)
        text = "select count(*) from pg_available_extensions where name = 'hypopg'"
        found.append(await connection.fetchval(text))
        await connection.close()

    told(read())
    return found != [0]


def test_a_policy_of_writes_alone_is_told_as_what_it_costs_writes(desk: Desk) -> None:
    desk.sql(
        TABLE.format(name="notes"),
        "create policy everybody on public.notes for select using (true)",
        f"create policy own on public.notes for update using ({OWN})",
        "analyze public.notes",
    )
    (found,) = findings(reported(desk))
    assert (found["impact"], found["problem"].startswith("Each UPDATE of rows that no other")) == ("LOW", True)


def test_where_no_plan_can_decide_the_remedy_names_none_that_would(desk: Desk) -> None:
    desk.sql(
        TABLE.format(name="notes"),
        "create policy everybody on public.notes for select using (true)",
        f"create policy own on public.notes for delete using ({OWN} or open)",
        "analyze public.notes",
    )
    missing = [each for each in reported(desk, "--trial", "--trial")["not_checked"] if each["check"] == "FAN032"]
    assert [each["remedy"] for each in missing] == ["Ask EXPLAIN with an index on a copy."]


def test_where_an_index_serves_one_condition_of_and_nothing_is_missing(desk: Desk) -> None:
    desk.sql(
        TABLE.format(name="notes"),
        "create index on public.notes (team_id)",
        f"create policy own on public.notes using ({OWN} and team_id = 7)",
        "analyze public.notes",
    )
    assert findings(reported(desk)) == []
