"""Code for reads that got one object, or rows without their nulls, returns the same: an object stays an object."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace as changed

from rules.fan006_reference_table_read import RULE as REFERENCE
from tests.e2e.support.fix_bench import Bench
from tests.e2e.support.fix_comparison import comparing
from tests.e2e.support.fix_reads import Request
from tests.e2e.support.fix_shapes import NASTY, uuid_of
from tests.e2e.support.fix_tables import loop_tables, loops_behind
from tests.rules.traces import found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proxy.findings.model import Fix
    from tests.conftest import Stack
    from tests.e2e.support.fix_bench import Run

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

OBJECT = "application/vnd.pgrst.object+json"
STRIPPED = ";nulls=stripped"
ARRAY_STRIPPED = f"application/vnd.pgrst.array+json{STRIPPED}"


def accepting(accept: str, target: str, *values: Any) -> Request:
    return Request(target, values, headers={"Accept": accept}, total=True)


THING = "/thing?select=id,name,rank,score,due&id=eq."
READS = [
    accepting(OBJECT, f"/owner?id=eq.{7}", 7),
    accepting(OBJECT, f"/owner?select=email,since&uid=eq.{uuid_of('owner:3')}", uuid_of("owner:3")),
    accepting(OBJECT, f"/owner?select=id&email=eq.{quote(NASTY[2])}&order=id.desc&limit=1", NASTY[2], 1),
    accepting(OBJECT, f"{THING}35", 35),
    accepting(OBJECT + STRIPPED, f"{THING}35", 35),
    accepting(ARRAY_STRIPPED, f"{THING}0", 0),
    accepting(ARRAY_STRIPPED, "/thing?select=id,rank,score&owner_id=eq.3&order=id", 3),
    accepting("application/json", f"{THING}35", 35),
]


@pytest.fixture(scope="module")
def loops(stack: Stack) -> Iterator[Stack]:
    asyncio.run(loop_tables(stack.dsn))
    with loops_behind(stack) as made:
        yield made


@pytest.fixture
async def bench(loops: Stack) -> AsyncIterator[Bench]:
    async with comparing(loops) as comparison:
        yield Bench(loops, comparison)


def same(ours: Any, theirs: Any) -> None:
    """JavaScript writes 1.0 as 1."""
    assert json.loads(json.dumps(ours), parse_float=_number) == json.loads(json.dumps(theirs), parse_float=_number)


def _number(text: str) -> float:
    return float(text) if float(text) % 1 else int(float(text))


def runs(bench: Bench, request: Request, wanted: Any) -> dict[str, Run]:
    """Runs of a function that takes the values of the read; SQL has rows with all columns."""

    async def js(code: str) -> None:
        answer = await bench.comparison.node.run(code, [request.values])
        assert "error" not in answer, answer
        same(answer["results"][0], wanted)

    async def py(code: str) -> None:
        same((await bench.comparison.python.run(code, [request.values]))[0], wanted)

    async def sql(code: str) -> None:
        rows = await bench.sql(code, request.texts)
        assert [row.get("id") for row in rows] == [row.get("id") for row in _rows(wanted)]

    return {"js": js, "py": py, "sql": sql}


def _rows(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


async def test_a_repeated_read_of_one_object_is_read_once_as_an_object(bench: Bench) -> None:
    for request, seen in zip(READS, await bench.play([[one] * 3 for one in READS]), strict=True):
        wanted: Any = seen.answers[0][0]

        async def py(code: str, request: Request = request, wanted: Any = wanted) -> None:
            (name,) = re.findall(r"^def (make_\w+)", code, re.MULTILINE)
            (reader,) = await bench.comparison.python.steps(code, (name,))
            same(reader(*request.values), wanted)

        finding = seen.findings["FAN003"]
        assert ("object" in request.headers["Accept"]) == isinstance(wanted, dict)
        assert ("maybeSingle" in finding.risk) == (isinstance(wanted, list) and len(wanted) < 2)
        await bench.each("FAN003", finding.fix, runs(bench, request, wanted) | {"py": py})
    assert bench.executed["FAN003", "js"] == bench.executed["FAN003", "py"] == len(READS)


async def test_an_object_of_all_columns_stays_an_object_with_named_ones(bench: Bench) -> None:
    reads = [
        READS[0],
        accepting(OBJECT + STRIPPED, "/thing?id=eq.35", 35),
        accepting(ARRAY_STRIPPED, "/owner?id=eq.5", 5),
    ]
    for request, seen in zip(reads, await bench.play([[one] for one in reads], db_uri=bench.stack.dsn), strict=True):
        await bench.each("FAN011", seen.findings["FAN011"].fix, runs(bench, request, seen.answers[0][0]))
    assert bench.executed["FAN011", "js"] == len(reads)


async def test_a_settings_row_that_is_read_everywhere_is_cached_as_an_object(bench: Bench) -> None:
    request = accepting(OBJECT, "/settings")
    (seen,) = await bench.play([[request]])
    (finding,) = found(REFERENCE, [changed(seen.trace, id=f"{n}") for n in range(20)])
    wanted: Any = seen.answers[0][0]
    assert wanted == {"id": 1, "theme": "dark", "banner": None}
    code: Fix = finding.fix
    (js,) = re.findall(r"^const (\w+)", code.supabase_js, re.MULTILINE)
    assert await bench.comparison.node.steps(code.supabase_js, [js], [js]) == [wanted] * 2
    (py,) = re.findall(r"^def (\w+)", code.supabase_py, re.MULTILINE)
    assert await bench.comparison.python.steps(code.supabase_py, [py], [py]) == [wanted] * 2


async def test_serial_reads_of_objects_and_of_rows_stay_what_they_are(bench: Bench) -> None:
    requests = [
        READS[0],
        accepting(ARRAY_STRIPPED, "/thing?select=id,rank&owner_id=eq.7&order=id", 7),
        accepting(OBJECT, "/owner?select=email&id=eq.7", 7),
        accepting("*/*", "/settings"),
    ]
    (seen,) = await bench.play([requests])
    wanted = [answer for answer, _ in seen.answers]
    values = [value for request in requests for value in request.values]
    fix = seen.findings["FAN014"].fix
    answer = await bench.comparison.node.run(fix.supabase_js, [values])
    assert "error" not in answer, answer
    same(list(answer["results"][0].values()), wanted)
    same(await bench.comparison.python.run_asynchronous(fix.supabase_py, values), wanted)
    (row,) = await bench.sql(seen.findings["FAN015"].fix.sql.rpartition("\n")[0], [str(value) for value in values])
    (parts,) = row.values()
    same([parts[name] for name in sorted(parts, key=lambda name: int(name.rpartition("_")[2]))], wanted)


async def test_rows_in_another_format_have_no_client_code_and_the_finding_says_so(bench: Bench) -> None:
    (seen,) = await bench.play([[accepting("text/csv", "/owner?select=id&id=lt.9&limit=0", 9)] * 3], refused=True)
    fix = seen.findings["FAN003"].fix
    assert (fix.supabase_js, fix.supabase_py) == ("", "")
    assert "the format that the calls accept" in fix.reason
