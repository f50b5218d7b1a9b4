"""FAN016: random slow queries, and runs of what is printed for their plans and indexes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from proxy.settings.rules import RuleSettings
from rules.fan016_slow_query import RULE as SLOW
from rules.fan016_slow_query import SlowQuery
from tests.e2e.support.fix_reads import Request, single
from tests.e2e.support.fix_runs import given
from tests.e2e.support.fix_writes import Entries, deletes, filled, updates
from tests.rules.traces import found

if TYPE_CHECKING:
    import random

    from tests.e2e.support.fix_bench import Bench
    from tests.e2e.support.fix_runs import Table

SETTINGS = RuleSettings(slow_query=SlowQuery(p95=1e-6, min_calls=1))


async def slow_queries(bench: Bench, draw: random.Random, number: int) -> None:
    """Reads, and writes of one row or several."""
    await plans(bench, draw, number)
    await write_plans(bench, draw, number)


async def plans(bench: Bench, draw: random.Random, number: int) -> None:
    """The plan of a slow read is of its rows."""
    requests = [single(draw) for _ in range(number)]
    for request, seen in zip(requests, await bench.play([[one] for one in requests]), strict=True):
        rows = seen.answers[0][0]
        (finding,) = found(SLOW, [seen.trace], SETTINGS)

        async def js(code: str, request: Request = request, rows: list[Any] = rows) -> None:
            answer = await bench.comparison.node.run(code, [request.values])
            assert "error" not in answer, answer
            assert_plan(str(answer["results"][0]), len(rows))

        async def py(code: str, request: Request = request, rows: list[Any] = rows) -> None:
            assert_plan(str((await bench.comparison.python.run(code, [request.values]))[0]), len(rows))

        async def sql(code: str, request: Request = request, rows: list[Any] = rows) -> None:
            query, _, index = code.partition(";\n")
            if query.startswith("--"):
                request.compare(await bench.sql(query, request.texts), rows)
            await make_index(bench, index if query.startswith("--") else code)

        await bench.each("FAN016", finding.fix, {"js": js, "py": py, "sql": sql})


async def make_index(bench: Bench, code: str) -> None:
    """Create the printed index, and drop it again. Extensions that the server does not have are left out."""
    connection, named = bench.comparison.connection, "select indexrelid::regclass::text from pg_index"
    before = {row[0] for row in await connection.fetch(named)}
    for statement in filter(str.strip, code.split(";")):
        await connection.execute(statement)
    for row in await connection.fetch(named):
        if row[0] not in before:
            await connection.execute(f"drop index {row[0]}")


def assert_plan(plan: str, rows: int) -> None:
    assert re.search(rf"actual time=\S+ rows={rows}(\.00)? loops=1", plan), plan


def written(draw: random.Random) -> Request:
    """A write of ``entry`` by random filters; its values are those of the filters."""
    shape = draw.choice([updates, deletes])(draw)
    key = draw.choice(shape.keys)
    early = [*key, *(value for param in shape.after if not param.late for value in param.args)]
    late = [value for param in shape.after if param.late for value in param.args]
    headers = dict(shape.headers)
    if late:  # PostgREST filters a write by a logic tree only of columns that it returns
        headers["Prefer"], shape.select = "return=representation", ""
    body = {"status": "done"} if shape.method == "PATCH" else None
    return Request(shape.target(key), (*early, *late), shape.method, headers, body)


async def write_plans(bench: Bench, draw: random.Random, number: int) -> None:
    """The printed write changes what the slow one changed; the clients plan a read of the rows."""
    table = Entries(bench.comparison.connection)
    requests = [written(draw) for _ in range(number)]
    for request, seen in zip(requests, await bench.play([[one] for one in requests], table), strict=True):
        (finding,) = found(SLOW, [seen.trace], SETTINGS)
        await table.reset()

        async def js(code: str, request: Request = request) -> None:
            answer = await bench.comparison.node.run(code, [request.values])
            assert "actual time=" in str(answer["results"][0]), answer

        async def py(code: str, request: Request = request) -> None:
            assert "actual time=" in str((await bench.comparison.python.run(code, [request.values]))[0])

        async def sql(code: str, request: Request = request, left: str = seen.left) -> None:
            await _write(bench, request, code, table, left)

        await bench.each("FAN016", finding.fix, {"js": js, "py": py, "sql": sql})


async def _write(bench: Bench, request: Request, code: str, table: Table, left: str) -> None:
    statement, _, index = code.partition(";\n")
    if not statement.startswith("--"):
        await make_index(bench, code)
        return
    values = [*(["done"] if request.method == "PATCH" else []), *request.texts]
    connection = bench.comparison.connection
    await connection.execute(f"prepare printed as {filled(statement, ('status',))}")
    try:
        assert await connection.fetch(f"explain execute printed{given(values)}")
        await connection.execute(f"execute printed{given(values)}")
    finally:
        await connection.execute("deallocate printed")
    assert await table.state() == left
    await make_index(bench, index)
