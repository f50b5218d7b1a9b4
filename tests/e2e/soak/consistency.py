"""`make soak`: loops, and reads of kept answers, race with writers by the hundred thousand operations, and each read is
what is promised.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from proxy.demo.data import load
from proxy.demo.stack import Postgres, service_token
from tests.conftest import CREATORS, SECRET, Stack
from tests.e2e.support.event_loops import new_event_loop
from tests.e2e.support.histories import broken_promises
from tests.e2e.support.racing_loops import Race, new_versions, registers
from tests.e2e.support.racing_reads import STALE, CacheRace

OPERATIONS = int(os.environ.get("CONSISTENCY_OPERATIONS", "100000"))
ROUND = 5000
"""Operations of one run: few enough to be repeated."""
KINDS: tuple[tuple[type[Race], dict[str, Any]], ...] = ((Race, {}), (CacheRace, {}), (CacheRace, STALE))


def main() -> int:
    """The exit status: 1 if any promise was broken."""
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, CREATORS))
        stack = Stack(postgres.dsn, "", service_token(SECRET))
        with registers(stack) as made, asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(soak(made, OPERATIONS))


async def soak(stack: Stack, operations: int) -> int:
    """Whole rounds, of at least ``operations`` in all; every third one without writers through fanin. By turns they are
    of loops, of the cache, and of the cache with answers that are used while they are fetched again; every other time
    with the catalog.
    """
    versions, done, kept, failed = new_versions(), 0, 0, 0
    seed = 0
    while done < operations:
        seed += 1
        kind, settings = KINDS[seed // 3 % len(KINDS)]
        race = kind(stack, seed, ROUND, versions, writers=3 if seed % 3 else 0)
        await race.run(**settings, **({"db_uri": stack.dsn} if seed % 2 else {}))
        done += len(race.history)
        kept += sum(read.from_memo for read in race.history.reads)
        if broken := broken_promises(race.history):
            failed += 1
            print(f"seed {seed}: {broken}")
    print(f"{done:,} operations, {kept:,} reads from memo or cache, {failed} of {seed} rounds broke a promise")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
