"""`--probe`: each write of each API role is tried and rolled back; the finding says what was seen, nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.analysis.workload import Workload
from proxy.database.probe import probed
from proxy.database.session import Limits
from proxy.database.snapshot import read_database
from proxy.findings.model import Finding
from proxy.settings.rules import RuleSettings
from rules.fan029_open_write import RULE, inspect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.schema.snapshot import Database

    Create = Callable[[str], Awaitable[str]]

TABLE = """
create table public.t (id bigserial primary key, owner_id uuid, note text not null default 'x');
insert into public.t (owner_id) select gen_random_uuid() from generate_series(1, 50);
grant usage on all sequences in schema public to anon, authenticated;
"""
RLS = "alter table public.t enable row level security;"
ALL = "grant select, insert, update, delete on public.t to anon, authenticated;"
STATE = "select (select string_agg(t::text, ',' order by id) from public.t t), (select last_value from t_id_seq)"
LIMITS = Limits(5000, 500)


async def probe(uri: str) -> Database:
    """The database with what was tried; the rows and the sequence are as before."""
    connection = await asyncpg.connect(uri)
    try:
        before = await connection.fetch(STATE)
        found = await probed(uri, await read_database(uri, ("public",)), LIMITS)
        assert await connection.fetch(STATE) == before
        assert await connection.fetchval("select count(*) from pg_locks where relation = 'public.t'::regclass") == 0
    finally:
        await connection.close()
    return found


def allowed(database: Database) -> set[tuple[str, str]]:
    return {(each.role, each.verb) for each in database.probes if each.allowed}


def findings(database: Database) -> list[Finding]:
    context = RuleSettings().of(RULE)
    return [each for each in inspect(database, Workload(1), context) if isinstance(each, Finding)]


EACH = {(role, verb) for role in ("anon", "authenticated") for verb in ("INSERT", "UPDATE", "DELETE")}
READ = "create policy r on public.t for select using (true);"
CASES = {
    "all without policies": (TABLE + ALL, EACH),
    "nothing granted": (TABLE, set()),
    "no policy": (TABLE + RLS + ALL, set()),
    "own rows": (TABLE + RLS + ALL + "create policy p on public.t using (owner_id = (select auth.uid()));", set()),
    "all rows": (
        TABLE + RLS + ALL + READ + "create policy p on public.t for delete to anon using (1 = 1);",
        {("anon", "DELETE")},
    ),
    "all rows, which it may not read": (
        TABLE + RLS + "grant delete on public.t to anon; create policy p on public.t for delete using (true);",
        {("anon", "DELETE")},
    ),
    "by a function": (
        TABLE + RLS + ALL + "create function public.any_user() returns boolean language sql stable as $$ select"
        " (auth.jwt() ->> 'role') = 'authenticated' $$; create policy p on public.t using (public.any_user());",
        {("authenticated", verb) for verb in ("INSERT", "UPDATE", "DELETE")},
    ),
    "whoever is logged in": (
        TABLE + RLS + ALL + READ + "create policy p on public.t for update using ((select auth.uid()) is not null);",
        {("authenticated", "UPDATE")},
    ),
    "an insert policy without with check": (TABLE + RLS + ALL + "create policy p on public.t for insert;", set()),
    "one column": (
        TABLE + "grant select on public.t to anon; grant update (note) on public.t to anon;",
        {("anon", "UPDATE")},
    ),
    "a restrictive policy": (
        TABLE + RLS + ALL + "create policy p on public.t using (true);"
        "create policy q on public.t as restrictive using (false);",
        set(),
    ),
    "a trigger that refuses, which is switched off": (
        TABLE + ALL + "create function public.no() returns trigger language plpgsql as $$ begin raise 'no'; end $$;"
        "create trigger no before insert or update or delete on public.t for each row execute function public.no();",
        EACH,
    ),
    "rows that others refer to": (
        TABLE + ALL + "create table public.c (id int primary key, t_id bigint references public.t on delete cascade);"
        "insert into public.c select id, id from public.t;",
        EACH,
    ),
}


@pytest.mark.parametrize(("sql", "seen"), CASES.values(), ids=CASES)
async def test_what_a_role_can_write_is_seen_and_nothing_is_left(
    sql: str, seen: set[tuple[str, str]], example_database: Create
) -> None:
    found = await probe(await example_database(sql))
    assert allowed(found) == seen
    assert [each.object for each in found.not_checked if each.check == "FAN029" and each.object == "public.t"] == []
    assert found.notes == ()
    reported = {each.title.split(" can ")[0] for each in findings(found) if "public.t" in each.title}
    assert bool(reported) == bool(seen)


async def test_the_finding_says_what_happened(example_database: Create) -> None:
    policy = "create policy p on public.t for delete using ((auth.jwt() ->> 'role') = 'anon');"
    uri = await example_database(TABLE + RLS + ALL + READ + policy)
    (finding,) = findings(await probe(uri))
    assert finding.title == "anon can delete rows of public.t"
    assert finding.evidence == (
        "anon: DELETE: granted, and a policy limits it; tried and rolled back: 50 rows deleted",
    )
    assert finding.impact == "CRITICAL"


async def test_the_anonymous_role_of_a_postgrest_without_supabase_has_no_subject(example_database: Create) -> None:
    role = "do $$ begin create role web; exception when duplicate_object then null; end $$; grant web to authenticator;"
    policy = "create policy p on public.t for delete using ((auth.jwt() ->> 'sub') is not null);"
    uri = await example_database(role + TABLE + RLS + READ + policy + "grant select, delete on public.t to web;")
    connection = await asyncpg.connect(uri)
    try:
        assert ("web", "DELETE") in allowed(await probe(uri))
        name = uri.rpartition("/")[2]
        await connection.execute(f"alter role authenticator in database {name} set pgrst.db_anon_role = 'web'")
        assert ("web", "DELETE") not in allowed(await probe(uri))
    finally:
        await connection.execute("revoke web from authenticator")  # roles are those of all databases of the server
        await connection.close()


OUTSIDE = {
    "notify": "perform pg_notify('a', 'b');",
    "notify as a statement": "notify a;",
    "dblink": "perform dblink_exec('a', 'b');",
    "http": "perform net.http_post(url := 'a');",
    "in a function that it calls": "perform public.tell();",
}


@pytest.mark.parametrize("body", OUTSIDE.values(), ids=OUTSIDE)
async def test_a_table_with_a_trigger_that_reaches_outside_is_listed_and_not_written(
    body: str, example_database: Create
) -> None:
    sql = (
        TABLE + ALL + "create function public.tell() returns void language plpgsql as $$ begin notify b; end $$;"
        f"create function public.f() returns trigger language plpgsql as $$ begin {body} return new; end $$;"
        "create trigger tells after insert on public.t for each row execute function public.f();"
        "create table public.quiet (id int); grant delete on public.quiet to anon; insert into public.quiet values (1);"
    )
    found = await probe(await example_database(sql))
    assert {each.relation for each in found.probes} == {"public.quiet"}
    (listed,) = [each for each in found.not_checked if each.object == "public.t"]
    assert listed.because.startswith("--probe: trigger tells of public.t")


async def test_an_empty_table_shows_nothing_about_updates_and_that_is_said(example_database: Create) -> None:
    sql = "create table public.t (id bigserial primary key); grant update, delete, insert on public.t to anon;"
    found = await probe(await example_database(sql))
    assert allowed(found) == {("anon", "INSERT")}
    assert len([each for each in found.not_checked if "empty" in each.because]) == 2  # UPDATE and DELETE


async def test_a_sequence_that_moved_is_told(example_database: Create) -> None:
    sql = (
        "create table public.t (id bigserial primary key, n bigint default 0); grant insert (n) on public.t to anon;"
        "grant usage on sequence public.t_id_seq to anon; insert into public.t values (default, 1);"
    )
    uri = await example_database(sql)
    found = await probed(uri, await read_database(uri, ("public",)), LIMITS)
    assert allowed(found) == {("anon", "INSERT")}
    assert found.notes == ("--probe moved these sequences, which no rollback undoes: public.t_id_seq",)


async def test_a_role_that_may_not_become_the_api_roles_is_told_for_each_table(example_database: Create) -> None:
    uri = await example_database(
        TABLE + ALL + "do $$ begin create role prober login; exception when duplicate_object then null; end $$;"
        "grant select on public.t to prober;"
    )
    owner = await asyncpg.connect(uri)
    password = uri.partition("//")[2].partition(":")[2].partition("@")[0]
    await owner.execute(f"alter role prober password '{password}'")
    await owner.close()
    prober = uri.replace("//postgres", "//prober")
    found = await probed(prober, await read_database(prober, ("public",)), LIMITS)
    assert found.probes == ()
    assert any("may not become 'anon'" in each.because for each in found.not_checked)
