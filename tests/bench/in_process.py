"""CPU time per request of the whole sidecar in this process, on uvloop, between fakes (see ``fakes``).

``python -m tests.bench.in_process PATH REQUESTS`` runs one of ``fakes.PATHS`` or ``fakes.GROWING``, and prints seconds
of CPU per request and upstream calls per request. With ``--cold``, other memory is read ahead of each request, so that
code and data come from memory as after a pause; the time that this takes is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time

import uvloop

from tests.bench.fakes import GROWING, PATHS, start

COLD = 16 << 20
"""Bytes that are read ahead of a request: more than the caches that a core has for itself."""
CYCLE = 10_000
"""Requests until those of ``fakes.GROWING`` begin again: what is new is then new no longer."""
LINE = 64
"""Bytes of a cache line."""


class Thrash:
    """Reads ``COLD`` bytes when it is called; ``spent`` is the CPU time of all calls in seconds."""

    def __init__(self) -> None:
        self._memory = bytearray(COLD)
        self.spent = 0.0

    def __call__(self) -> None:
        began = time.process_time()
        self._memory[::LINE].count(1)
        self.spent += time.process_time() - began


async def run(path: str, requests: int, *, cold: bool) -> tuple[float, float]:
    """Seconds of CPU per request, and upstream calls per request."""
    bench = await start(time.monotonic)
    await bench.serve(path, CYCLE if path in GROWING else max(500, requests // 10))  # fills the caches
    thrash = Thrash()
    began, calls = time.process_time(), bench.upstream.calls
    await bench.serve(path, requests, thrash if cold else None)
    spent = time.process_time() - began - thrash.spent
    return spent / requests, (bench.upstream.calls - calls) / requests


def main() -> None:
    """Print seconds of CPU and upstream calls per request."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.in_process")
    parser.add_argument("path", choices=[*PATHS, *GROWING])
    parser.add_argument("requests", type=int)
    parser.add_argument("--cold", action="store_true", help="read other memory ahead of each request")
    options = parser.parse_args()
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    seconds, calls = runner.run(run(options.path, options.requests, cold=options.cold))
    print(f"{seconds:.9f} {calls:.4f}", flush=True)
    os._exit(0)  # the fakes never close, so the clients' tasks would not end


if __name__ == "__main__":
    main()
