"""``python -m tests.bench.audit_gain``: what the migration of ``fanin audit`` gains on RetroMuscle, through a sidecar.

The eight queries that lack an index are timed through ``fanin serve`` without and with the migration that the audit
prints for a recording of the workload. Two equal databases take turns, request by request, so that a slow moment of the
machine hits both alike. The figures go to audit_gain.json, and into docs/how-to/audit.md with a plot.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from proxy.demo.data import load
from proxy.demo.postgres import Postgres
from proxy.demo.stack import PostgREST, service_token
from proxy.reference.parts import renewed
from tests.bench.page import machine
from tests.conftest import SECRET
from tests.e2e.database.conftest import statements
from tests.e2e.support.harness import fanin_program
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.retromuscle_workload import CREATORS, recorded
from tests.programs import search_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).with_name("audit_gain.json")
PAGE = ROOT / "docs/how-to/audit.md"
PLOT = ROOT / "docs/figures/audit-gain.svg"
TIMES = 400
"""Requests per query without, and with the migration."""
WARM = 20
VALUES, RUNS = 12, 5
"""Values per query, and runs of each, whose statements are timed in Postgres itself."""
DECIDED = 60_000
"""Applications of earlier years: all are decided, so the queue of those to review is as long as before."""
HISTORY = f"""
insert into creator_applications (user_id, status, handle, email, package_tier, mix_name, submitted_at)
select
  gen_random_uuid(), (array['approved', 'rejected'])[1 + n % 2], 'earlier_' || n, 'earlier_' || n || '@example.com', 10,
  'VOLUME', timestamptz '2019-01-01 08:00:00+00' + n * interval '45 minutes'
