"""Indexes of partitioned tables: built on each partition for a trial, printed as statements that lock no partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.database.test_null_indexes import advised, found, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TABLE = """
create schema old;
create table public.notes (id bigint, "Owner" int not null, at int not null, gone int, primary key (id, at))
  partition by range (at);
create table old."notes; 1" partition of public.notes for values from (0) to (10000);
create table public.notes_2 partition of public.notes for values from (10000) to (30000);
create table public."notes_Owner_idx" ();
insert into public.notes
  select n, n % 500, n * 7919 % 20011, case when n / 500 % 2 = 0 then n end from generate_series(1, 20000) n;
vacuum analyze public.notes;
"""
OWNED = "40 × GET /notes?Owner=eq.7 → 40 rows, 30 ms"
LEFT = "40 × GET /notes?Owner=eq.7&gone=is.null → 20 rows, 30 ms"
LAST = "40 × GET /notes?order=at.desc&limit=20 → 20 rows, 30 ms"
CASES = {
    "equal": (OWNED, ('"Owner"',), ""),
    "some rows": (LEFT, ('"Owner"',), "gone IS NULL"),
    "an order": (LAST, ("at DESC",), ""),
}


@pytest.mark.parametrize(("request_line", "keys", "where"), CASES.values(), ids=CASES)
async def test_the_index_of_a_partitioned_table_is_printed_runs_and_is_undone(
    request_line: str, keys: tuple[str, ...], where: str, example_database: Callable[[str], Awaitable[str]]
) -> None:
    uri = await example_database(TABLE)
    (finding,) = await found(uri, request_line)
    assert finding.index is not None
    assert (finding.index.table, finding.index.keys, finding.index.where) == ("notes", keys, where)
    fix, _, undo = finding.fix.sql.partition("\n-- undo: ")
    kinds = [line.partition(' "')[0] for line in fix.splitlines()]
    assert kinds == ["CREATE INDEX", *["CREATE INDEX CONCURRENTLY", "ALTER INDEX"] * 2]
    assert 'ON ONLY "public"."notes"' in fix.splitlines()[0]
    assert ("before: " in finding.evidence[1], finding.confidence) == (True, "high")
    await run(uri, fix)
    assert await found(uri, request_line) == ()
    await run(uri, undo)
    assert [each.key for each in await found(uri, request_line)] == [finding.key]


async def test_a_migration_that_failed_half_way_is_undone_too(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    uri = await example_database(TABLE)
    (finding,) = await found(uri, OWNED)
    fix, _, undo = finding.fix.sql.partition("\n-- undo: ")
    first, second, *_ = fix.split(";\n")
    await run(uri, f"{first};\n{second};")
    await run(uri, undo)
    await run(uri, fix)
    assert await found(uri, OWNED) == ()


async def test_a_partition_gets_no_index_that_the_whole_table_gets(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    uri = await example_database(TABLE)
    own = OWNED.replace("notes", "notes_2")
    (finding,) = await found(uri, OWNED, own)
    assert finding.index is not None
    assert finding.index.table == "notes"
    await run(uri, finding.fix.sql)
    assert await found(uri, OWNED, own) == ()


async def test_partitions_of_partitions_are_not_checked(example_database: Callable[[str], Awaitable[str]]) -> None:
    nested = """
create table public.notes_3 partition of public.notes for values from (30000) to (40000) partition by list (at);
create table public.notes_4 partition of public.notes_3 default;
"""
    uri = await example_database(TABLE + nested)
    advice = await advised(uri, OWNED)
    reason = "public.notes has partitions that are partitioned or foreign tables themselves"
    assert (advice.indexes, [(one.reason, one.checked) for one in advice.none]) == ((), [(reason, False)])


async def test_without_a_trial_a_partitioned_table_is_not_checked(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    advice = await advised(await example_database(TABLE), OWNED, trial_told=0)
    reason = "public.notes is partitioned, and only a trial builds the indexes of its partitions"
    assert (advice.indexes, [(one.reason, one.checked) for one in advice.none]) == ((), [(reason, False)])
