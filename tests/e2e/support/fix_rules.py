"""Per rule, random requests in which it finds something, and runs of the code that it prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as changed

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.clauses import sql_reason
from rules.fan006_reference_table_read import RULE as REFERENCE
from tests.e2e.support.fix_reads import Request, single
from tests.e2e.support.fix_runs import array_text, given
from tests.e2e.support.fix_shapes import ORDERS, Param, Shape, filters
from tests.rules.traces import found

if TYPE_CHECKING:
    import random

    from tests.e2e.support.fix_bench import Bench, Seen


async def duplicates(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN003: the same read three times."""
    requests = [single(draw) for _ in range(number)]
    for request, seen in zip(requests, await bench.play([[one] * 3 for one in requests]), strict=True):
        rows, runs = seen.answers[0][0], bench.reads(request, seen.answers[0][0])

        async def once(code: str, request: Request = request, rows: list[Any] = rows) -> None:
            (name,) = re.findall(r"^def (make_\w+)", code, re.MULTILINE)
            (reader,) = await bench.comparison.python.steps(code, (name,))
            for _ in range(2):
                request.compare(reader(*request.values), rows)

        await bench.each("FAN003", seen.findings["FAN003"].fix, runs | {"py": once})


WHOLE: tuple[str, ...] = (
    "/owner?select=*&order=id",
    "/owner?order=since.desc,id&since=not.is.null",
    "/owner?select=email,uid",
)
WHOLE += (
    "/word?select=word&id=is.null",
    "/owner?select=id,thing(count)&order=id",
    "/reading?select=note&value=is.null",
)


