"""The security rules on real Postgres: kinds of guilty and innocent SQL that the documents of the rules do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from rules import RULES
from tests.e2e.database.conftest import inspect_uri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

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
    "a cast of a column beside an index on it": (
        "FAN032",
        TABLE + "create policy p on public.videos using (owner_id::text = (select auth.uid())::text);"
        " create index on public.videos (owner_id);",
    ),
    "a cast of a column that an index has without the cast that follows": (
        "FAN032",
        "create table public.t (id int primary key, n bigint); alter table public.t enable row level security;"
        " create policy p on public.t using (n::numeric = (select 1.5)); create index on public.t ((n::text));",
    ),
    "a partial index on the cast": (
        "FAN032",
        TABLE + "create policy p on public.videos using (owner_id::text in ('a', 'b'));"
        " create index on public.videos ((owner_id::text)) where public;",
    ),
    "a CASE that always takes the branch with the call": (
        "FAN031",
        TABLE + "create policy p on public.videos using (case when true then owner_id = auth.uid() else false end);",
    ),
    "a CASE that always takes the branch with the column": (
        "FAN032",
        TABLE + "create policy p on public.videos"
        " using (case when 1 = 1 then owner_id = (select auth.uid()) else false end);",
    ),
    "an UPDATE that a CASE leaves open": (
        "FAN030",
        TABLE + "create policy p on public.videos for update"
        " using (case when 1 < 2 then true else owner_id = (select auth.uid()) end);",
    ),
    "a DELETE that COALESCE leaves open": (
        "FAN030",
        TABLE + "create policy p on public.videos for delete"
        " using (coalesce(null::boolean, true, owner_id = (select auth.uid())));",
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
    "an index on the cast": (
        "FAN032",
        TABLE + "create policy p on public.videos using (owner_id::text = (select auth.uid())::text);"
        " create index on public.videos ((owner_id::text), id);",
    ),
    "varchar, which Postgres prints with a cast to text": (
        "FAN032",
        "create table public.t (id int primary key, owner varchar(40)); alter table public.t enable row level security;"
        " create policy p on public.t using (owner = (select auth.jwt() ->> 'sub')); create index on public.t (owner);",
    ),
    "a domain over a domain, which is compared as the type under it": (
        "FAN032",
        "create domain public.short as varchar(40); create domain public.code as public.short;"
        " create table public.t (id int primary key, owner public.code); create index on public.t (owner);"
        " alter table public.t enable row level security;"
        " create policy p on public.t using (owner = (select auth.jwt() ->> 'sub'));",
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


CLAUSES = (
    "owner_id = auth.uid()",
    "case when true then true else owner_id = auth.uid() end",
    "case when 1 = 1 then owner_id = auth.uid() else public end",
    "case when public then true else owner_id = auth.uid() end",
    "case when false then owner_id = auth.uid() end",
    "case 2 when 1 then owner_id = auth.uid() when 2 then public else auth.uid() is null end",
    "coalesce(null::boolean, public, owner_id = auth.uid())",
    "coalesce(true, owner_id = auth.uid())",
    "(1 = 1) or owner_id = auth.uid()",
    "(1 = 2) and owner_id = auth.uid()",
    "(1 <> 2) and owner_id = auth.uid()",
    "not (true and false) or owner_id = auth.uid()",
    "1 in (1, 2) or owner_id = auth.uid()",
    "(null::boolean is null) or owner_id = auth.uid()",
    "(1 + 1 = 2) or owner_id = auth.uid()",
    "owner_id::text = auth.uid()::text",
)


async def test_a_call_is_reported_exactly_where_the_plan_of_a_reader_has_it_for_each_row(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    tables = "".join(
        f"create table public.t{number} (id int, owner_id uuid, public boolean);"
        f"alter table public.t{number} enable row level security; grant select on public.t{number} to authenticated;"
        f"create policy p on public.t{number} using ({clause});"
        for number, clause in enumerate(CLAUSES)
    )
    # Inlined, it would not be found by its name.
    stub = "create or replace function auth.uid() returns uuid language plpgsql stable as $$ begin return null; end $$;"
    uri = await example_database(stub + tables)
    found = (await inspect_uri(BY_CODE["FAN031"], uri)).findings
    connection = await asyncpg.connect(uri)
    try:
        await connection.execute("set role authenticated")
        plans = [
            str(await connection.fetch(f"explain (costs off) select * from public.t{number}"))
            for number in range(len(CLAUSES))
        ]
    finally:
        await connection.close()
    reported = {each.relation for each in found}
    for number, clause in enumerate(CLAUSES):
        assert (f"public.t{number}" in reported) == ("uid()" in plans[number]), (clause, plans[number])


COMPARED = (
    ("uuid", "owner::text = (select auth.uid())::text"),
    ("uuid", "owner = (select auth.uid())"),
    ("bigint", "owner::numeric = (select 1.5)"),
    ("integer", "(owner::bigint)::text = (select 'a'::text)"),
    ("varchar(20)", "owner = (select auth.jwt() ->> 'sub')"),
    ("text", "owner::uuid = (select auth.uid())"),
    ("uuid", "case when true then owner::text = (select 'a'::text) end"),
)
NOT_SERVED = (
    ("uuid", "case when true then true else owner = auth.uid() end"),
    ("uuid", "coalesce(true, owner = auth.uid())"),
    ("uuid", "case when owner is null then owner = (select auth.uid()) else false end"),
    ("uuid", "not (owner = (select auth.uid()))"),
)


def tables_of(clauses: Sequence[tuple[str, str]]) -> str:
    """A table t0, t1, … per type of its column ``owner`` and clause of its policy."""
    return "".join(
        f"create table public.t{number} (owner {type_name}); alter table public.t{number} enable row level security;"
        f"grant select on public.t{number} to authenticated; create policy p on public.t{number} using ({clause});"
        for number, (type_name, clause) in enumerate(clauses)
    )


async def test_a_reader_finds_rows_by_the_printed_index(example_database: Callable[[str], Awaitable[str]]) -> None:
    sql = tables_of(COMPARED)
    findings = (await inspect_uri(BY_CODE["FAN032"], await example_database(sql))).findings
    assert [each.relation for each in findings] == [f"public.t{number}" for number in range(len(COMPARED))]
    uri = await example_database(sql + "".join(f"{each.fix.sql}\n" for each in findings))
    assert (await inspect_uri(BY_CODE["FAN032"], uri)).findings == ()
    connection = await asyncpg.connect(uri)
    try:
        await connection.execute("set enable_seqscan = off; set role authenticated")
        for number, clause in enumerate(COMPARED):
            plan = str(await connection.fetch(f"explain (costs off) select * from public.t{number}"))
            assert "Index Cond" in plan, clause
    finally:
        await connection.close()


async def test_a_comparison_that_no_index_serves_is_not_found(inspected: Inspected) -> None:
    found = await inspected(BY_CODE["FAN032"], tables_of(NOT_SERVED))
    assert (found.findings, found.not_checked) == ((), ())


async def test_definer_functions_whose_body_cannot_be_parsed_are_not_checked_by_name(inspected: Inspected) -> None:
    head = "language sql security definer set search_path = ''"
    sql = f"""
    create function public.standard(a int) returns int {head} return a;
    create function public.odd() returns void {head} as $$ notify odd, 'a' $$;
    create function public.plain() returns int {head} as $$ select 1 $$;
    create function public.own() returns uuid language plpgsql security definer set search_path = ''
      as $$ begin return auth.uid(); end $$;
    """
    found = await inspected(BY_CODE["FAN035"], sql)
    assert {each.relation for each in found.findings} == {f"public.{n}" for n in ("standard", "odd", "plain", "own")}
    assert {each.object: each.because.partition(": ")[2] for each in found.not_checked} == {
        "public.odd()": "its body cannot be parsed",
        "public.standard(a integer)": "its SQL-standard body is not read",
    }
    evidence = {each.relation: each.evidence[-1] for each in found.findings}
    assert evidence["public.own"] == "its body asks who calls: auth.uid"
    assert evidence["public.plain"] == "nothing in its body asks who calls"


async def test_a_cast_that_depends_on_settings_has_a_reason_in_place_of_an_index(inspected: Inspected) -> None:
    sql = "create table public.t (at timestamptz); alter table public.t enable row level security;"
    sql += "create policy p on public.t using (at::text = (select 'a'::text)); create index on public.t (at);"
    (finding,) = (await inspected(BY_CODE["FAN032"], sql)).findings
    assert (finding.fix.sql, finding.index) == ("", None)
    assert "compare at in its own type, timestamp with time zone" in finding.fix.reason


async def test_a_partial_index_does_not_serve_a_policy(inspected: Inspected) -> None:
    sql = TABLE + OWN + "create index videos_owner_id_idx on public.videos (owner_id) where public;"
    (finding,) = (await inspected(BY_CODE["FAN032"], sql)).findings
    assert "videos_owner_id_idx1" in finding.fix.sql
