"""The security rules on real Postgres: kinds of guilty and innocent SQL that the documents of the rules do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rules import RULES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.analysis.rule import AnyRule
    from proxy.audit.database import DatabaseFindings

    Inspected = Callable[[AnyRule, str], Awaitable[DatabaseFindings]]

BY_CODE = {rule.code: rule for rule in RULES}
TABLE = """
create table public.videos (id bigint primary key, owner_id uuid, public boolean);
alter table public.videos enable row level security;
grant select, insert, update, delete on public.videos to anon, authenticated;
"""
OWN = "create policy own on public.videos using (owner_id = (select auth.uid()));"
GUILTY = {
    "a privilege of PUBLIC": (
        "FAN029",
        "create table public.notes (id int); grant delete on public.notes to public;",
    ),
    "a privilege of a group": (
        "FAN029",
        "create table public.notes (id int); do $$ begin create role writers; exception when duplicate_object then"
        " null; end $$; grant writers to authenticated; grant update on public.notes to writers;",
    ),
    "one column": ("FAN029", "create table public.notes (id int, n int); grant update (n) on public.notes to anon;"),
    "any row becomes the caller's": (
        "FAN030",
        TABLE + "create policy p on public.videos for update using (true) with check (owner_id = (select auth.uid()));",
    ),
    "an OR that is true": (
        "FAN030",
        TABLE + "create policy p on public.videos for delete using (owner_id is null or 1 = 1);",
    ),
    "ALL for everything, reads stay": ("FAN030", TABLE + "create policy p on public.videos using (true);"),
    "an insert of anything": ("FAN030", TABLE + "create policy p on public.videos for insert with check (true);"),
    "ALL beside SELECT": (
        "FAN033",
        TABLE + OWN + "create policy r on public.videos for select using (public);",
    ),
    "insert beside ALL": (
        "FAN033",
        TABLE + OWN + "create policy r on public.videos for insert with check (public);",
    ),
    "a view of callers over a hidden one of its owner": (
        "FAN034",
        TABLE + "create schema hidden; create view hidden.v as select * from public.videos;"
        "create view public.v with (security_invoker) as select * from hidden.v; grant select on public.v to anon;",
    ),
    "a quoted name and arguments": (
        "FAN035",
        """create function public."Do it"(a int, b text[] default null) returns int language sql security definer
        set search_path = '' as $$ select 1 $$;""",
    ),
    "a procedure": (
        "FAN035",
        "create procedure public.p() language sql security definer set search_path = '' as $$ select 1 $$;",
    ),
    "a helper of a policy": (
        "FAN035",
        TABLE + "create function public.mine(o uuid) returns boolean language sql security definer stable"
        " set search_path = '' as $$ select o = auth.uid() $$; create policy p on public.videos using"
        " (public.mine(owner_id));",
    ),
    "a path of keys": (
        "FAN037",
        TABLE + "create policy p on public.videos using (((select auth.jwt()) #>> '{user_metadata,role}') = 'a');",
    ),
    "in with check": (
        "FAN037",
        TABLE + "create policy p on public.videos for insert with check ((auth.jwt() -> 'user_metadata') ? 'a');",
    ),
    "camel case and a suffix": (
        "FAN044",
        'create table public.u (id int, "passwordHash" text); grant select ("passwordHash", id) on'
        " public.u to authenticated;",
    ),
    "a policy that hides no row": (
        "FAN044",
        "create table public.u (id int, access_token text); alter table public.u enable row level security;"
        "grant select on public.u to anon; create policy p on public.u for select using (true);",
    ),
    "a view of a view": (
        "FAN045",
        "create schema hidden; create view hidden.u as select * from auth.users;"
        "create view public.u as select email from hidden.u; grant select on public.u to authenticated;",
    ),
    "one of overloaded functions": (
        "FAN046",
        "create function public.f(a int) returns int language plpgsql set search_path = '' as $$ begin"
        " return 1; end $$;"
        "create function public.f(a text) returns int language plpgsql as $$ begin return 1; end $$;",
    ),
}
INNOCENT = {
    "an insert policy without with check": ("FAN029", TABLE + "create policy p on public.videos for insert;"),
    "a function that only compares with the name, and one that no policy calls": (
        "FAN037",
        TABLE + "create function public.kind(k text) returns boolean language sql immutable set search_path = ''"
        " as $$ select k = 'user_metadata' $$; create policy p on public.videos using (public.kind('a'));"
        "create function public.org() returns text language sql stable set search_path = ''"
        " as $$ select auth.jwt() -> 'user_metadata' ->> 'org' $$;",
    ),
    "an insert policy without with check is no open one": (
        "FAN030",
        TABLE + "create policy p on public.videos for insert;",
    ),
    "a restrictive policy alone": (
        "FAN030",
        TABLE + "create policy p on public.videos as restrictive for all using (true);",
    ),
    "an update policy with USING alone": (
        "FAN030",
        TABLE + "create policy p on public.videos for update using (owner_id = (select auth.uid()));",
    ),
    "true below a restrictive one": (
        "FAN029",
        TABLE + "create policy p on public.videos for all using (true); create policy q on public.videos as restrictive"
        " using (owner_id = (select auth.uid()));",
    ),
    "policies of different roles": (
        "FAN033",
        TABLE + "create policy p on public.videos for select to anon using (public);"
        "create policy q on public.videos for select to authenticated using (owner_id = (select auth.uid()));",
    ),
    "an owner that the policies bind": (
        "FAN034",
        TABLE + OWN + "create view public.v as select * from public.videos; alter table public.videos force row level"
        " security; grant select on public.videos to service_role; do $$ begin create role viewers; exception when"
        " duplicate_object then null; end $$; grant select on public.videos to viewers; alter view public.v owner to"
        " viewers; grant select on public.v to anon;",
    ),
    "a view of callers over auth.users": (
        "FAN045",
        "create view public.u with (security_invoker = true) as select email from auth.users; grant select on public.u"
        " to anon;",
    ),
    "a name that only contains the word": (
        "FAN044",
        "create table public.u (id int, token_count int, password_set boolean, shipping text, spin int); grant select"
        " on public.u to anon;",
    ),
    "an index of all rows that starts with it": (
        "FAN032",
        TABLE + OWN + "create index on public.videos (owner_id, id);",
    ),
}


@pytest.mark.parametrize(("code", "sql"), GUILTY.values(), ids=GUILTY)
async def test_it_is_found_once_and_the_printed_fix_makes_the_rule_silent(
    code: str, sql: str, inspected: Inspected
) -> None:
    (finding,) = (await inspected(BY_CODE[code], sql)).findings
    assert finding.fix.sql
    after = await inspected(BY_CODE[code], f"{sql}\n{finding.fix.sql}")
    assert (after.findings, after.not_checked) == ((), ())


@pytest.mark.parametrize(("code", "sql"), INNOCENT.values(), ids=INNOCENT)
async def test_it_is_not_found(code: str, sql: str, inspected: Inspected) -> None:
    found = await inspected(BY_CODE[code], sql)
    assert (found.findings, found.not_checked) == ((), ())


async def test_a_policy_that_calls_a_function_which_reads_user_metadata_is_found_until_the_function_is_repaired(
    inspected: Inspected,
) -> None:
    function = (
        "create or replace function public.org() returns text language sql stable set search_path = ''"
        " as $$ select auth.jwt() -> 'user_metadata' ->> 'org' $$;"
    )
    sql = TABLE + function + "create policy p on public.videos using ((select public.org()) = 'a');"
    (finding,) = (await inspected(BY_CODE["FAN037"], sql)).findings
    assert (finding.fix.sql, "public.org" in finding.fix.reason) == ("", True)
    after = await inspected(BY_CODE["FAN037"], sql + function.replace("user_metadata", "app_metadata"))
    assert (after.findings, after.not_checked) == ((), ())


async def test_policies_for_different_roles_have_a_reason_in_place_of_a_fix(inspected: Inspected) -> None:
    sql = TABLE + "create policy p on public.videos for select using (public); create policy q on public.videos"
    sql += " for select to authenticated using (owner_id = (select auth.uid()));"
    (finding,) = (await inspected(BY_CODE["FAN033"], sql)).findings
    assert finding.fix.sql == ""
    assert "p is for public" in finding.fix.reason


async def test_a_partial_index_does_not_serve_a_policy(inspected: Inspected) -> None:
    sql = TABLE + OWN + "create index videos_owner_id_idx on public.videos (owner_id) where public;"
    (finding,) = (await inspected(BY_CODE["FAN032"], sql)).findings
    assert "videos_owner_id_idx1" in finding.fix.sql