async def references(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN006: a small table that twenty traces read whole."""
    targets = [draw.choice(WHOLE) for _ in range(number)]
    for target, seen in zip(targets, await bench.play([[Request(one)] for one in targets]), strict=True):
        rows = seen.answers[0][0]
        traces = [changed(seen.trace, id=f"{n}") for n in range(20)]
        findings = found(REFERENCE, traces)
        if not 0 < len(rows) <= 100:
            assert not findings
            continue
        request = Request(target, total="order=" in target)
        runs = bench.reads(request, rows)

        async def js(code: str, request: Request = request, rows: list[Any] = rows) -> None:
            (name,) = re.findall(r"^const (\w+)", code, re.MULTILINE)
            first, again, _, later = await bench.comparison.node.steps(code, [name], [name], [f"{name}.forget"], [name])
            for one in (first, again, later):
                request.compare(one, rows)

        async def py(code: str, request: Request = request, rows: list[Any] = rows) -> None:
            (name,) = re.findall(r"^def (\w+)", code, re.MULTILINE)
            first, again, _, later = await bench.comparison.python.steps(
                code, [name], [name], [f"_{name}.clear"], [name]
            )
            for one in (first, again, later):
                request.compare(one, rows)

        await bench.each("FAN006", findings[0].fix, runs | {"js": js, "py": py})


async def lists_for_one_row(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN007: a list, and then requests for one of its rows."""
    lists = [single(draw, select=draw.choice(["*", "id,name,owner_id", "id"]), limited=False) for _ in range(number)]
    picked = [draw.randrange(600) for _ in range(number)]
    traces = [[one, Request(f"/part?select=label&thing_id=eq.{row}")] for one, row in zip(lists, picked, strict=True)]
    for request, row, seen in zip(lists, picked, await bench.play(traces, detect__row_keys="on"), strict=True):
        rows = [one for one in seen.answers[0][0] if one["id"] == row]
        finding = seen.findings.get("FAN007")
        if finding is not None:
            assert len(rows) == 1
            await bench.each("FAN007", finding.fix, _one_row(bench, request, row, rows))


def _one_row(bench: Bench, request: Request, row: int, rows: list[Any]) -> dict[str, Any]:
    values = (row, *request.values)

    async def js(code: str) -> None:
        answer = await bench.comparison.node.run(code, [values])
        assert answer.get("results") == rows, answer

    async def py(code: str) -> None:
        assert await bench.comparison.python.run(code, [values]) == rows

    async def sql(code: str) -> None:
        assert await bench.sql(code, [str(row), *request.texts]) == rows

    return {"js": js, "py": py, "sql": sql}


STARS = ("", "*", "id,data->>k,*", "*,part(*)", "id,owner(*)", "*,parts:part(id,at),owner(email,*)")


async def named_columns(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN011: a read of all columns, of the relation or of an embed."""
    requests = [single(draw, select=draw.choice(STARS)) for _ in range(number)]
    for request, seen in zip(
        requests, await bench.play([[one] for one in requests], db_uri=bench.stack.dsn), strict=True
    ):
        rows, finding = seen.answers[0][0], seen.findings.get("FAN011")
        assert bool(finding) is bool(rows)
        if finding is not None:
            assert "*" not in finding.fix.supabase_js.partition(";")[0]
            await bench.each("FAN011", finding.fix, bench.reads(request, rows))


async def estimates(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN013: a read with an exact count."""
    requests = [changed_headers(single(draw), Prefer="count=exact") for _ in range(number)]
    for request, seen in zip(requests, await bench.play([[one] for one in requests]), strict=True):
        rows, total = seen.answers[0]
        finding = seen.findings.get("FAN013")
        if finding is None:
            assert int(total) <= len(rows)
            continue

        async def js(code: str, request: Request = request, rows: list[Any] = rows, total: str = total) -> None:
            answer = await bench.comparison.node.run(code, [request.values])
            (result,) = answer.get("results", [answer])
            request.compare(result["data"], rows)
            assert result["count"] == int(total) or int(total) >= 1000

        async def py(code: str, request: Request = request, rows: list[Any] = rows, total: str = total) -> None:
            data, count = (await bench.comparison.python.run(code, [request.values]))[0]
            request.compare(data, rows)
            assert count == int(total) or int(total) >= 1000

        async def sql(code: str, request: Request = request) -> None:
            assert await plan_rows(bench, code, request.texts[: len(request.texts) - request.bounds]) > 0

        await bench.each("FAN013", finding.fix, {"js": js, "py": py, "sql": sql})


def changed_headers(request: Request, **headers: str) -> Request:
    return Request(request.target, request.values, headers=headers, total=request.total, bounds=request.bounds)


async def plan_rows(bench: Bench, code: str, values: list[str]) -> int:
    """``Plan Rows`` at the top of what a printed ``explain`` says."""
    what, _, query = code.partition("\n")
    connection = bench.comparison.connection
    await connection.execute(f"prepare printed as {query.rpartition(';')[0]}")
    try:
        plan = await connection.fetchval(f"{what} execute printed{given(values)}")
    finally:
        await connection.execute("deallocate printed")
    return int(re.findall(r'"Plan Rows": (\d+)', plan)[0])


async def serial(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN014: reads of different kinds, one after another, whose values the first of them has."""
    traces = [_of_known_values(draw) for _ in range(number)]
    for requests, seen in zip(traces, await bench.play(traces), strict=True):
        rows = [answer[0] for answer in seen.answers]
        values = [value for request in requests for value in request.values]

        def compare(got: list[Any], rows: Any = rows, requests: Any = requests) -> None:
            for one, ours, theirs in zip(requests, got, rows, strict=True):
                one.compare(ours, theirs)

        async def js(code: str, values: list[Any] = values, compare: Any = compare) -> None:
            answer = await bench.comparison.node.run(code, [values])
            assert "error" not in answer, answer
            compare(list(answer["results"][0].values()))

        async def py(code: str, values: list[Any] = values, compare: Any = compare) -> None:
            compare(await bench.comparison.python.run_asynchronous(code, values))

        async def sql(code: str, requests: Any = requests, compare: Any = compare) -> None:
            statements = [text for text in code.split(";") if text.strip()]
            compare([await bench.sql(text, one.texts) for one, text in zip(requests, statements, strict=True)])

        await bench.each("FAN014", seen.findings["FAN014"].fix, {"js": js, "py": py, "sql": sql})


def _of_known_values(draw: random.Random) -> list[Request]:
    """Reads with some of the conditions of the first one each, and with other columns, orders and relations."""
    first = [one for one in (filters(draw), filters(draw)) if not one.late]
    chosen = {one.name: one for one in [*first, Param("id", "lt.900", (900,))]}
    made = [_with(draw, list(chosen.values()), n) for n in range(3)]
    return [*made, Request(draw.choice(WHOLE[:2]), total=True)]


def _with(draw: random.Random, params: list[Param], number: int) -> Request:
    some = params if not number else [one for one in params if one.name == "id" or draw.random() < 0.6]
    order = draw.choice(ORDERS)
    shape = Shape("", "thing", (), [], before=some, select=("*", "id,name", "id,kind")[number], order=order, total=True)
    return Request(shape.target(()), tuple(value for one in some for value in one.args), total=True)


def _different(draw: random.Random) -> list[Request]:
    """Three to five random reads."""
    return [single(draw) for _ in range(draw.choice([3, 4, 5]))]


async def chatty_pages(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN015: the reads of a page as one query, those of them that SQL expresses."""
    traces = [_different(draw) for _ in range(number)]
    for requests, seen in zip(traces, await bench.play(traces), strict=True):
        read = {span.fingerprint: at for at, span in enumerate(seen.trace.spans)}
        finding = seen.findings.get("FAN015")
        if finding is None:
            assert len(read) < 3
            continue
        if len(read) < len(requests):
            continue
        parsed = {at: parse_fingerprint(fingerprint) for fingerprint, at in read.items()}
        whole = [at for at, one in parsed.items() if not sql_reason(one, one.filters)]
        left = [one.name for at, one in parsed.items() if at not in whole]
        assert (", ".join(left) in finding.fix.reason) if left else ("Not in the SQL" not in finding.fix.reason)

        async def sql(code: str, requests: Any = requests, seen: Seen = seen, whole: Any = whole) -> None:
            texts = [text for at in whole for text in requests[at].texts]
            (row,) = await bench.sql(code.rpartition("\n")[0], texts)
            (parts,) = row.values()
            by_number = {int(name.rpartition("_")[2]): part for name, part in parts.items()}
            for part, at in enumerate(whole, 1):
                requests[at].compare(by_number.pop(part), seen.answers[at][0])
            assert not by_number

        await bench.each("FAN015", finding.fix, {"sql": sql})


async def loops_of_functions(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN018: the function that the reason describes returns what each call got."""
    for method in ("GET", "POST"):
        values = draw.sample(range(1000), max(number, 6))
        target, by_post = "/rpc/doubled", method == "POST"
        requests = [
            Request(target, method=method, body={"n": n}) if by_post else Request(f"{target}?n={n}") for n in values
        ]
        (seen,) = await bench.play([requests])
        finding = seen.findings["FAN018"]
        assert finding.title == f"{len(values)} calls of the function doubled"
        await bench.each("FAN018", finding.fix, {})
        (query,) = re.findall(r"select .* as result", finding.fix.reason)
        rows = await bench.sql(query.replace("unnest(arguments)", "unnest($1::bigint[])"), [array_text(values)])
        got: list[Any] = [answer for answer, _ in seen.answers]
        assert [(row["argument"], row["result"]) for row in rows] == list(zip(values, got, strict=True))
