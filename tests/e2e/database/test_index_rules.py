"""Look-alikes of the rules about indexes, and their fixes run as printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rules.fan021_unindexed_foreign_key import RULE as UNINDEXED
from rules.fan022_unused_index import RULE as UNUSED
from rules.fan023_duplicate_index import RULE as DUPLICATE
from rules.fan024_no_primary_key import RULE as NO_KEY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.analysis.rule import AnyRule
    from proxy.audit.database import DatabaseFindings

    Inspected = Callable[..., Awaitable[DatabaseFindings]]

PARENT = "create table public.a (id text primary key);"
CHILD = f"{PARENT} create table public.b (id int primary key, a_id text references public.a, x int);"
PLAIN = "create table public.t (a text, b text, c int, primary key (c, a)); "
PARTED = (
    "create table public.p (a text, b text) partition by list (a);create table public.p1 partition of public.p default;"
)


@pytest.mark.parametrize(
    ("rule", "sql", "times"),
    [
        (UNINDEXED, f"{CHILD} create index on public.b (x, a_id)", 1),
        (UNINDEXED, f"{CHILD} create index on public.b (a_id) where x > 1", 1),
        (UNINDEXED, f"{CHILD} create index on public.b (lower(a_id))", 1),
        (UNINDEXED, f'{CHILD} create index on public.b (a_id collate "C")', 1),
        (UNINDEXED, f"{CHILD} create index on public.b using brin (a_id)", 1),
        (UNINDEXED, f"{CHILD} create index on public.b (x) include (a_id)", 1),
        (UNINDEXED, f"{CHILD} create index on public.b (a_id) where a_id is not null", 0),
        (UNINDEXED, f"{CHILD} create index on public.b using hash (a_id)", 0),
        (UNINDEXED, f"{CHILD} create index on public.b (a_id text_pattern_ops, x)", 0),
        (UNINDEXED, f"{PARENT} create table public.b (a_id text primary key references public.a)", 0),
        (DUPLICATE, f"{PLAIN} create index on public.t (a); create index on public.t (a)", 1),
        (DUPLICATE, f"{PLAIN} create index on public.t (a); create index on public.t (a, b)", 1),
        (DUPLICATE, f"{PLAIN} create index on public.t (c)", 1),
        (DUPLICATE, f"{PLAIN} create index on public.t (a) include (b); create index on public.t (a)", 1),
        (DUPLICATE, f"{PLAIN} create index on public.t (a); create index on public.t (a text_pattern_ops)", 0),
        (DUPLICATE, f'{PLAIN} create index on public.t (a); create index on public.t (a collate "C")', 0),
        (DUPLICATE, f"{PLAIN} create index on public.t (a, b); create index on public.t (a, b desc)", 0),
        (DUPLICATE, f"{PLAIN} create index on public.t (a nulls first); create index on public.t (a, b)", 0),
        (DUPLICATE, f"{PLAIN} create index on public.t (a) where c > 1; create index on public.t (a, b)", 0),
        (DUPLICATE, f"{PLAIN} create index on public.t (a) include (b); create index on public.t (a, c)", 0),
        (DUPLICATE, f"{PLAIN} create index on public.t using hash (a); create index on public.t (a)", 0),
        (DUPLICATE, f"{PLAIN} create unique index on public.t (a); create index on public.t (a, b)", 0),
        (DUPLICATE, f"{PLAIN} create index on public.t using brin (a); create index on public.t using brin (a, b)", 0),
        (DUPLICATE, f"{PARTED} create index on public.p (a); create index on public.p (a, b)", 1),
        (UNUSED, f"{PLAIN} create index on public.t (b)", 1),
        (UNUSED, f"{PLAIN} create index on public.t (b); set enable_seqscan = off; select from t where b = 'x'", 0),
        (UNUSED, f"{PARTED} create index on public.p (b)", 0),
        (UNUSED, f"{PLAIN} alter table public.t add exclude (b with =)", 0),
        (NO_KEY, "create table public.t (a int not null unique)", 1),
        (NO_KEY, "create table public.t (id int, row_id int)", 1),
        (NO_KEY, PARTED, 1),
        (NO_KEY, "create materialized view public.m as select 1 as a", 0),
    ],
)
async def test_only_the_guilty_one_is_found_and_its_fix_runs_as_printed(
    rule: AnyRule, sql: str, times: int, inspected: Inspected
) -> None:
    found = await inspected(rule, sql)
    assert found.not_checked == ()
    assert [finding.code for finding in found.findings] == [rule.code] * times
    if times and found.findings[0].fix.sql:
        fix, _, undo = found.findings[0].fix.sql.partition("\n-- undo: ")
        assert (await inspected(rule, sql, then=(fix,))).findings == ()
        assert len((await inspected(rule, sql, then=(fix, undo))).findings) == 1


async def test_indexes_are_not_judged_by_young_statistics(inspected: Inspected) -> None:
    found = await inspected(UNUSED, f"{PLAIN} create index on public.t (b)", days=6)
    assert found.findings == ()
    assert [each.check for each in found.not_checked] == ["FAN022"]
