"""Lists that upstream's head limit refuses: passed on as they are, or cut and chunked. Postgres counts the calls."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.chunk_code import chunk_fix, list_calls
from proxy.observe.events import TraceClosed
from proxy.observe.tree import TracePrinter
from tests.e2e.support.bursts import get, statement_counter
from tests.e2e.support.harness import RawAnswer, ask, fanin
from tests.e2e.support.long_lists import (
    NUMBERS,
    ROWS,
    UUIDS,
    assert_chunked,
    assert_equal,
    assert_refused,
    assert_rows_of,
    execute_sql,
    in_list,
    without_location,
)
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


# Cut and chunked.


async def test_20_000_uuids_are_answered_with_the_rows_that_another_filter_finds(unusual: Stack) -> None:
    direct = await ask(unusual.url, get(f"/big?n=lte.{ROWS}"))
    through = await assert_chunked(unusual, get(f"/big?id={in_list(UUIDS)}"), calls=15 + 1)
    assert_rows_of(direct, through, ordered=False)


@pytest.mark.parametrize("order", ["id", "id.asc", "id.desc", "id.desc.nullslast"])
async def test_uuids_in_order_are_answered_in_that_order(unusual: Stack, order: str) -> None:
    direct = await ask(unusual.url, get(f"/big?n=lte.{ROWS}&select=id,note,j&order={order}"))
    through = await assert_chunked(
        unusual, get(f"/big?select=id,note,j&id={in_list(UUIDS)}&order={order}"), calls=15 + 2
    )
    assert_rows_of(direct, through, ordered=True)


@pytest.mark.parametrize("column", ["n", "dec"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_numbers_in_order_are_answered_in_that_order(unusual: Stack, column: str, order: str) -> None:
    numbers = [n for n in NUMBERS if n != 10_001]
    random.Random(1).shuffle(numbers)
    direct = await ask(unusual.url, get(f"/big?and=(n.gte.10000,n.lt.21000,n.neq.10001)&order={column}.{order}"))
    through = await assert_chunked(
        unusual, get(f"/big?{column}={in_list(numbers)}&order={column}.{order}"), calls=2 + 2
    )
    assert_rows_of(direct, through, ordered=True)


async def test_a_key_that_is_listed_again_in_another_part_matches_once(unusual: Stack) -> None:
    again = UUIDS[:3000]
    random.Random(2).shuffle(again)
    direct = await ask(unusual.url, get("/big?n=lte.3000&order=id"))
    for order in ("", "&order=id"):
        through = await assert_chunked(unusual, get(f"/big?id={in_list(UUIDS[:3000] + again + UUIDS[:9])}{order}"))
        assert_rows_of(direct, through, ordered=bool(order))


async def test_several_rows_a_key_all_come(unusual: Stack) -> None:
    direct = await ask(unusual.url, get("/big?n=gte.3000&n=lt.21000"))
    keys = range(1000, 12_000)
    assert_rows_of(direct, await assert_chunked(unusual, get(f"/big?grp={in_list(keys)}&n=lt.21000")), ordered=False)


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ("&select=n,id", ()),
        ("&select=id,note&note=like.note*&or=(n.lt.500,n.gt.900)", ()),
        ("", ("Accept: application/vnd.pgrst.array+json;nulls=stripped",)),
        ("", ("Prefer: handling=lenient", "Origin: http://app.example", "Accept-Encoding: gzip")),
        ("&select=id,n,grp::text&j=not.is.null", ()),
    ],
)
async def test_whatever_else_is_asked_is_asked_of_every_part(unusual: Stack, more: str, lines: tuple[str, ...]) -> None:
    direct = await ask(unusual.url, get(f"/big?n=lte.4000{more}&order=id", *lines))
    through = await assert_chunked(unusual, get(f"/big?id={in_list(UUIDS[:4000])}{more}&order=id", *lines))
    whole = without_location(direct)
    assert_equal(RawAnswer(whole.head, whole.body), RawAnswer(through.head, through.body))


async def test_a_list_as_supabase_js_writes_it_is_answered(unusual: Stack) -> None:
    written = in_list(UUIDS).replace("(", "%28").replace(")", "%29").replace(",", "%2C")
    direct = await ask(unusual.url, get(f"/big?n=lte.{ROWS}&select=id&order=id"))
    assert_rows_of(
        direct, await assert_chunked(unusual, get(f"/big?select=id&id={written}&order=id.asc")), ordered=True
    )


async def test_no_row_at_all_is_an_empty_answer(unusual: Stack) -> None:
    direct = without_location(await ask(unusual.url, get("/big?n=lt.0&order=n")))
    for order in ("", "&order=n"):
        request = get(f"/big?n={in_list(range(100_000, 120_000))}{order}")
        through = await assert_chunked(unusual, request, calls=3)
        assert_equal(direct, RawAnswer(through.head, through.body))


async def test_each_list_is_proven_anew_since_postgrest_may_have_been_reloaded(unusual: Stack) -> None:
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, rules__fan005="rewrite") as sidecar:
        for statements in (16, 16):
            await counter.reset()
            assert (await ask(sidecar.port, get(f"/big?id={in_list(UUIDS)}"))).status == 200
            assert await counter.statements() == statements


# max-rows.


@pytest.mark.parametrize("max_rows", [1000, 5000, ROWS - 1])
async def test_rows_that_max_rows_would_cut_are_never_all_given_out(unusual: Stack, max_rows: int) -> None:
    request = get(f"/big?id={in_list(UUIDS)}&select=id")
    with postgrest_with(unusual, db_max_rows=str(max_rows)) as cut:
        calls = await assert_refused(cut, request, "incomplete")
        assert len(calls) <= 16
        assert await assert_refused(cut, request, "incomplete", merge__max_rows=max_rows)


async def test_rows_that_max_rows_lets_through_are_given_out(unusual: Stack) -> None:
    request = get(f"/big?id={in_list(UUIDS)}&select=id&order=id")
    with postgrest_with(unusual, db_max_rows=str(ROWS)) as exact:
        direct = await ask(exact.url, get(f"/big?n=lte.{ROWS}&select=id&order=id"))
        assert_rows_of(direct, await assert_chunked(exact, request, calls=17), ordered=True)
        assert_rows_of(direct, await assert_chunked(exact, request, calls=16, merge__max_rows=ROWS), ordered=True)


# What is told.


async def test_the_finding_is_printed_where_the_list_is_passed_on(unusual: Stack) -> None:
    printed = io.StringIO()
    async with fanin(unusual.url) as sidecar:
        sidecar._events.subscribe(TracePrinter(printed))
        assert (await ask(sidecar.port, get(f"/big?id={in_list(UUIDS)}"))).status == 400
    text = printed.getvalue()
    assert "[HIGH: FAN005] 20000 values of id in one URL of big" in text
    assert "passed: oversized" in text
    assert "where id = ANY($1)" in text
    assert UUIDS[0] not in text


async def test_nothing_is_found_at_level_off(unusual: Stack) -> None:
    closed: list[TraceClosed] = []
    async with fanin(unusual.url, rules__fan005="off") as sidecar:
        sidecar._events.subscribe(lambda event: closed.append(event) if isinstance(event, TraceClosed) else None)
        await ask(sidecar.port, get(f"/big?id={in_list(UUIDS)}"))
    assert [event.findings for event in closed] == [()]


async def test_a_trace_counts_the_calls_that_an_answer_took(unusual: Stack) -> None:
    closed: list[TraceClosed] = []
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, rules__fan005="rewrite") as sidecar:
        sidecar._events.subscribe(lambda event: closed.append(event) if isinstance(event, TraceClosed) else None)
        await counter.reset()
        await ask(sidecar.port, get(f"/big?id={in_list(UUIDS)}"))
        taken = await counter.statements()
    (event,) = closed
    assert event.trace.calls == taken
    assert "FAN005" in [finding.code for finding in event.findings]


async def test_the_function_that_the_finding_writes_out_answers_the_same(unusual: Stack) -> None:
    shown = parse_fingerprint("GET big?id=in.?&order=id")
    fix = chunk_fix(list_calls(shown, shown.filters[0], "uuid"))
    await execute_sql(unusual, f"set search_path to unusual; {fix.sql}")
    keys = ",".join(f'{{"id":"{key}"}}' for key in UUIDS).encode()
    body = b'{"keys":[' + keys + b"]}"
    head = b"POST /rpc/list_big_by_ids?order=id HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    with postgrest_with(unusual) as knowing:
        direct = await ask(knowing.url, get(f"/big?n=lte.{ROWS}&order=id"))
        called = await ask(knowing.url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await execute_sql(unusual, "drop function unusual.list_big_by_ids")
    assert called.body == direct.body
