"""How much faster fetching ahead makes a loop over a link of 5 ms each way, side by side with PostgREST alone.

``python -m tests.bench.loops [ROUNDS]`` prints a table: a loop of 50 calls after its list, and one with two calls an
iteration; the milliseconds of the loop without its list, and all statements counted by Postgres. The sides take turns,
and each round is a trace of its own. The first rounds open connections, and originals are compared in them; after some
more, the flow from the list to the loop is known, and its first call fetches all.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from proxy.demo.application import application
from proxy.demo.data import load
from proxy.demo.link import Link
from proxy.demo.postgres import Postgres
from proxy.demo.sidecar import Fanin
from proxy.demo.stack import PostgREST, reset, service_token, statements
from proxy.demo.use_cases import OPT_IN
from tests.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Sequence

CREATORS = 2000
KEYS = 50
LIST = f"creators?select=id,handle&order=handle&limit={KEYS}"
PROFILE = "creator_payout_profiles?select=*&creator_id=eq.{}"
MONTHS = "monthly_tracking?select=*&creator_id=eq.{}&order=month.desc"
WARM = 25
"""Rounds that are not measured: by then what was merged is no longer compared with originals (three creators have no
profile, and 40 answers without rows are compared)."""
LEARNT = 5
"""Traces after which the flow is known."""
LOOPS: dict[str, Sequence[str]] = {"one call an iteration": (PROFILE,), "two calls an iteration": (PROFILE, MONTHS)}


class Run(NamedTuple):
    """One loop after its list."""

    bodies: list[bytes]
    seconds: float
    """Of the loop, without its list."""
    statements: int
    """With its list."""


async def _run(
    connection: asyncpg.Connection[asyncpg.Record], url: str, token: str, trace: str, calls: Sequence[str]
) -> Run:
    await reset(connection)
    async with application(url, token, trace, "loop") as app:
        rows = (await app.get(LIST)).rows()
        began = time.perf_counter()
        bodies = [(await app.get(call.format(row["id"]))).body for row in rows for call in calls]
        seconds = time.perf_counter() - began
    return Run(bodies, seconds, await statements(connection))


async def _measure(dsn: str, direct: str, through: str, token: str, rounds: int) -> bool:
    connection = await asyncpg.connect(dsn)
    equal = True
    print("| loop | requests | ms direct | ms | faster by | statements direct | statements | answers |")
    print("|---|---|---|---|---|---|---|---|")
    for name, calls in LOOPS.items():
        pairs = []
        for number in range(WARM + rounds):
            trace = f"{name.replace(' ', '-')}-{number}"
            pairs.append([await _run(connection, url, token, trace, calls) for url in (direct, through)])
        same = all(one.bodies == other.bodies for one, other in pairs)
        for when, some in (("first traces", pairs[1:LEARNT]), ("later traces", pairs[WARM:])):
            print(f"| {name}, {when} {_row(some)} | {'equal' if same else 'DIFFERENT'} |", flush=True)
        equal &= same
    await connection.close()
    return equal


def _row(pairs: Sequence[Sequence[Run]]) -> str:
    before, after = (statistics.median(1000 * pair[side].seconds for pair in pairs) for side in (0, 1))
    ratio = statistics.median(one.seconds / other.seconds for one, other in pairs)
    counted = [statistics.median(pair[side].statements for pair in pairs) for side in (0, 1)]
    texts = f"{before:.0f} | {after:.0f} | {ratio:.1f} × | {counted[0]:.0f} | {counted[1]:.0f}"
    return f"| {len(pairs[0][0].bodies)} | {texts}"


def main() -> int:
    """The exit status: 1 if an answer differed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        asyncio.run(load(postgres.dsn, CREATORS))
        postgrest = stack.enter_context(PostgREST(postgres.dsn_as("authenticator"), secret=SECRET))
        link = stack.enter_context(Link(postgrest.port))
        fanin = stack.enter_context(Fanin(link.url, settings={"db_uri": postgres.dsn, **OPT_IN}))
        equal = asyncio.run(_measure(postgres.dsn, link.url, fanin.url, service_token(SECRET), rounds))
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
