"""What Python's garbage collector finds: it holds every request while it searches, so requests leave nothing to it."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import OK, RawClient, ScriptedUpstream, answers, fanin

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = {
    "reads": b"GET /t?a=eq.%d HTTP/1.1\r\nHost: h\r\n\r\n",
    "reads that are not merged": b"GET /t?a=gt.%d HTTP/1.1\r\nHost: h\r\n\r\n",
    "writes": b"POST /t HTTP/1.1\r\nHost: h\r\nX: %d\r\nContent-Length: 2\r\n\r\n{}",
    "functions": b"GET /rpc/f?a=%d HTTP/1.1\r\nHost: h\r\n\r\n",
}


@pytest.fixture
def saved() -> Iterator[None]:
    """The collector saves what it finds, and runs when it is asked to."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("mode", ["pass", "rewrite"])
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=list(REQUESTS))
async def test_requests_leave_no_cycles_of_objects(request_: bytes, mode: str) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, mode=mode) as sidecar:
        clients = [RawClient(sidecar.port) for _ in range(3)]
        for client in clients:
            await client.__aenter__()
        for _ in range(2):  # what is made once, by the first requests, is not counted
            gc.collect()
            gc.garbage.clear()
            for turn in range(5):
                for at, client in enumerate(clients):
                    await client.send(request_ % (turn * len(clients) + at))
                await asyncio.gather(*[client.answer(request_[:4].strip()) for client in clients])
        gc.collect()
        found = [type(each).__name__ for each in gc.garbage if type(each).__module__.startswith("proxy.")]
        for client in clients:
            await client.__aexit__(None, None, None)
    assert found == []
