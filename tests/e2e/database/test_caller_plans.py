"""Statements are planned as the role that calls, with made-up claims: policies change the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.advisor.advice import ObservedCalls, findings_of
from proxy.advisor.roles import callers_of
from proxy.database.advise import AdvisorSettings, advise
from proxy.database.session import connected
from proxy.database.snapshot import read_database
from proxy.plans.statements import SeenCalls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.advisor.advice import Advice

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

NOTES = """
create table public.notes (id bigint primary key, owner_id uuid not null, text text not null);
insert into public.notes select n, ('00000000-0000-0000-0000-' || lpad((n % 400)::text, 12, '0'))::uuid, repeat('x', 80)
  from generate_series(1, 20000) n;
alter table public.notes enable row level security;
create policy own on public.notes for select to authenticated using (owner_id = (select auth.uid()));
grant select on public.notes to anon, authenticated, service_role;
vacuum analyze public.notes
"""
CALLS = SeenCalls("GET notes?select=id,text")


async def advice_as(uri: str, role: str) -> Advice:
    database = await read_database(uri, ("public",))
    observed = ObservedCalls(CALLS, 100, 2.0, role, callers_of(database).claims(role))
    async with connected(uri) as connection:
        return await advise(connection, database, [observed], AdvisorSettings(trial_told=1))


async def test_what_a_policy_filters_by_is_indexed_for_the_role_that_it_binds_alone(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    uri = await example_database(NOTES)
    bound, free = await advice_as(uri, "authenticated"), await advice_as(uri, "service_role")
    (index,) = bound.indexes
    (finding,) = findings_of(bound)
    assert index.index.keys == ("owner_id",)
    assert any(line.startswith("GET notes?select=id,text, value: ") and ", as authenticated" in line
               for line in finding.evidence)  # fmt: skip
    assert free.indexes == ()


async def test_a_role_that_may_not_be_become_is_named_and_its_calls_are_planned_without_it(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    uri = await example_database(NOTES)
    admin = await asyncpg.connect(uri)
    try:
        await admin.execute("create role reader login password 'x' in role pg_read_all_data, pg_read_all_stats")
        reader = "postgresql://reader:x@" + uri.partition("@")[2]
        database = await read_database(uri, ("public",))
        observed = ObservedCalls(CALLS, 100, 2.0, "authenticated")
        async with connected(reader) as connection:
            advice = await advise(connection, database, [observed], AdvisorSettings())
    finally:
        await admin.execute("drop role reader")
        await admin.close()
    (missing,) = [one for one in advice.none if one.about == "role authenticated"]
    assert (missing.checked, missing.remedy) == (False, "GRANT authenticated TO reader;")
    assert not any("may not become" in one.reason for one in advice.none if one is not missing)
