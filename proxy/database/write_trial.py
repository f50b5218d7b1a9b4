"""How long rows take to write with one more index: measured on a temporary copy, which is rolled back.

The copy has no other index, constraint or trigger, so that nothing else is measured, and no client waits for it.

Tests: tests/e2e/findings/test_trial.py.
"""

import time
from typing import TYPE_CHECKING

from msgspec import structs

from proxy.advisor.write_cost import WriteCost
from proxy.database.session import Caller, DatabaseFaultError, Limits, rolled_back
from proxy.database.trial import limits_for
from proxy.plans.proposed_index import ProposedIndex

if TYPE_CHECKING:
    from proxy.database.session import Connection

ROWS, RUNS = 10_000, 3
COPY = "pg_temp.fanin_trial_writes"


async def write_cost(connection: "Connection", index: ProposedIndex, size: float, limits: Limits) -> WriteCost:
    """What the index costs a row of ``size`` bytes in it; estimated where the role may make no temporary table."""
    try:
        async with rolled_back(connection, Caller(), limits_for(limits), writes=True):
            rows = await _copy(connection, index)
            if not rows:
                return WriteCost(size)
            before = min([await _written(connection, index) for _ in range(RUNS)])
            await connection.execute(f"truncate {COPY}")
            copied = structs.replace(index, schema="pg_temp", table="fanin_trial_writes", partitions=())
            await connection.execute(copied.create())
            after = min([await _written(connection, index) for _ in range(RUNS)])
    except DatabaseFaultError:
        return WriteCost(size)
    return WriteCost(size, max(0.0, after - before) / rows, rows)


async def _copy(connection: "Connection", index: ProposedIndex) -> int:
    """An empty copy of the table; how many rows will be written to it."""
    table = _table(index)
    await connection.execute(f"create temporary table fanin_trial_writes (like {table}) on commit drop")
    count = f"select count(*) from (select from {table} limit {ROWS}) as few"  # noqa: S608 – a quoted name
    return int(await connection.fetchval(count))


async def _written(connection: "Connection", index: ProposedIndex) -> float:
    """Milliseconds for writing the rows."""
    await connection.execute(f"truncate {COPY}")
    begin = time.perf_counter()
    await connection.execute(f"insert into {COPY} select * from {_table(index)} limit {ROWS}")  # noqa: S608 – as above
    return (time.perf_counter() - begin) * 1000


def _table(index: ProposedIndex) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in (index.schema, index.table))
