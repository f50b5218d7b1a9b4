"""The undo of a fix gives back what the fix took: the same grants and the same policies, also of others than the role
that the finding names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from rules import RULES
from tests.e2e.database.conftest import inspect_uri, statements

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BY_CODE = {rule.code: rule for rule in RULES}
STATE = """
select 'grant', c.oid::regclass::text, a.attname::text, x.grantee::regrole::text, x.privilege_type, x.is_grantable::text
from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.attacl is not null,
  aclexplode(coalesce(a.attacl, c.relacl, acldefault('r', c.relowner))) x
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm')
union all select 'execute', p.oid::regprocedure::text, '', x.grantee::regrole::text, x.privilege_type, ''
from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
where p.pronamespace = 'public'::regnamespace
union all select 'policy', schemaname || '.' || tablename, policyname, permissive || cmd, roles::text,
  coalesce(qual, '') || ' | ' || coalesce(with_check, '')
from pg_policies order by 1, 2, 3, 4, 5, 6
"""
GROUP = """
do $$ begin create role writers; exception when duplicate_object then null; end $$; grant writers to authenticated;
"""
TABLE = "create table public.t (id int, password text, owner_id uuid, note text);"
TEXT = "E'a\\nb  c\\\\d''e'"
CASES = {
    "writes of PUBLIC": ("FAN029", f"{TABLE} grant select, delete on public.t to public;"),
    "writes of a group and a role": (
        "FAN029",
        f"{GROUP} {TABLE} grant insert, update on public.t to writers; grant update on public.t to anon;",
    ),
    "writes of a column": ("FAN029", f"{TABLE} grant update (note, id) on public.t to anon with grant option;"),
    "reads of a column": ("FAN044", f"{TABLE} grant select (password) on public.t to public;"),
    "all of a table": (
        "FAN028",
        f"{TABLE} alter table public.t enable row level security; grant all on public.t to anon, public;",
    ),
    "a materialized view": (
        "FAN036",
        f"{GROUP} create materialized view public.m as select 1 as n; grant select on public.m to writers;",
    ),
    "a view of users": (
        "FAN045",
        "create view public.u as select email from auth.users; grant select, trigger on public.u to public, anon;",
    ),
    "a function of PUBLIC": (
        "FAN035",
        "create function public.f() returns int language sql security definer set search_path = '' as 'select 1';",
    ),
    "a function of a role": (
        "FAN035",
        f"{GROUP} create function public.f() returns int language sql security definer set search_path = '' as"
        " 'select 1'; revoke execute on function public.f() from public; grant execute on function public.f() to"
        " writers;",
    ),
    "a text with a line break, always true": (
        "FAN030",
        f"{TABLE} alter table public.t enable row level security; create policy p on public.t using (note = {TEXT}"
        " or 1 = 1);",
    ),
    "a text with a line break, per row": (
        "FAN031",
        f"{TABLE} alter table public.t enable row level security; create policy p on public.t using (note = {TEXT}"
        " and owner_id = auth.uid());",
    ),
    "a text with a line break, twice": (
        "FAN033",
        f"{TABLE} alter table public.t enable row level security; create policy p on public.t for select using (note ="
        f" {TEXT}); create policy q on public.t for select using (owner_id = (select auth.uid()) or note = {TEXT});",
    ),
    "a text with a line break, user metadata": (
        "FAN037",
        f"{TABLE} alter table public.t enable row level security; create policy p on public.t using (note = {TEXT}"
        " and ((select auth.jwt()) -> 'user_metadata' ->> 'role') = 'a');",
    ),
}


@pytest.mark.parametrize(("code", "sql"), CASES.values(), ids=CASES)
async def test_the_fix_takes_what_was_found_and_its_undo_gives_back_exactly_that(
    code: str, sql: str, example_database: Callable[[str], Awaitable[str]]
) -> None:
    uri = await example_database(sql)
    connection = await asyncpg.connect(uri)
    try:
        before = await connection.fetch(STATE)
        (finding,) = (await inspect_uri(BY_CODE[code], uri)).findings
        fix, _, undo = finding.fix.sql.partition("\n-- undo: ")
        assert "\n" not in undo
        for statement in statements(fix):
            await connection.execute(statement)
        assert (await inspect_uri(BY_CODE[code], uri)).findings == ()
        assert await connection.fetch(STATE) != before
        for statement in statements(undo):
            await connection.execute(statement)
        after = await connection.fetch(STATE)
    finally:
        await connection.close()
    kept = [row for row in after if row in before]
    assert kept == before
    added = [row for row in after if row not in before]
    assert code == "FAN044" or added == []  # the columns that stayed readable are granted by name


UNPARSED = "note ~>=~ 'a'"
"""An operator of Postgres that sqlglot cannot parse."""
EACH = f"""
create table public.t (id int primary key, owner_id uuid, password text, note text);
alter table public.t enable row level security;
grant select, insert, update, delete on public.t to anon;
create policy own on public.t using (owner_id = (select auth.uid()));
create policy strange on public.t using ({UNPARSED});
create policy strange_check on public.t for insert with check ({UNPARSED});
"""


@pytest.mark.parametrize("code", ["FAN029", "FAN030", "FAN031", "FAN032", "FAN033", "FAN037", "FAN044"])
async def test_a_policy_that_cannot_be_parsed_is_not_checked_by_name_in_each_rule_that_parses(
    code: str, example_database: Callable[[str], Awaitable[str]]
) -> None:
    sql = EACH + "insert into public.t select n from generate_series(1, 2000) n; analyze public.t;"
    found = await inspect_uri(BY_CODE[code], await example_database(sql))
    unchecked = {each.object for each in found.not_checked}
    checks = () if code in ("FAN032", "FAN044") else ("public.t: policy strange_check",)  # these look at USING alone
    assert unchecked == {"public.t: policy strange", *checks}
    assert {(each.check, "could not be parsed" in each.because) for each in found.not_checked} == {(code, True)}


async def test_of_several_policies_those_that_were_parsed_are_judged(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    sql = EACH + "create policy more on public.t for select using (note = 'x');"
    (finding,) = (await inspect_uri(BY_CODE["FAN033"], await example_database(sql))).findings
    assert finding.title.startswith("2 permissive policies")
    assert "strange" not in finding.fix.sql
