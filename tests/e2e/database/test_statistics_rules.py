"""The rules over statistics on real Postgres: gathered or not, lost, of partitions, and hidden from the role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from rules.fan025_sequentially_read_table import RULE as READ
from rules.fan041_stale_statistics import RULE as STALE
from rules.fan042_dead_rows import RULE as DEAD
from tests.e2e.database.conftest import inspect_uri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.analysis.rule import AnyRule
    from proxy.audit.database import DatabaseFindings

OFF = "with (autovacuum_enabled = false)"
TABLE = f"create table public.t (id bigint, n int) {OFF};"
FILLED = f"{TABLE} insert into public.t select n, n % 100 from generate_series(1, 20000) n;"
ANALYZED = f"{FILLED} analyze public.t;"
PARTED = f"""
create table public.p (id bigint, n int) partition by range (id);
create table public.p1 partition of public.p for values from (0) to (100000) {OFF};
insert into public.p select n, n % 100 from generate_series(1, 20000) n;
"""
VIEW = f"{ANALYZED} create materialized view public.m {OFF} as select * from public.t;"
RESET = "select pg_stat_reset();"


def reads(of: str, times: int = 100) -> str:
    return f"do $$ begin for i in 1..{times} loop perform count(*) from public.{of} where n = i; end loop; end $$;"


@pytest.mark.parametrize(
    ("rule", "sql", "times"),
    [
        (READ, ANALYZED + reads("t"), 1),
        (READ, FILLED + reads("t"), 1),
        (READ, PARTED + reads("p"), 1),
        (READ, f"{VIEW} analyze public.m; {reads('m')}", 1),
        (READ, ANALYZED + reads("t", 99), 0),
        (READ, ANALYZED + reads("t") + RESET, 0),
        (READ, TABLE + reads("t", 200) + FILLED.removeprefix(TABLE), 0),
        (READ, ANALYZED + "do $$ begin for i in 1..200 loop perform from public.t limit 1; end loop; end $$;", 0),
        (STALE, FILLED, 1),
        (STALE, FILLED + RESET, 1),
        (STALE, PARTED, 1),
        (STALE, VIEW, 1),
        (STALE, f"{FILLED} vacuum public.t;", 1),
        (STALE, f"{ANALYZED} delete from public.t where id > 10000;", 1),
        (STALE, TABLE, 0),
        (STALE, TABLE + RESET, 0),
        (STALE, f"{TABLE} analyze public.t;", 0),
        (STALE, f"{FILLED} delete from public.t;", 0),
        (STALE, ANALYZED + RESET, 0),
        (STALE, f"{ANALYZED} update public.t set n = 1 where id < 1000;", 0),
        (STALE, f"{PARTED} analyze public.p1;", 0),
        (STALE, "create view public.v as select n from generate_series(1, 20000) n;", 0),
        (DEAD, f"{FILLED} update public.t set n = 1 where id <= 4000;", 1),
        (DEAD, f"{ANALYZED} delete from public.t where id <= 4000;", 1),
        (DEAD, f"{PARTED} delete from public.p where id <= 4000;", 1),
        (DEAD, f"{FILLED} delete from public.t where id <= 4000; vacuum public.t;", 0),
        (DEAD, f"{FILLED} delete from public.t where id <= 4000;{RESET}", 0),
        (DEAD, f"{FILLED} update public.t set n = 1 where id <= 900;", 0),
        (DEAD, f"{FILLED} begin; delete from public.t; rollback;", 0),
    ],
)
async def test_only_the_guilty_one_is_found(
    rule: AnyRule, sql: str, times: int, inspected: Callable[[AnyRule, str], Awaitable[DatabaseFindings]]
) -> None:
    found = await inspected(rule, sql)
    assert found.not_checked == ()
    assert [finding.code for finding in found.findings] == [rule.code] * times


async def test_a_table_whose_statistics_the_role_may_not_see_is_not_checked_and_never_called_unanalyzed(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    """Where the times of ANALYZE are lost as well, only pg_stats says that there were statistics."""
    uri = await example_database(ANALYZED + "insert into public.t select n from generate_series(1, 100) n;")
    connection = await asyncpg.connect(uri)
    await connection.execute("select pg_stat_reset_single_table_counters('public.t'::regclass)")
    await connection.execute(
        "do $$ begin create role looker login; exception when duplicate_object then null; end $$;"
        f" alter role looker password '{uri.partition('//')[2].partition(':')[2].partition('@')[0]}'"
    )
    await connection.close()
    found = await inspect_uri(STALE, uri.replace("//postgres", "//looker"))
    assert found.findings == ()
    assert {each.object for each in found.not_checked} == {"public.t"}
    assert STALE.code in {each.check for each in found.not_checked}
    assert (await inspect_uri(STALE, uri)).findings == ()
