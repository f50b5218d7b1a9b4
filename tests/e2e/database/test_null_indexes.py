"""Partial indexes on the rows with or without a value, for requests with ``is.null`` and ``not.is.null``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.advisor.advice import findings_of
from proxy.advisor.observed import CallCollector
from proxy.database.advise import AdvisorSettings, advise
from proxy.database.session import connected
from proxy.database.snapshot import read_database
from tests.e2e.database.conftest import statements
from tests.rules.traces import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.advisor.advice import Advice
    from proxy.findings.model import Finding

TABLE = """
create table public.notes (id bigint primary key, "Owner" int not null, at int not null, kind text, "del at" int);
insert into public.notes
  select n, n % 500, n * 7919 % 20011, 'k' || n % 2, case when {deleted} then n end from generate_series(1, 20000) n;
vacuum analyze public.notes;
"""
HALF, TENTH, MOST, FEW = "n / 500 % 2 = 0", "n / 500 % 10 = 0", "n / 500 % 40 > 0", "n % 997 = 0"
"""Which rows are deleted: so many of each owner, all but 1 in 40, and 1 in 997."""
NULL, NOT_NULL = '"del at" IS NULL', '"del at" IS NOT NULL'
OWNED = "40 × GET /notes?Owner=eq.7 → 40 rows, 30 ms"
OWNED_LEFT = "40 × GET /notes?Owner=eq.7&del at=is.null → 20 rows, 30 ms"
BETTER = {
    "fewer rows are read": (HALF, OWNED_LEFT, ('"Owner"',), NULL),
    "the gain is equal, and it is smaller": (TENTH, OWNED_LEFT, ('"Owner"',), NULL),
    "an order": (MOST, "40 × GET /notes?del at=is.null&order=at.desc&limit=20 → 20 rows, 30 ms", ("at DESC",), NULL),
    "not null": (FEW, "40 × GET /notes?kind=eq.k1&del at=not.is.null → 10 rows, 30 ms", ("kind",), NOT_NULL),
    "within and": (FEW, "9 × GET /notes?and=(del at.not.is.null,kind.eq.k1) → 9 rows, 30 ms", ("kind",), NOT_NULL),
}
NO_BETTER = {
    "no row is left out": ("false", (OWNED_LEFT,)),
    "the column has no null": ("true", (OWNED_LEFT,)),
    "others need all rows": (HALF, (OWNED_LEFT, OWNED)),
    "one of two alternatives": (HALF, ("40 × GET /notes?Owner=eq.7&or=(del at.is.null,at.gt.7) → 20 rows, 30 ms",)),
}


async def run(uri: str, sql: str) -> None:
    connection = await asyncpg.connect(uri)
    try:
        for statement in statements(sql):
            await connection.execute(statement)
    finally:
        await connection.close()


async def advised(uri: str, *requests: str, trial_told: int = 1) -> Advice:
    collector = CallCollector()
    for trace in told(requests):
        collector.add(trace, b"")
    database = await read_database(uri, ("public",))
    async with connected(uri) as connection:
        return await advise(connection, database, collector.observed(), AdvisorSettings(trial_told=trial_told))


async def found(uri: str, *requests: str) -> tuple[Finding, ...]:
    """The findings of a trial, in which everything could be checked."""
    advice = await advised(uri, *requests)
    assert [one for one in advice.none if not one.checked] == []
    return tuple(findings_of(advice))


@pytest.mark.parametrize(("deleted", "request_line", "keys", "where"), BETTER.values(), ids=BETTER)
async def test_the_partial_index_that_gains_more_for_its_size_is_printed_runs_and_is_undone(
    deleted: str,
    request_line: str,
    keys: tuple[str, ...],
    where: str,
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    uri = await example_database(TABLE.format(deleted=deleted))
    (finding,) = await found(uri, request_line)
    assert finding.index is not None
    assert finding.object is not None
    assert (finding.index.keys, finding.index.where) == (keys, where)
    assert finding.fix.sql.startswith("CREATE INDEX CONCURRENTLY ")
    assert any(line.startswith("after: ") and finding.object.name in line for line in finding.evidence)
    fix, _, undo = finding.fix.sql.partition("\n-- undo: ")
    await run(uri, fix)
    assert await found(uri, request_line) == ()
    await run(uri, undo)
    assert [each.key for each in await found(uri, request_line)] == [finding.key]


@pytest.mark.parametrize(("deleted", "lines"), NO_BETTER.values(), ids=NO_BETTER)
async def test_where_a_condition_makes_the_index_no_better_it_has_none(
    deleted: str, lines: tuple[str, ...], example_database: Callable[[str], Awaitable[str]]
) -> None:
    uri = await example_database(TABLE.format(deleted=deleted))
    (finding,) = await found(uri, *lines)
    assert finding.index is not None
    assert (finding.index.keys, finding.index.where) == (('"Owner"',), "")
    await run(uri, finding.fix.sql)
    assert await found(uri, *lines) == ()


async def test_without_plans_the_plain_index_is_found_and_the_partial_one_is_not_checked(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    uri = await example_database(TABLE.format(deleted=HALF))
    advice = await advised(uri, OWNED_LEFT, trial_told=0)
    assert [(one.index.keys, one.index.where) for one in advice.indexes] == [(('"Owner"',), "")]
    (unchecked,) = (one for one in advice.none if not one.checked)
    assert (NULL in unchecked.about, unchecked.reason) == (True, "statistics alone cannot tell what it saves")
