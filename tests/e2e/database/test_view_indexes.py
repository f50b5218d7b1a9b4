"""Indexes for requests to views: on the table whose rows a view shows, proved by plans of the request to the view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.database.test_null_indexes import advised, found, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TABLE = """
create schema private;
create table private.notes (id bigint primary key, owner int not null, at int not null, gone int, word text);
insert into private.notes select n, n % 500, n * 7919 % 20011, case when n / 500 % 2 = 0 then n end, 'w' || n % 5000
  from generate_series(1, 20000) n;
vacuum analyze private.notes;
create table public.parted (id bigint, owner int not null, at int not null) partition by range (at);
create table public.parted_1 partition of public.parted for values from (0) to (10000);
create table public.parted_2 partition of public.parted for values from (10000) to (30000);
insert into public.parted select n, n % 500, n * 7919 % 20011 from generate_series(1, 20000) n;
vacuum analyze public.parted;
create view public.notes as select id, owner as "Of", at as owner, gone, lower(word) as word from private.notes;
create view public.open with (security_invoker = true) as select id, owner, at from private.notes where gone is null;
create view public.of_parted as select id, owner as "Of" from public.parted;
"""
CASES = {
    "a column of another name": ("notes?Of=eq.7 → 40 rows, 30 ms", "notes", ("owner",), ""),
    "a condition on null": ("notes?Of=eq.7&gone=is.null → 20 rows, 30 ms", "notes", ("owner",), "gone IS NULL"),
    "an order": ("notes?order=owner.desc&limit=20 → 20 rows, 30 ms", "notes", ("at DESC",), ""),
    "an expression beside": ("notes?Of=eq.7&word=eq.w7 → 1 rows, 30 ms", "notes", ("owner",), ""),
    "a condition on null in the view": ("open?owner=eq.7 → 20 rows, 30 ms", "notes", ("owner",), "gone IS NULL"),
    "a partitioned table": ("of_parted?Of=eq.7 → 40 rows, 30 ms", "parted", ("owner",), ""),
}


@pytest.mark.parametrize(("target", "table", "keys", "where"), CASES.values(), ids=CASES)
async def test_the_index_of_a_views_table_is_printed_runs_and_is_undone(
    target: str, table: str, keys: tuple[str, ...], where: str, example_database: Callable[[str], Awaitable[str]]
) -> None:
    uri, request_line = await example_database(TABLE), f"40 × GET /{target}"
    (finding,) = await found(uri, request_line)
    assert finding.index is not None
    assert (finding.index.table, finding.index.keys, finding.index.where) == (table, keys, where)
    fix, _, undo = finding.fix.sql.partition("\n-- undo: ")
    await run(uri, fix)
    assert await found(uri, request_line) == ()
    await run(uri, undo)
    assert [each.key for each in await found(uri, request_line)] == [finding.key]


VIEWS = {
    "groups": "select owner, count(*) as notes from private.notes group by owner",
    "distinct": "select distinct owner, at from private.notes",
    "a limit": "select owner, at from private.notes order by at limit 5000",
    "a window": "select owner, row_number() over (order by at) as place from private.notes",
    "a join": "select n.owner, p.at from private.notes n join public.parted p on p.id = n.id",
    "the table twice": "select n.owner, p.at from private.notes n join private.notes p on p.id = n.id",
    "a query beside": "select owner, (select 1 from private.notes limit 1) as one from private.notes",
    "a union": "select owner from private.notes union all select owner from private.notes",
    "a view": "select owner from public.open",
    "a query in a query": "select owner from (select owner, at from private.notes offset 0) n",
}


@pytest.mark.parametrize("query", VIEWS.values(), ids=VIEWS)
async def test_a_view_of_more_than_rows_and_columns_of_one_table_is_not_checked(
    query: str, example_database: Callable[[str], Awaitable[str]]
) -> None:
    uri = await example_database(f"{TABLE} create view public.v as {query};")
    advice = await advised(uri, "40 × GET /v?owner=eq.7 → 40 rows, 30 ms")
    reason = "public.v is a view of more than rows and columns of one table"
    assert (advice.indexes, [(one.reason, one.checked) for one in advice.none]) == ((), [(reason, False)])


@pytest.mark.parametrize(
    ("target", "named"), [("word=eq.w7 → 4 rows", "word=eq"), ("order=word&limit=20 → 20 rows", "order=word")]
)
async def test_an_expression_is_no_column_though_it_has_the_name_of_one(
    target: str, named: str, example_database: Callable[[str], Awaitable[str]]
) -> None:
    advice = await advised(await example_database(TABLE), f"40 × GET /notes?{target}, 30 ms")
    reason = f"no index is proposed for {named}"
    assert (advice.indexes, [(one.reason, one.checked) for one in advice.none]) == ((), [(reason, False)])


async def test_without_a_trial_the_statistics_of_the_table_are_those_of_the_view(
    example_database: Callable[[str], Awaitable[str]],
) -> None:
    advice = await advised(await example_database(TABLE), "40 × GET /notes?Of=eq.7 → 40 rows, 30 ms", trial_told=0)
    assert [(one.proof, one.index.table, one.index.keys) for one in advice.indexes] == [("none", "notes", ("owner",))]
