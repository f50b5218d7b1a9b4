"""`make soak`: random bursts by the hundred thousand, one seed after another.

Each seed is a run as in tests/e2e/exactness/test_differential.py.

Round after round is told as it ends. One that falls short says what with, and how to repeat it alone; the others go on.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from proxy.demo.data import load
from proxy.demo.stack import Postgres, service_token
from tests.conftest import CREATORS, SECRET, Stack
from tests.e2e.support.burst_coverage import Coverage
from tests.e2e.support.differential_runs import SEED, Run, Upstreams, compare_in_all_runs
from tests.e2e.support.event_loops import new_event_loop
from tests.e2e.support.unusual_types import unusual_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS = int(os.environ.get("DIFFERENTIAL_REQUESTS", "200000"))
ROUND = 10_000
"""Requests of one seed: few enough to be repeated in a minute, enough to hold a round to what it has to show."""


def main() -> int:
    """The exit status: 1 if any round fell short."""
    with _upstreams() as upstream, asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(soak(upstream, REQUESTS))


async def soak(upstream: Callable[[Run], Stack], requests: int) -> int:
    """Whole rounds, of at least ``requests`` requests in all."""
    began, done, failed, coverage = time.monotonic(), 0, 0, Coverage()
    rounds = -(-requests // ROUND)
    for at in range(rounds):
        proof = await compare_in_all_runs(upstream, SEED + at, ROUND)
        done += proof.requests
        coverage.add(proof.coverage)
        _print_round(f"{at + 1}/{rounds}: {done:,} requests so far; {proof.headline}")
        if short := proof.shortcomings():
            failed += 1
            repeat = f"DIFFERENTIAL_SEED={proof.seed} DIFFERENTIAL_REQUESTS={ROUND} make soak"
            _print_round("\n".join([f"FELL SHORT ({repeat} repeats it)", str(proof), *short]))
    seconds = time.monotonic() - began
    _print_round(coverage.table())
    _print_round(
        f"{done:,} requests in {seconds:.0f} s ({done / seconds:.0f}/s), {failed} of {rounds} rounds fell short"
    )
    return 1 if failed else 0


@contextmanager
def _upstreams() -> Iterator[Callable[[Run], Stack]]:
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, CREATORS))
        unready = Stack(postgres.dsn, "", service_token(SECRET))
        with unusual_tables(unready) as unusual, Upstreams(unusual) as upstream:
            yield upstream


def _print_round(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
