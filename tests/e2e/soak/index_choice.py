"""`make soak`: the indexes that the advisor chooses for the queries of TPC-H, against the best ones of two columns.

`python -m tests.e2e.soak.index_choice` makes the data (`TPCH_SCALE`, 0.05), asks the advisor, and searches for the
cheapest set of indexes of one or two columns that needs no more room. The exit status is 1 if the plans of all queries
together cost more than 5 % more with the advisor's indexes than with those.

The queries weigh what their plans cost, so that the sum that the advisor lowers is the sum that is compared.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg

from proxy.advisor.advice import ObservedStatement
from proxy.database.advise import AdvisorSettings, advise
from proxy.database.session import connected
from proxy.database.snapshot import read_database
from proxy.demo.postgres import Postgres
from proxy.sql.sql_file import read_statements
from tests.e2e.support.index_reference import Candidate, Plans, Search, candidates
from tests.programs import HOME

HERE = Path(__file__).parents[1] / "support/tpch"
TABLES = ("region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem")
SCALE = os.environ.get("TPCH_SCALE", "0.05")
MOST = 1.05
DEBIAN = HOME / "postgresql" / "bin"
COLUMNS = """
select a.attname::text as name, c.relname::text as table from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
"""


async def fill(dsn: str, folder: str) -> None:
    """The tables, with their statistics."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute((HERE / "schema.sql").read_text(encoding="utf-8"))
        await connection.execute("create extension hypopg")
        for table in TABLES:
            source = Path(folder, f"{table}.csv")
            await connection.copy_to_table(table, source=source, format="csv", header=True)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


async def advised(dsn: str, plans: Plans) -> list[Candidate]:
    """The advisor's indexes."""
    database = await read_database(dsn, ("public",))
    costs = [(await plans.of(number, frozenset()))[0] for number in range(len(plans.statements))]
    observed = [ObservedStatement(text, 1, cost / 1000) for text, cost in zip(plans.statements, costs, strict=True)]
    async with connected(dsn) as connection:
        advice = await advise(connection, database, observed, AdvisorSettings())
    missed = [one for one in advice.none if not one.checked]
    assert not missed, missed
    found = [(one.index.table, one.index.create()) for one in advice.indexes]
    return [Candidate(table, (), await plans.size_of(text), text) for table, text in found]


async def compared(dsn: str) -> float:
    """Cost with the advisor's indexes, as a multiple of the cost with the best ones of two columns."""
    connection = await asyncpg.connect(dsn)
    try:
        queries = read_statements((HERE / "queries.sql").read_text(encoding="utf-8"))
        plans = Plans(connection, [one.text for one in queries])
        ours = await advised(dsn, plans)
        columns = {row["name"]: row["table"] for row in await connection.fetch(COLUMNS)}
        others = await candidates(plans, columns)
        room = sum(one.size for one in ours)
        search = Search(plans, room)
        await search.run(frozenset(others))
        before, cost = (await plans.total(frozenset()))[0], (await plans.total(frozenset(ours)))[0]
    finally:
        await connection.close()
    best, chosen = search.best
    for title, found, total in (("none", (), before), ("fanin's", ours, cost), ("best", sorted(chosen), best)):
        print(f"{title}: cost {total:,.0f} with {len(found)} indexes, {sum(one.size for one in found) / 1e6:.0f} MB")
        print("".join(f"    {one.statement}\n" for one in found), end="")
    print(f"{len(others)} candidates, {search.branches} branches, {plans.asked} plans: {cost / best:.1%} of the best")
    return cost / best


def main() -> int:
    """Returns the exit status."""
    os.environ["FANIN_PG_BIN"] = str(DEBIAN)
    with Postgres(settings={"shared_preload_libraries": ""}) as postgres, tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable).with_name("tpchgen-cli")
        command = [str(program), "csv", "--scale-factor", SCALE, "--output-dir", folder]
        subprocess.run(command, check=True, capture_output=True)
        asyncio.run(fill(postgres.dsn, folder))
        return int(asyncio.run(compared(postgres.dsn)) > MOST)


if __name__ == "__main__":
    sys.exit(main())
