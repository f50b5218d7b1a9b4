"""An upstream that answers like PostgREST, but for a fault in its answers to merged calls."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.e2e.support.bursts import get, together
from tests.e2e.support.harness import ScriptedConnection, ScriptedUpstream, fanin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from proxy.sidecar.sidecar import Sidecar


def postgrest_answer(target: str, body: str, rows: int, total: str, more: str = "") -> bytes:
    """An answer as PostgREST writes it."""
    span = f"0-{rows - 1}" if rows else "*"
    return (
        "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 17:00:00 GMT\r\nServer: postgrest/12.0.2\r\n"
        f"Content-Range: {span}/{total}\r\nContent-Location: {target}\r\n"
        f"Content-Type: application/json; charset=utf-8\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def correct_answer(request: bytes, more: str = "") -> bytes:
    """What a faultless upstream answers to a read of ``id``, merged or not."""
    target = request.split(b" ")[1].decode()
    found = re.search(r"id=(?:eq\.|in\.\()([-\d,]+)", target)
    assert found is not None
    alias = re.search(r"select=(\w+):", target)
    keys = found[1].split(",")
    rows = [(f'{{"{alias[1]}":"{key}",' if alias else "{") + f'"id":{key}}}' for key in keys]
    total = str(len(rows)) if b"count=exact" in request else "*"
    return postgrest_answer(target, "[" + ", \n ".join(rows) + "]", len(rows), total, more)


def is_merged(request: bytes) -> bool:
    return b"=in.(" in request


def script_with_fault(
    fault: Callable[[ScriptedConnection, bytes], Awaitable[None]],
) -> Callable[[ScriptedConnection], Awaitable[None]]:
    """A script: ``fault`` answers merged calls, others are answered as they should be."""

    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            if is_merged(request):
                await fault(connection, request)
            else:
                await connection.send(correct_answer(request))

    return script


@asynccontextmanager
async def faulty_upstream(
    fault: Callable[[ScriptedConnection, bytes], Awaitable[None]], **changes: object
) -> AsyncIterator[tuple[ScriptedUpstream, Sidecar]]:
    settings = {"merge__deadline_floor": 10.0, "profile": "postgrest"} | changes
    async with ScriptedUpstream(script_with_fault(fault)) as upstream, fanin(upstream.url, **settings) as sidecar:
        yield upstream, sidecar
        assert sidecar.policy.default.merger.batcher.waiting == 0


REQUESTS = [get(f"/t?id=eq.{n}") for n in range(1, 41)]


async def assert_originals_are_sent(
    fault: Callable[[ScriptedConnection, bytes], Awaitable[None]], **changes: object
) -> None:
    async with faulty_upstream(fault, **changes) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert [json.loads(one.body) for one in answers] == [[{"id": n}] for n in range(1, 41)]
        assert sum(map(is_merged, upstream.requests)) == 1
        assert len(upstream.requests) == 1 + len(REQUESTS)
