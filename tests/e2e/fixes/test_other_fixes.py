"""The code for pages, repeated and serial reads returns what Postgres has."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.advice_code import together_js, together_py
from proxy.fixes.sql.read import read_sql
from proxy.observe.events import Event, TraceClosed
from tests.e2e.support.fix_comparison import comparing
from tests.e2e.support.fix_runs import PATIENT
from tests.e2e.support.fix_tables import MAX_ROWS, loop_tables, loops_behind
from tests.e2e.support.harness import fanin, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.findings.model import Finding
    from tests.conftest import Stack
    from tests.e2e.support.fix_comparison import Comparison

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    with loops_behind(stack) as made:
        yield made


async def findings_of(stack: Stack, targets: Sequence[str]) -> dict[str, Finding]:
    """By rule, what fanin finds in a trace that makes these calls one after another."""
    closed: list[TraceClosed] = []

    def watch(event: Event) -> None:
        if isinstance(event, TraceClosed):
            closed.append(event)

    changes: dict[str, Any] = PATIENT | {"merge__max_rows": MAX_ROWS, "db_uri": stack.dsn}
    headers = {"Authorization": f"Bearer {stack.token}", "X-Fanin-Trace": "one"}
    async with fanin(stack.url, **changes) as sidecar, aiohttp.ClientSession(headers=headers) as session:
        sidecar._events.subscribe(watch)
        for target in targets:
            url = URL(f"http://127.0.0.1:{sidecar.port}{target}", encoded=True)
            async with session.get(url) as answer:
                await answer.read()
        assert sidecar.traces.close_trace("one")
        await until(lambda: closed)
    return {finding.code: finding for finding in closed[0].findings}


async def rows_of(comparison: Comparison, query: str) -> list[Any]:
    found = await comparison.connection.fetchval(f"select coalesce(json_agg(q), '[]') from ({query}) q")
    rows: list[Any] = json.loads(found)
    return rows


ORDERS = (
    ("", "id"),
    ("order=rank", "rank, id"),
    ("order=rank.desc", "rank desc, id desc"),
    ("order=rank.asc.nullsfirst,due.desc.nullslast", "rank nulls first, due desc nulls last, id desc"),
    ("order=flag.desc,name", "flag desc, name, id"),
    ("order=score.nullslast,id.desc", "score nulls last, id desc"),
)


@pytest.mark.parametrize(("order", "by"), ORDERS)
async def test_all_pages_are_all_rows_in_their_order_whatever_the_nulls(loops: Stack, order: str, by: str) -> None:
    columns = "id,rank,due,flag,name,score"
    found = await findings_of(loops, [f"/thing?select={columns}&kind=neq.d{'&' if order else ''}{order}"])
    fix = found["FAN010"].fix
    async with comparing(loops) as comparison:
        wanted = await rows_of(comparison, f"select {columns} from loops.thing where kind <> 'd' order by {by}")
        assert len(wanted) == 1800
        answer = await comparison.node.run(fix.supabase_js, [["d"]])
        assert answer["results"] == [wanted]
        assert await comparison.python.run(fix.supabase_py, [["d"]]) == [wanted]


@pytest.mark.parametrize(("order", "by"), ORDERS)
async def test_each_page_starts_after_the_last_row_of_the_one_before(loops: Stack, order: str, by: str) -> None:
    columns = "id,rank,due,flag,name,score"
    found = await findings_of(loops, [f"/thing?select={columns}&kind=eq.a&{order}&limit=50&offset=1000"])
    fix = found["FAN012"].fix
    async with comparing(loops) as comparison:
        wanted = await rows_of(comparison, f"select {columns} from loops.thing where kind = 'a' order by {by}")
        for at in range(0, 600, 97):
            page, last = wanted[at : at + 20], wanted[at - 1] if at else None
            call = ["a", 20, *([last] if last else [])]
            assert (await comparison.node.run(fix.supabase_js, [call]))["results"] == [page]
            assert await comparison.python.run(fix.supabase_py, [call]) == [page]


async def test_a_page_in_sql_starts_after_the_last_row(loops: Stack) -> None:
    found = await findings_of(loops, ["/thing?select=id,rank&kind=eq.a&order=rank.desc&limit=50&offset=1000"])
    sql = found["FAN012"].fix.sql.rpartition("\n")[0]
    async with comparing(loops) as comparison:
        wanted = await rows_of(
            comparison, "select id, rank from loops.thing where kind = 'a' order by rank desc, id desc"
        )
        for at in (5, 130, 400, 590):
            last = wanted[at - 1]
            literals = [f"'{value}'" if value is not None else "null" for value in ("a", last["rank"], last["id"], 20)]
            await comparison.connection.execute(f"prepare page as {sql.partition(chr(10))[2].rstrip(';')}")
            rows = await comparison.connection.fetch(f"execute page({', '.join(literals)})")
            await comparison.connection.execute("deallocate page")
            assert [row["id"] for row in rows] == [row["id"] for row in wanted[at : at + 20]]


async def test_a_repeated_read_and_serial_reads_have_an_argument_for_each_value(loops: Stack) -> None:
    name = quote('quote "q"')
    once = f"/thing?select=id&name=eq.{name}&kind=in.(a,c)&or=(rank.is.null,rank.gt.3)&order=id"
    repeated = (await findings_of(loops, [once] * 4))["FAN003"].fix
    serial = ["owner?select=id&id=eq.?", "thing?select=id&id=eq.?&limit=?", "part?select=id&id=eq.?"]
    reads = [*[parse_fingerprint(f"GET {query}") for query in serial], parse_fingerprint("HEAD thing?select=*&id=lt.?")]
    async with comparing(loops) as comparison:
        wanted = await rows_of(
            comparison,
            "select id from loops.thing where name = 'quote \"q\"' and kind in ('a', 'c')"
            " and (rank is null or rank > 3) order by id",
        )
        args: list[Any] = ['quote "q"', ["a", "c"], 3]
        assert (await comparison.node.run(repeated.supabase_js, [args]))["results"] == [wanted]
        rows = [[{"id": 5}], [{"id": 9}], [{"id": 4}]]
        answer = await comparison.node.run(together_js(reads[:3]), [[5, 9, 1, 4]])
        assert answer["results"] == [dict(zip(("owner", "thing", "part"), rows, strict=True))]
        values = [5, 9, 1, 4, 8]
        number = (await rows_of(comparison, "select count(*) from loops.thing where id < 8"))[0]["count"]
        answer = await comparison.node.run(together_js(reads), [values])
        assert list(answer["results"][0].values()) == [*rows, number]
        assert await comparison.python.run_asynchronous(together_py(reads), values) == [*rows, number]
        assert await comparison.connection.fetchval(read_sql(reads[3]), values[-1]) == number
