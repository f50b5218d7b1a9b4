"""Memory of the whole process, under a flood of requests that are as large as fanin reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.e2e.support.harness import OK, RawClient, ScriptedUpstream, answers, fanin_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.support.harness import Program

REQUESTS = int(os.environ.get("FLOOD_GETS", "1200"))
FILTERS = 280
"""Filters per request; a target of more than 300 parameters is not parsed."""
BOUND = 4_000_000
BOUNDS = ("trace.max_bytes", "detect.max_bytes", "detect.findings_bytes", "detect.fingerprints_bytes")
"""Settings that bound memory in bytes, each set to ``BOUND``."""
MORE = 60_000_000
"""Bytes that the process may grow by at most: the bounds, and what Python's allocator keeps."""
SIZE = 10
"""Requests per trace."""


def get(number: int) -> bytes:
    """A read with a fingerprint and values of its own."""
    filters = "&".join(f"c{number}_{at}=eq.{number * at}" for at in range(FILTERS))
    lines = f"Host: h\r\nX-Fanin-Trace: t{number // SIZE}\r\nX-Fanin-Route: /r{number // SIZE}\r\n"
    return f"GET /t?{filters} HTTP/1.1\r\n{lines}\r\n".encode()


async def flood(program: Program, numbers: range) -> None:
    async with RawClient(program.port) as client:
        for number in numbers:
            await client.send(get(number))
            assert (await client.answer()).status == 200


async def test_a_flood_of_large_requests_leaves_the_process_as_large_as_its_bounds(tell: Callable[[str], None]) -> None:
    flags = ["--set", "trace.quiet_explicit=0.1", "--set", "merge.max_url=20000"]
    for name in BOUNDS:
        flags += ["--set", f"{name}={BOUND}"]
    first = REQUESTS // 4
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_program(upstream.url, *flags) as program:
        before = program.peak_memory()
        await flood(program, range(first))
        some = program.peak_memory()
        await flood(program, range(first, REQUESTS))
        after = program.peak_memory()
    megabytes = [round(size / 1e6, 1) for size in (before, some, after)]
    tell(f"{REQUESTS} GETs with {FILTERS} filters: {megabytes} MB at start, after a quarter, at the end")
    assert after - before < MORE
