"""The rules that join requests with the database: guilty, innocent, and repaired as printed, with plans of Postgres."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg
import pytest

from rules.fan038_json_filter_cast import RULE as JSON
from rules.fan039_json_containment_without_gin import RULE as CONTAINS
from rules.fan040_recomputed_aggregate import RULE as AGGREGATE
from rules.fan043_connection_pressure import RULE as PRESSURE
from tests.e2e.database.conftest import inspect_uri, statements
from tests.e2e.database.test_examples import sql, traffic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.analysis.rule import AnyRule
    from proxy.audit.database import DatabaseFindings

    Create = Callable[[str], Awaitable[str]]

ROWS = "from generate_series(1, 5000) n"
TABLE = f"""
create table public.t (id int primary key, kind int, meta jsonb);
insert into public.t select n, n % 7, jsonb_build_object('a', n, 'b', jsonb_build_object('c', n), '0', n) {ROWS};
"""
MANY = """
create table public.s (id int primary key, month text, n int);
insert into public.s select n, 'm' || n % 12, n % 9 from generate_series(1, 20000) n; analyze public.s;
"""
SUMS = f"{MANY} create view public.v as select month, sum(n) as total from public.s group by month;"
GUILTY = {
    "a path of three": (JSON, TABLE, "20 × GET /t?meta->b->>c=eq.4"),
    "a path of JSON": (JSON, TABLE, "20 × GET /t?meta->b->c=eq.4"),
    "a number as a key": (JSON, TABLE, "20 × GET /t?meta->>0=in.(4,5)"),
    "a range": (JSON, TABLE, "20 × GET /t?meta->>a=gte.4"),
    "a write": (JSON, TABLE, "20 × PATCH /t?meta->>a=eq.4"),
    "an index of another cast": (
        JSON,
        f"{TABLE} create index on public.t (((meta ->> 'a')::int));",
        "20 × GET /t?meta->>a=eq.4",
    ),
    "an index of some rows": (
        JSON,
        f"{TABLE} create index on public.t ((meta ->> 'a')) where kind = 1;",
        "20 × GET /t?meta->>a=eq.4",
    ),
    "beside an index that picks many": (
        JSON,
        f"{TABLE} create index on public.t (kind); analyze public.t;",
        "20 × GET /t?kind=eq.4&meta->>a=eq.4",
    ),
    "the name of the column is taken": (
        JSON,
        f"{TABLE} alter table public.t add column meta_a int; create table public.t_meta_a1_idx ();",
        "20 × GET /t?meta->>a=eq.4",
    ),
    "names that need quotes": (
        JSON,
        'create table public."My t" (id int primary key, "Meta" jsonb); insert into public."My t" select n,'
        f" jsonb_build_object('it''s', n) {ROWS};",
        "20 × GET /My%20t?Meta->>it's=eq.4",
    ),
    "a partitioned table": (
        JSON,
        "create table public.t (id int, meta jsonb) partition by range (id); create table public.t1 partition of"
        f" public.t default; insert into public.t select n, jsonb_build_object('a', n) {ROWS}; analyze public.t;",
        "20 × GET /t?meta->>a=eq.4",
    ),
    "containment in a path": (CONTAINS, TABLE, '20 × GET /t?meta->b=cs.{"c":4}'),
    "containment beside a btree": (
        CONTAINS,
        f"{TABLE} create index on public.t (meta);",
        '20 × GET /t?meta=cs.{"a":4}',
    ),
    "a gin of another path": (
        CONTAINS,
        f"{TABLE} create index on public.t using gin ((meta -> 'a'));",
        '20 × GET /t?meta->b=cs.{"c":4}',
    ),
    "a view of one row": (
        AGGREGATE,
        f"{MANY} create view public.v as select count(*) as n, max(n) as most from public.s;",
        "20 × GET /v",
    ),
    "a view by an expression": (
        AGGREGATE,
        f"{MANY} create view public.v as select upper(month) as month, sum(n) as total from public.s group by 1;",
        "20 × GET /v?month=eq.M1",
    ),
    "a group that is not shown": (
        AGGREGATE,
        f"{MANY} create view public.v as select sum(n) as total from public.s group by month;",
        "20 × GET /v",
    ),
    "a text with a line break": (
        AGGREGATE,
        f"{MANY} create view public.v as select month, E'a\\nb' as t, sum(n) from public.s group by month;",
        "20 × GET /v",
    ),
    "few writes": (AGGREGATE, SUMS, "20 × GET /v", "4 × PATCH /s?id=eq.1"),
    "aggregates of requests": (AGGREGATE, MANY, "20 × GET /s?select=month,n.sum(),every:count()"),
}
INNOCENT = {
    "a few requests": (JSON, TABLE, "9 × GET /t?meta->>a=eq.4"),
    "a column of text": (
        JSON,
        f"{TABLE} alter table public.t alter meta type text;",
        "20 × GET /t?meta->>a=eq.4",
    ),
    "an operator that no btree has": (JSON, TABLE, "20 × GET /t?meta->>a=neq.4"),
    "an index by path with other parentheses": (
        JSON,
        f"{TABLE} create index on public.t ((((meta -> 'b')) ->> 'c'));",
        "20 × GET /t?meta->b->>c=eq.4",
    ),
    "a column with an index": (
        JSON,
        f"{TABLE} alter table public.t add a text generated always as (meta ->> 'a') stored; create index on"
        " public.t (a);",
        "20 × GET /t?meta->>a=eq.4",
    ),
    "an array": (
        CONTAINS,
        f"create table public.t (id int, tags text[]); insert into public.t select n, '{{a}}' {ROWS};",
        "20 × GET /t?tags=cs.{a}",
    ),
    "many writes": (AGGREGATE, SUMS, "20 × GET /v", "5 × PATCH /s?id=eq.1"),
    "an aggregate of a subselect": (
        AGGREGATE,
        f"{MANY} create view public.v as select id, (select max(n) from public.s) as most from public.s where id < 9;",
        "20 × GET /v",
    ),
    "a window": (
        AGGREGATE,
        f"{MANY} create view public.v as select id, sum(n) over (partition by month) as total from public.s;",
        "20 × GET /v",
    ),
    "a materialized view": (
        AGGREGATE,
        f"{MANY} create materialized view public.v as select month, sum(n) from public.s group by month;",
        "20 × GET /v",
    ),
    "ten at once": (PRESSURE, TABLE, "10 of GET /t?id=eq.1"),
}


@pytest.mark.parametrize("case", GUILTY.values(), ids=GUILTY)
async def test_it_is_found_once_and_the_printed_fix_and_its_undo_run(
    case: tuple[AnyRule, str, str], inspected: Callable[..., Awaitable[DatabaseFindings]]
) -> None:
    rule, create, *seen = case
    found = await inspected(rule, create, traffic=seen)
    (finding,) = found.findings
    assert found.not_checked == ()
    assert set(finding.queries)
    fix, _, undo = finding.fix.sql.partition("\n-- undo: ")
    after = await inspected(rule, f"{create}\n{fix}", traffic=seen)
    if "n.sum()" not in seen[0]:  # such requests must name the new view
        assert after.findings == ()
    again = await inspected(rule, f"{create}\n{fix}\n{undo}", traffic=seen)
    assert [each.key for each in again.findings] == [finding.key]


@pytest.mark.parametrize("case", INNOCENT.values(), ids=INNOCENT)
async def test_it_is_not_found(
    case: tuple[AnyRule, str, str], inspected: Callable[..., Awaitable[DatabaseFindings]]
) -> None:
    rule, create, *seen = case
    found = await inspected(rule, create, traffic=seen)
    assert (found.findings, found.not_checked) == ((), ())


CONTAINED = "select id from public.products where meta @> '{\"color\": 4}'"
SUMMARY = "select * from public.summary order by month"
READS: list[tuple[AnyRule, str, str]] = [
    (
        JSON,
        "select id from public.tracking where delivered ->> 'OOTD' = '4'",
        "select id from public.tracking where delivered_ootd = '4'",
    ),
    (CONTAINS, CONTAINED, CONTAINED),
    (AGGREGATE, SUMMARY, SUMMARY),
]


@pytest.mark.parametrize(("rule", "before", "after"), READS, ids=lambda each: getattr(each, "code", ""))
async def test_after_the_printed_fix_the_plan_costs_less_than_half_and_the_rows_are_the_same(
    rule: AnyRule, before: str, after: str, example_database: Create
) -> None:
    uri = await example_database(sql(rule, "Example"))
    connection = await asyncpg.connect(uri)
    try:
        (finding,) = (await inspect_uri(rule, uri, traffic=traffic(rule, "Example"))).findings
        rows, cost = await connection.fetch(before), await cost_of(connection, before)
        for statement in statements(finding.fix.sql):
            await connection.execute(statement)
        await connection.execute("analyze")
        assert await connection.fetch(after) == rows
        assert await cost_of(connection, after) < cost / 2
    finally:
        await connection.close()


async def cost_of(connection: asyncpg.Connection, statement: str) -> float:
    plan = await connection.fetchval(f"explain (format json) {statement}")
    return float(json.loads(plan)[0]["Plan"]["Total Cost"])


REASONS = {
    "of its caller": (
        f"{MANY} create view public.v with (security_invoker) as select month, count(*) from public.s group by 1",
        "20 × GET /v",
        "security_invoker",
    ),
    "by its caller": (
        f"{MANY} create view public.v as select month, count(*) from public.s where month = (auth.jwt() ->> 'm')"
        " group by 1",
        "20 × GET /v",
        "auth.jwt()",
    ),
    "by a setting": (
        f"{MANY} create view public.v as select count(*) as n from public.s where month = current_setting('a.b')",
        "20 × GET /v",
        "current_setting()",
    ),
    "filtered first": (MANY, "20 × GET /s?select=month,n.sum()&id=gt.5", "filter the rows by id"),
    "row by row": (
        f"{MANY} alter table public.s enable row level security",
        "20 × GET /s?select=month,n.sum()",
        "row-level security",
    ),
}


@pytest.mark.parametrize(("create", "seen", "why"), REASONS.values(), ids=REASONS)
async def test_an_aggregate_that_cannot_be_computed_once_for_all_has_a_reason_in_place_of_a_fix(
    create: str, seen: str, why: str, inspected: Callable[..., Awaitable[DatabaseFindings]]
) -> None:
    (finding,) = (await inspected(AGGREGATE, create, traffic=[seen])).findings
    assert finding.fix.sql == ""
    assert why in finding.fix.reason


async def test_more_calls_at_once_than_the_pool_has_connections_are_a_finding_about_the_database(
    inspected: Callable[..., Awaitable[DatabaseFindings]],
) -> None:
    (finding,) = (await inspected(PRESSURE, TABLE, traffic=["21 of GET /t?id=eq.1"])).findings
    assert (finding.impact, finding.object.kind if finding.object else "") == ("HIGH", "database")
    assert "peak 21, pool 10" in finding.current
    assert "(PGRST_DB_POOL) = 25" in finding.fix.reason
