"""`make soak`: reads race with writers by the hundred thousand operations, and each read is what is promised."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from typing import Any

from proxy.demo.data import load
from proxy.demo.stack import Postgres, service_token
from tests.conftest import CREATORS, SECRET, Stack
from tests.e2e.support.event_loops import new_event_loop
from tests.e2e.support.histories import broken_promises
from tests.e2e.support.racing_faults import Disturbed, NotifiedCacheRace, NotifiedRace, disturbed_registers
from tests.e2e.support.racing_loops import Race, new_versions
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
        with disturbed_registers(stack) as made, asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(soak(made, OPERATIONS))


def race_of(made: Disturbed, seed: int, versions: dict[int, int]) -> tuple[Race, dict[str, Any]]:
    """The race, and its settings. By turns it has no writers through fanin, some, and notifications and faults."""
    notified: type[NotifiedRace] = (NotifiedCacheRace, NotifiedRace)[seed // 3 % 2]
    if seed % 3 == 2:
        return notified(made, seed, ROUND, versions), {}
    kind, settings = KINDS[seed // 3 % len(KINDS)]
    catalog = {"db_uri": made.stack.dsn} if seed % 2 else {}
    return kind(made.stack, seed, ROUND, versions, writers=3 if seed % 3 else 0), settings | catalog


async def soak(made: Disturbed, operations: int) -> int:
    """Whole rounds, of at least ``operations`` in all."""
    versions, done, kept, failed = new_versions(), Counter[str](), 0, 0
    seed = 0
    while done.total() < operations:
        seed += 1
        race, settings = race_of(made, seed, versions)
        await race.run(**settings)
        done[type(race).__name__] += len(race.history)
        kept += sum(read.from_memo for read in race.history.reads)
        if broken := broken_promises(race.history):
            failed += 1
            print(f"seed {seed}: {broken}")
    print(f"{done.total():,} operations ({dict(done)}), {kept:,} reads from what was kept")
    print(f"{failed} of {seed} rounds broke a promise")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
