"""What fanin takes for a request is the same request to any server behind it: thousands of inputs, three readers."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import RawClient, fanin
from tests.e2e.support.recording_upstream import RecordingUpstream
from tests.e2e.support.request_cases import KINDS, cases, numbered
from tests.e2e.support.request_readers import READERS, ReadRequest, UnreadableError, read_strictly

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.server.server import ClientRequest
    from proxy.sidecar.sidecar import Sidecar

END = b"GET /e@@@@ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
AT_ONCE = 24
"""Cases that are sent at the same time."""
WAITS = ("timeouts__head", "timeouts__body_idle", "timeouts__keep_alive")
SHORT = 0.05
"""Seconds that fanin waits for a request, or the rest of one."""
DISTINCT = 5000
"""The least number of distinct cases."""


class Meaning:
    """The requests that fanin read, as its pipeline gets them."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.requests: list[ReadRequest] = []
        """Those of which the whole body came."""
        assert sidecar.server is not None
        self._handle = sidecar.server._handler
        sidecar.server._handler = self._handler

    async def _handler(self, request: ClientRequest) -> bool:
        pieces: list[bytes] = []
        ready = request.body.ready

        def kept() -> bytes:
            pieces.append(ready())
            return pieces[-1]

        if request.body.framing:
            request.body.ready = kept  # type: ignore[method-assign]
        answer = self._handle(request)
        assert answer is not None, "a task answers it"
        try:
            return await answer
        finally:
            if request.body.done:
                lines = request.head.forwarded_lines.split(b"\r\n")
                host = b",".join(line.removeprefix(b"Host: ") for line in lines if line.startswith(b"Host: "))
                self.requests.append(ReadRequest(request.line.method, request.line.target, host, b"".join(pieces)))


async def send(port: int, raw: bytes, places: asyncio.Semaphore) -> bytes:
    async with places, RawClient(port) as client:
        await client.send(raw)
        return await client.rest()


def read_by(reader: Callable[[bytes], list[ReadRequest]], data: bytes) -> list[ReadRequest]:
    try:
        return reader(data)
    except UnreadableError as error:
        return error.before


def test_the_cases_are_many_and_distinct() -> None:
    assert len({case for kind in KINDS for case in cases(kind)}) >= DISTINCT


@pytest.mark.parametrize("kind", KINDS)
async def test_every_reader_sees_the_requests_that_fanin_meant(kind: str, tell: Callable[[str], None]) -> None:
    sent = [numbered(case + END, number) for number, case in enumerate(cases(kind))]
    changes = {"mode": "pass", "upstream_host": "client"} | dict.fromkeys(WAITS, SHORT)
    async with RecordingUpstream() as upstream, fanin(upstream.url, **changes) as sidecar:
        meaning, places = Meaning(sidecar), asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(*[send(sidecar.port, raw, places) for raw in sent])
    assert [connection.wrong for connection in upstream.connections if connection.wrong] == []
    for connection in upstream.connections:
        for name, reader in READERS.items():
            assert read_by(reader, connection.received) == connection.requests, name
    assert Counter(request for connection in upstream.connections for request in connection.requests) == Counter(
        meaning.requests
    )
    for number, raw in enumerate(sent):
        _assert_meant_as_sent(number, raw, meaning.requests)
    refused = sum(b"FANIN" in answer for answer in answers)
    assert 0 < refused < len(sent)
    tell(f"{kind}: {len(sent)} cases, {refused} refused, {len(meaning.requests)} requests forwarded")


def _assert_meant_as_sent(number: int, raw: bytes, meant: list[ReadRequest]) -> None:
    """As far as the RFCs say what ``raw`` means, fanin did not take it for anything else."""
    mark = b"%04d" % number
    own = [request for request in meant if mark in request.target]
    for request, strict in zip(own, read_by(read_strictly, raw), strict=False):
        if strict.target.startswith(b"/"):
            assert request == strict
