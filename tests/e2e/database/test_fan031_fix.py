"""FAN031: which policies are found on real Postgres, and that the printed statement runs and is the repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rules.fan031_policy_evaluated_per_row import RULE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.analysis.rule import AnyRule
    from proxy.audit.database import DatabaseFindings

    Inspected = Callable[[AnyRule, str], Awaitable[DatabaseFindings]]

TABLE = """
create table public.videos (id bigint primary key, owner_id uuid, editor_id uuid, team_id bigint);
create table public.members (team_id bigint, user_id uuid);
create function public.is_member(team bigint) returns boolean language sql stable as $$ select true $$;
create function public.my_teams() returns bigint[] language sql stable as $$ select array[1::bigint] $$;
alter table public.videos enable row level security;
"""
WRAPPABLE = {
    "one wrapped and one bare": "using (owner_id = (select auth.uid()) or editor_id = auth.uid())",
    "with check alone": "for insert with check (owner_id = auth.uid())",
    "both clauses": "using (owner_id = auth.uid()) with check (editor_id = auth.uid() and owner_id is not null)",
    "in a correlated subselect": "using (exists (select 1 from public.members m where m.team_id = videos.team_id"
    " and m.user_id = auth.uid()))",
    "an array": "using (team_id = any (public.my_teams()))",
    "nested": "using (public.is_member(length(auth.uid()::text)))",
    "a claim": "using (owner_id::text = current_setting('request.jwt.claim.sub', true))",
    "a name like it in a text": "using (owner_id = auth.uid() and editor_id::text <> 'auth.uid()')",
}


@pytest.mark.parametrize("clauses", WRAPPABLE.values(), ids=WRAPPABLE)
async def test_the_printed_statement_runs_and_makes_the_rule_silent(clauses: str, inspected: Inspected) -> None:
    sql = f"{TABLE} create policy own on public.videos {clauses};"
    found = await inspected(RULE, sql)
    (finding,) = found.findings
    assert finding.fix.sql
    assert await inspected(RULE, sql + finding.fix.sql) == type(found)()


async def test_a_call_with_a_column_is_found_in_a_subselect_too_and_the_fix_is_a_reason(inspected: Inspected) -> None:
    found = await inspected(
        RULE, f"{TABLE} create policy own on public.videos using ((select public.is_member(team_id)));"
    )
    (finding,) = found.findings
    assert finding.fix.sql == ""
    assert "public.is_member()" in finding.fix.reason


async def test_beside_a_call_with_a_column_the_others_are_still_put_into_a_subselect(inspected: Inspected) -> None:
    sql = f"{TABLE} create policy own on public.videos using (public.is_member(team_id) or owner_id = auth.uid());"
    (finding,) = (await inspected(RULE, sql)).findings
    assert "auth.uid" not in finding.fix.reason
    (left,) = (await inspected(RULE, sql + finding.fix.sql)).findings
    assert left.fix.sql == ""
