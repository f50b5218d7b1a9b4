"""The code of FAN011, FAN013, FAN015 and FAN016 returns what the reads got that it is printed for, in each language."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from proxy.observe.events import Event, TraceClosed
from proxy.settings.rules import RuleSettings
from rules.fan016_slow_query import RULE as SLOW
from rules.fan016_slow_query import SlowQuery
from tests.e2e.support.fix_comparison import comparing
from tests.e2e.support.fix_runs import PATIENT, array_text, given, run_sql
from tests.e2e.support.fix_tables import MAX_ROWS, loop_tables
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.unusual_types import postgrest_with
from tests.rules.traces import found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from proxy.findings.model import Finding, Fix
    from proxy.model import Trace
    from tests.conftest import Stack
    from tests.e2e.support.fix_comparison import Comparison

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

NASTY = ['quote "q"', "with, comma", "back\\slash", "ünï ☃"]
SENSITIVE: dict[str, Any] = {
    "select_star": {"min_bytes": 1},
    "exact_count": {"min_rows": 1},
    "chatty_trace": {"min_queries": 3, "min_kinds": 3},
}


@dataclass(frozen=True)
class Read:
    """A read; ``values`` are what its code is called with, in the order of the placeholders: those of
    logic trees come last.
    """

    target: str
    values: tuple[Any, ...] = ()

    @property
    def texts(self) -> list[str]:
        return [array_text(value) if isinstance(value, list) else str(value) for value in self.values]

    @property
    def ordered(self) -> bool:
        return "order=" in self.target


READS = (
    Read("/owner?select=*"),
    Read("/thing?select=*&owner_id=eq.7", (7,)),
    Read("/thing?select=*&owner_id=eq.7&kind=neq.a&order=rank.desc.nullslast,id", (7, "a")),
    Read("/thing?select=*&kind=in.(a,c)&order=due.asc.nullsfirst,id&limit=20", (["a", "c"], 20)),
    Read(f"/thing?select=*&name=eq.{quote(NASTY[0])}&order=id", (NASTY[0],)),
    Read(f"/thing?select=*&name=in.({quote(chr(34) + NASTY[1] + chr(34))},plain)&order=id", ([NASTY[1], "plain"],)),
    Read(f"/thing?select=*&name=eq.{quote(NASTY[2])}&order=id.desc", (NASTY[2],)),
    Read(f"/thing?select=*&name=eq.{quote(NASTY[3])}&order=id&limit=5&offset=10", (NASTY[3], 5, 10)),
    Read("/thing?select=*&or=(rank.is.null,rank.gt.3)&owner_id=lt.5&order=id", (5, 3)),
    Read("/thing?select=*&not.and=(kind.eq.a,flag.is.true)&owner_id=eq.3&order=id", (3, "a")),
    Read("/thing?select=*&score=gte.10&score=lt.900&rank=not.is.null&order=score,id", (10, 900)),
    Read("/thing?select=*&name=ilike.*comma*&owner_id=lte.9&order=id", ("*comma*", 9)),
    Read("/thing?select=*&data->>k=eq.plain&order=id", ("plain",)),
    Read("/thing?select=*&flag=is.true&owner_id=eq.2&order=id", (2,)),
    Read("/owner?select=*,thing(id,kind)&id=lt.4&order=id", (4,)),
    Read("/thing?select=id,part(*)&owner_id=eq.1&order=id", (1,)),
    Read("/reading?select=*&sensor=eq.3&order=seq", (3,)),
    Read("/word?weight=eq.1&order=word&limit=30", (1, 30)),
)
COUNTED = (
    Read("/thing?select=id,name&owner_id=eq.7&order=id&limit=10", (7, 10)),
    Read("/thing?select=id&kind=in.(a,c)&owner_id=lt.9&order=id&limit=5&offset=5", (["a", "c"], 9, 5, 5)),
    Read("/thing?select=id,part(id)&owner_id=lt.6&order=id&limit=3", (6, 3)),
    Read(f"/thing?select=id,name&name=eq.{quote(NASTY[1])}&order=id&limit=4", (NASTY[1], 4)),
)


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    with postgrest_with(stack, db_schemas="loops, second", db_max_rows=str(MAX_ROWS), db_plan_enabled="true") as made:
        yield made


@pytest.fixture
async def comparison(loops: Stack) -> AsyncIterator[Comparison]:
    async with comparing(loops) as made:
        yield made


async def played(
    stack: Stack, reads: Sequence[Read], db_uri: str | None = None, **headers: str
) -> tuple[Trace, tuple[Finding, ...], list[Any]]:
    """The reads as one trace through fanin: what was seen, what was found and what each read got, with its total."""
    closed: list[TraceClosed] = []

    def watch(event: Event) -> None:
        if isinstance(event, TraceClosed):
            closed.append(event)

    changes = PATIENT | {"merge__max_rows": MAX_ROWS, "rules": PATIENT["rules"] | SENSITIVE, "db_uri": db_uri}
    headers |= {"Authorization": f"Bearer {stack.token}", "X-Fanin-Trace": "one"}
    answers = []
    async with fanin(stack.url, **changes) as sidecar, aiohttp.ClientSession(headers=headers) as session:
        sidecar._events.subscribe(watch)
        for read in reads:
            url = URL(f"http://127.0.0.1:{sidecar.port}{read.target}", encoded=True)
            async with session.get(url) as answer:
                assert answer.status in (200, 206), await answer.text()
                answers.append((await answer.json(), answer.headers["Content-Range"].rpartition("/")[2]))
        await until(lambda: closed)
    return closed[0].trace, tuple(closed[0].findings), answers


def fix_by(findings: Sequence[Finding], code: str) -> Fix:
    return next(finding.fix for finding in findings if finding.code == code)


def in_order(read: Read, rows: list[Any]) -> list[Any]:
    return rows if read.ordered else sorted(rows, key=lambda row: row["id"])


def test_the_reads_have_every_kind_of_condition() -> None:
    text = " ".join(read.target for read in READS)
    assert all(kind in text for kind in ("in.(", "or=(", "not.and", "ilike", "->>", "is.true", "offset=", "part(*)"))


@pytest.mark.parametrize("read", READS, ids=lambda read: read.target)
async def test_a_read_that_names_all_columns_has_the_same_rows(
    loops: Stack, comparison: Comparison, read: Read, tell: Callable[[str], None]
) -> None:
    _, findings, [(rows, _)] = await played(loops, [read], db_uri=loops.dsn)
    fix, wanted = fix_by(findings, "FAN011"), in_order(read, rows)
    assert rows
    assert '"*' not in fix.supabase_js
    assert fix.supabase_js
    assert fix.supabase_py
    node = await comparison.node.run(fix.supabase_js, [read.values])
    assert "error" not in node, node
    assert in_order(read, node["results"][0]) == wanted
    assert in_order(read, (await comparison.python.run(fix.supabase_py, [read.values]))[0]) == wanted
    if fix.sql:
        assert in_order(read, await run_sql(comparison.connection, fix.sql, read.texts)) == wanted
    else:
        assert fix.reason
    tell(f"FAN011 js py {'sql' if fix.sql else 'sql withheld'}: {read.target}")


@pytest.mark.parametrize("read", COUNTED, ids=lambda read: read.target)
async def test_a_read_with_an_estimate_has_the_same_rows_and_below_max_rows_the_same_count(
    loops: Stack, comparison: Comparison, read: Read, tell: Callable[[str], None]
) -> None:
    _, findings, [(rows, total)] = await played(loops, [read], Prefer="count=exact")
    fix = fix_by(findings, "FAN013")
    node = await comparison.node.run(fix.supabase_js, [read.values])
    assert node.get("results") == [{"data": rows, "count": int(total)}], node
    assert await comparison.python.run(fix.supabase_py, [read.values]) == [(rows, int(total))]
    if fix.sql:
        values = read.texts[: len(read.texts) - len(re.findall("limit=|offset=", read.target))]
        assert await planned_rows(comparison, fix.sql, values) > 0
    else:
        assert fix.reason
    tell(f"FAN013 js py {'sql' if fix.sql else 'sql withheld'}: {read.target}")


async def planned_rows(comparison: Comparison, sql: str, values: Sequence[str]) -> int:
    """``Plan Rows`` at the top of what a printed ``explain`` says."""
    what, _, query = sql.partition("\n")
    await comparison.connection.execute(f"prepare printed as {query.rpartition(';')[0]}")
    try:
        plan = await comparison.connection.fetchval(f"{what} execute printed{given(values)}")
    finally:
        await comparison.connection.execute("deallocate printed")
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"])


@pytest.mark.parametrize("at", [0, 4, 8, 12])
async def test_one_query_for_a_page_has_the_rows_of_each_read(
    loops: Stack, comparison: Comparison, at: int, tell: Callable[[str], None]
) -> None:
    _, findings, answers = await played(loops, READS[at : at + 4])
    fix = fix_by(findings, "FAN015")
    assert not fix.supabase_js
    assert not fix.supabase_py
    assert fix.reason
    expressed = [
        (read, rows) for read, (rows, _) in zip(READS[at : at + 4], answers, strict=True) if not has_no_sql(read)
    ]
    assert ("Not in the SQL" in fix.reason) is (len(expressed) < 4)
    texts = [text for read, _ in expressed for text in read.texts]
    (row,) = await run_sql(comparison.connection, fix.sql.rpartition("\n")[0], texts)
    (parts,) = row.values()
    assert len(parts) == len(expressed)
    by_number = {int(name.rpartition("_")[2]): part for name, part in parts.items()}
    for number, (read, rows) in enumerate(expressed, 1):
        assert in_order(read, by_number[number]) == in_order(read, rows), read.target
    tell(f"FAN015 sql: {len(expressed)} of 4 reads")


def has_no_sql(read: Read) -> bool:
    """Logic trees and embeds, which the printed SQL leaves out and says so."""
    return "or=(" in read.target or "and=(" in read.target or re.search(r"[a-z]\(", read.target) is not None


@pytest.mark.parametrize("read", READS, ids=lambda read: read.target)
async def test_the_plan_is_of_the_rows_that_the_slow_read_got(
    loops: Stack, comparison: Comparison, read: Read, tell: Callable[[str], None]
) -> None:
    trace, _, [(rows, _)] = await played(loops, [read])
    settings = RuleSettings(slow_query=SlowQuery(p95=1e-6, min_calls=1))
    (finding,) = found(SLOW, [trace], settings)
    fix = finding.fix
    node = await comparison.node.run(fix.supabase_js, [read.values])
    assert "error" not in node, node
    python = (await comparison.python.run(fix.supabase_py, [read.values]))[0]
    for plan in (node["results"][0], python):
        assert re.search(rf"actual time=\S+ rows={len(rows)}(\.00)? loops=1", str(plan)), plan
    if fix.sql.startswith("--"):
        sql = fix.sql.partition(";\n")[0]
        assert in_order(read, await run_sql(comparison.connection, sql, read.texts)) == in_order(read, rows)
    else:
        assert fix.reason.startswith("No SQL: ")
    tell(f"FAN016 js py {'sql' if fix.sql.startswith('--') else 'sql withheld'}: {read.target}")
