"""What Python's garbage collector finds: it holds every request while it searches, so requests leave nothing to it."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import OK, RawClient, ScriptedUpstream, answers, fanin, until

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
        found = ours()
        for client in clients:
            await client.__aexit__(None, None, None)
    assert found == []


ENDS = {
    "a client that closes": (REQUESTS["reads that are not merged"] % 1, 200),
    "a client that says that it closes": (b"GET /t?a=gt.1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 200),
    "a client that sends nothing": (b"", 0),
    "a client that sends half a head": (b"GET /t", 0),
    "a client that hangs up in its body": (b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{", 0),
    "a client that hangs up before its answer": (REQUESTS["reads"] % 1, 0),
    "a request that is refused": (b"GET /t HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400),
    "an answer from an upstream that is gone": (REQUESTS["reads that are not merged"] % 1, 502),
    "a merged answer from an upstream that is gone": (REQUESTS["reads"] % 1, 502),
}


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("end", ENDS)
async def test_connections_leave_no_cycles_of_objects(end: str) -> None:
    request, status = ENDS[end]
    async with ScriptedUpstream(answers(OK)) as upstream:
        if status == 502:
            await upstream.__aexit__(None, None, None)
        async with fanin(upstream.url, mode="rewrite") as sidecar:
            for _ in range(2):  # what is made once, by the first requests, is not counted
                gc.collect()
                gc.garbage.clear()
                for _ in range(5):
                    async with RawClient(sidecar.port) as client:
                        await client.send(request)
                        assert not status or (await client.answer()).status == status
                await until(lambda: not sidecar.server.open)
            found = ours()
    assert found == []


def ours() -> list[str]:
    """The types of fanin's objects that were found, and of the event loop's connections."""
    gc.collect()
    types = [type(each) for each in gc.garbage]
    return [found.__name__ for found in types if found.__module__.startswith(("proxy.", "uvloop."))]
