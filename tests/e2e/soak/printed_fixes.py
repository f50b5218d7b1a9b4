"""`make soak`: printed fixes by the ten thousand, one seed after another.

Each seed is a run as in tests/e2e/fixes/test_printed_fixes.py. A round that finds a wrong fix says which, and how to
repeat it alone; the others go on.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter

from proxy.demo.data import load
from proxy.demo.stack import Postgres, service_token
from tests.conftest import CREATORS, SECRET, Stack
from tests.e2e.support.event_loops import new_event_loop
from tests.e2e.support.fix_comparison import Comparison, compare_all, table_of
from tests.e2e.support.fix_shapes import shapes
from tests.e2e.support.fix_tables import loop_tables, loops_behind
from tests.e2e.support.fix_writes import compare_writes, writes

SHAPES = int(os.environ.get("FIX_SHAPES", "20000"))
SEED = int(os.environ.get("FIX_SEED", "1"))
ROUND = 500
"""Shapes of one seed; a fifth of them are loops of writes."""


def main() -> int:
    """The exit status: 1 if any fix was wrong."""
    with Postgres() as postgres, asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(load(postgres.dsn, CREATORS))
        runner.run(loop_tables(postgres.dsn))
        with loops_behind(Stack(postgres.dsn, "", service_token(SECRET))) as stack:
            return runner.run(soak(stack))


async def soak(stack: Stack) -> int:
    """Whole rounds, of at least ``SHAPES`` shapes in all."""
    began, failed, seen = time.monotonic(), 0, Counter[tuple[str, str, str]]()
    rounds = -(-SHAPES // ROUND)
    for at in range(rounds):
        done = await one_round(stack, SEED + at)
        for comparison in done:
            seen += comparison.seen
        wrong = [one for one in done if one.wrong]
        failed += bool(wrong)
        print(f"{at + 1}/{rounds}: {(at + 1) * ROUND:,} shapes so far", flush=True)
        for comparison in wrong:
            print(f"WRONG (FIX_SEED={SEED + at} FIX_SHAPES={ROUND} repeats it)\n{comparison.report()}", flush=True)
    print(table_of(seen))
    print(
        f"{rounds * ROUND:,} shapes in {time.monotonic() - began:.0f} s, {failed} of {rounds} rounds with wrong fixes"
    )
    return 1 if failed else 0


async def one_round(stack: Stack, seed: int) -> list[Comparison]:
    reads = await compare_all(stack, list(shapes(seed, ROUND * 4 // 5)))
    known = {"detect__openapi": True, "openapi_token": stack.token}
    return [reads, await compare_writes(stack, list(writes(seed, ROUND // 5)), **known)]


if __name__ == "__main__":
    sys.exit(main())
