"""`make soak`: fanin's resident memory under ten minutes of load (ENDURANCE_MINUTES=n: as many), in figures.

It has to be flat once warm: the median of the last third is at most a tenth, or 5 MB, above that of the second.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.demo.data import load as load_data
from proxy.demo.sidecar import Fanin
from proxy.demo.stack import Postgres, PostgREST, service_token
from tests.conftest import CREATORS, SECRET
from tests.e2e.support.bursts import get
from tests.e2e.support.load import load

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTES = float(os.environ.get("ENDURANCE_MINUTES", "10"))
CLIENTS = 32
EVERY = 5.0
"""Seconds between two looks."""
SPARE = 5_000_000
GROWTH = 1.10


def main() -> int:
    """The exit status: 1 if memory grew."""
    with Postgres() as postgres:
        asyncio.run(load_data(postgres.dsn, CREATORS))
        with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest:
            return run(postgrest.url)


def run(upstream: str) -> int:
    """With what costs memory switched on."""
    with Fanin(upstream, settings={"detect.row_keys": "on"}) as fanin:
        return asyncio.run(endure(fanin))


async def endure(fanin: Fanin) -> int:
    """Load, and a look from time to time."""
    seen: list[tuple[float, int, int]] = []
    began = time.monotonic()
    async with load(fanin.port, CLIENTS, requests()) as made:
        while time.monotonic() - began < 60 * MINUTES:
            await asyncio.sleep(EVERY)
            seen.append((time.monotonic() - began, len(made.answers) + len(made.failures), resident(fanin.pid)))
            if len(seen) % 12 == 0:
                print("{:5.0f} s  {:9,} requests  {:6.1f} MB".format(*seen[-1][:2], seen[-1][2] / 1e6), flush=True)
    third = len(seen) // 3
    sizes = [size for _, _, size in seen]
    warm, last = statistics.median(sizes[third:-third]), statistics.median(sizes[-third:])
    statuses = ", ".join(f"{count:,} × {status}" for status, count in sorted(made.statuses.items()))
    print(f"{statuses}, {len(made.failures)} without an answer; {warm / 1e6:.1f} MB, at the end {last / 1e6:.1f} MB")
    grew = last > max(GROWTH * warm, warm + SPARE)
    if grew or made.failures:
        print("FELL SHORT: memory grew, or answers are missing", *made.failures[:3], sep="\n")
    return 1 if grew or made.failures else 0


def requests() -> Callable[[int], bytes]:
    """Reads by key, lists, counts, and queries that nobody has asked before, of which a memory could fill up."""
    chance, token = random.Random(1), f"Authorization: Bearer {service_token(SECRET)}"

    def one(number: int) -> bytes:
        key = f"00000000-0000-4000-8000-{chance.randrange(10**12):012}"
        lines = [token, f"X-Fanin-Trace: {number // 20}", f"X-Fanin-Route: /route/{number % 5000}"]
        kind = chance.random()
        if kind < 0.6:
            return get(f"/creators?select=id,handle&id=eq.{key}", *lines)
        if kind < 0.8:
            return get(
                f"/videos?select=id,status&order=created_at.desc,id&limit=20&offset={chance.randrange(100)}", *lines
            )
        if kind < 0.9:
            return get(f"/creators?select=id,alias{number}:handle&limit=1", *lines)
        return get(f"/creators?select=id&limit=1&offset={chance.randrange(50)}", token, "Prefer: count=exact")

    return one


def resident(pid: int) -> int:
    """Bytes of memory that a process has (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/status tells no VmRSS")


if __name__ == "__main__":
    sys.exit(main())