from generate_series(1, {DECIDED}) n
"""
COLOURS = ("#cf222e", "#0969da")
WIDTH, LEFT, ROW, TOP = 860, 420, 34, 30


def targets(number: int) -> dict[str, str]:
    """A request of each of the eight queries, with the values of a creator and a month."""
    chance = random.Random(number)
    n, month = chance.randrange(1, CREATORS + 1), chance.randrange(1, 7)
    tracking = uuid_of(f"tracking:{n}:{month}")
    creator, user = uuid_of(f"creator:{n}"), uuid_of(f"user:{n}")
    return {
        "videos?status=eq.pending_review&order=created_at.desc": "?",
        "videos?monthly_tracking_id=eq.{}&order=created_at.desc": tracking,
        "monthly_tracking?month=eq.{}&order=month.desc": f"2025-0{month}",
        "monthly_tracking?creator_id=eq.{}&order=month.desc": creator,
        "rushes?monthly_tracking_id=eq.{}&order=created_at.desc": tracking,
        "creators?user_id=eq.{}": user,
        "creator_applications?user_id=eq.{}": user,
        "creator_applications?status=eq.pending_review": "?",
    }


def timed(ports: Sequence[int], token: str) -> list[dict[str, list[float]]]:
    """Milliseconds of each request, one after another in turns, by query; per sidecar, each on one connection."""
    found: list[dict[str, list[float]]] = [{} for _ in ports]
    connections = [http.client.HTTPConnection("127.0.0.1", port) for port in ports]
    for number in range(WARM + TIMES):
        # The work that an answer leaves behind slows the next request, so both go first equally often.
        turns = list(zip(connections, found, strict=True))[:: -1 if number % 2 else 1]
        for query, value in targets(number).items():
            for connection, times in turns:
                began = time.perf_counter()
                connection.request("GET", "/" + query.format(value), headers={"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                answer.read()
                took = 1000 * (time.perf_counter() - began)
                assert answer.status == 200, query
                if number >= WARM:
                    times.setdefault(query, []).append(took)
    for connection in connections:
        connection.close()
    return found


async def through_fanin(upstreams: Sequence[str], token: str) -> list[dict[str, list[float]]]:
    """The times through a sidecar per PostgREST."""
    async with AsyncExitStack() as stack:
        programs = [await stack.enter_async_context(fanin_program(upstream)) for upstream in upstreams]
        return await asyncio.to_thread(timed, [program.port for program in programs], token)


async def run(dsn: str, *texts: str) -> None:
    """Run statements, each in a transaction of its own."""
    connection = await asyncpg.connect(dsn)
    for text in texts:
        await connection.execute(text)
    await connection.close()


def migration(dsn: str, recording: Path, file: Path) -> None:
    """Let the audit of the recording write its migration, of indexes alone; PostgREST is connected meanwhile."""
    words = ["--db-uri", dsn, "--set", "catalog.schemas=public", "--traces", str(recording), "--trial", "--trial"]
    others = [word for code in ("fan021", "fan031", "fan032") for word in ("--set", f"rules.{code}=off")]
    command = [sys.executable, "-m", "proxy", "audit", *words, *others, "--fail-on", "never", "--migration", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def retromuscle(stack: ExitStack) -> tuple[Postgres, PostgREST]:
    """A database of RetroMuscle with the applications of years, and its PostgREST."""
    postgres = stack.enter_context(Postgres())
    asyncio.run(load(postgres.dsn, CREATORS))
    # Else rows are counted up to a second later, and those from before an ANALYZE as changed after it.
    asyncio.run(run(postgres.dsn, HISTORY, "select pg_stat_force_next_flush()", "analyze"))
    return postgres, stack.enter_context(PostgREST(postgres.dsn_as("authenticator"), secret=SECRET))


async def own_times(dsn: str) -> dict[str, list[float]]:
    """Per query the rows that it returns, and milliseconds of its statement alone: of reading the rows in their order,
    and of the same with their JSON. Each is the median over values of the fastest of some runs.
    """
    found: dict[str, list[list[float]]] = {}
    connection = await asyncpg.connect(dsn)
    for number in range(VALUES):
        for query, value in targets(number).items():
            read = sql_of(query, value)
            rows = await connection.fetchval(f"select count(*) from ({read}) t")
            plain = await executed(connection, read)
            as_json = await executed(connection, f"select json_agg(t) from ({read}) t")
            found.setdefault(query, []).append([rows, plain, as_json])
    await connection.close()
    return {
        query: [round(statistics.median(each), 2) for each in zip(*rows, strict=True)] for query, rows in found.items()
    }


def sql_of(query: str, value: str) -> str:
    """The statement of a query with one filter, as PostgREST reads its rows."""
    table, _, rest = query.format(value).partition("?")
    (column, test), *order = [each.split("=") for each in rest.split("&")]
    ordered = f" order by {order[0][1].replace('.', ' ')}" if order else ""
    return f"select * from {table} where {column} = '{test.removeprefix('eq.')}'{ordered}"


async def executed(connection: asyncpg.Connection[Any], statement: str) -> float:
    """The execution time of EXPLAIN ANALYZE."""
    explain = f"explain (analyze, timing off, format json) {statement}"
    plans = [json.loads(await connection.fetchval(explain)) for _ in range(RUNS)]
    return min(float(plan[0]["Execution Time"]) for plan in plans)


def measured() -> dict[str, Any]:
    """Milliseconds (median, 95th percentile) of each query before and after; and the statements of the migration."""
    with ExitStack() as stack:
        folder, token = Path(stack.enter_context(tempfile.TemporaryDirectory())), service_token(SECRET)
        (plain, before_rest), (changed, after_rest) = retromuscle(stack), retromuscle(stack)
        recorded(after_rest.url, token, folder / "recording.jsonl")
        migration(changed.dsn, folder / "recording.jsonl", folder / "migration.sql")
        made = list(statements((folder / "migration.sql").read_text(encoding="utf-8")))
        asyncio.run(run(changed.dsn, *made, "vacuum analyze"))
        asyncio.run(run(plain.dsn, "vacuum analyze"))
        own = [asyncio.run(own_times(dsn)) for dsn in (plain.dsn, changed.dsn)]
        before, after = asyncio.run(through_fanin((before_rest.url, after_rest.url), token))
    rows = {query: {"before": figures(before[query]), "after": figures(after[query])} for query in before}
    return {"machine": machine(), "requests": TIMES, "statements": made, "rows": rows, "own": own}


def figures(values: list[float]) -> list[float]:
    """Median and 95th percentile."""
    return [round(statistics.median(values), 2), round(statistics.quantiles(values, n=100)[94], 2)]


def read() -> dict[str, Any]:
    """The committed figures."""
    return dict(json.loads(DATA.read_text(encoding="utf-8")))


def part(data: dict[str, Any]) -> str:
    """The table of the page."""
    lines = ["| query | p95 before | p95 after | median before | median after |", "|---|---|---|---|---|"]
    for query, row in data["rows"].items():
        (median, high), (median_after, high_after) = row["before"], row["after"]
        cells = (f"{value:.1f} ms" for value in (high, high_after, median, median_after))
        lines.append(f"| `{query.replace('{}', '…')}` | " + " | ".join(cells) + " |")
    how = "one after another, in turns with and without the migration"
    lines += ["", f"{data['requests']} requests a query, {how}; {', '.join(data['machine'].values())}."]
    lines += ["", "The statements alone, as Postgres' EXPLAIN ANALYZE says, without and with the migration:", ""]
    lines += ["| query | rows | reading before | after | with JSON before | after |", "|---|---|---|---|---|---|"]
    for query, (rows, read, as_json) in data["own"][0].items():
        _, read_after, json_after = data["own"][1][query]
        cells = (f"{value:.2f} ms" for value in (read, read_after, as_json, json_after))
        lines.append(f"| `{query.replace('{}', '…')}` | {rows:.0f} | " + " | ".join(cells) + " |")
    return "\n" + "\n".join(lines) + "\n"


def plot(data: dict[str, Any]) -> str:
    """The 95th percentiles as bars, as SVG."""
    return "\n".join(_svg(data["rows"])) + "\n"


def _svg(rows: dict[str, Any]) -> Iterator[str]:
    most = max(row[side][1] for row in rows.values() for side in row)
    height = TOP + ROW * len(rows) + 10
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    yield "<title>95th percentile before and after the migration of fanin audit</title>"
    yield "<style>text { font: 12px system-ui, sans-serif; fill: #57606a }</style>"
    yield f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    for place, (side, colour) in enumerate(zip(("before", "after"), COLOURS, strict=True)):
        yield f'<text x="{LEFT + 80 * place}" y="18" style="fill:{colour}">p95 {side}</text>'
    for number, (query, row) in enumerate(rows.items()):
        y = TOP + ROW * number
        name = query.replace("{}", "…").replace("&", "&amp;")
        yield f'<text x="{LEFT - 8}" y="{y + 17}" text-anchor="end">{name}</text>'
        for place, (side, colour) in enumerate(zip(("before", "after"), COLOURS, strict=True)):
            value, top = row[side][1], y + 13 * place
            wide = value / most * (WIDTH - LEFT - 70)
            yield f'<rect x="{LEFT}" y="{top}" width="{wide:.1f}" height="11" fill="{colour}"/>'
            yield f'<text x="{LEFT + wide + 5:.1f}" y="{top + 10}">{value:.1f} ms</text>'
    yield "</svg>"


def write_pages(data: dict[str, Any]) -> None:
    """Everything that is made of audit_gain.json."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), {"audit-gain": part(data)}), encoding="utf-8")
    PLOT.write_text(plot(data), encoding="utf-8")


def main() -> None:
    """Measure, print and write."""
    os.environ["PATH"] = search_path()
    data = measured()
    print("\n".join(data["statements"]), part(data))
    DATA.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_pages(data)


if __name__ == "__main__":
    main()
