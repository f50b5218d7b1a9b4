"""Writers beside clients whose requests fanin and PostgREST could read differently, or PostgREST reads only in part."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import RawClient, fanin

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = pytest.mark.stack

WRITERS, WRITES = 6, 80
UNREAD = b"Content-Length: 50000\r\n\r\n" + b"x" * 50_000
PREFLIGHT = b"Origin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n"
FORGED = b"Authorization: Bearer x.y.z\r\n"
CALL = b"POST /rpc/nope HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
CHUNKS = b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n"

STRANGE = {
    "chunked with a blank": CALL + b"Transfer-Encoding: chunked " + CHUNKS,
    "chunked with a tab": CALL + b"Transfer-Encoding: chunked\t" + CHUNKS,
    "chunked with a comma behind it": CALL + b"Transfer-Encoding: chunked," + CHUNKS,
    "chunked with a comma before it": CALL + b"Transfer-Encoding: ,chunked" + CHUNKS,
    "chunked with a second line": CALL + b"Transfer-Encoding: chunked\r\nTransfer-Encoding:" + CHUNKS,
    "a body that a forged token leaves unread": b"POST /creators HTTP/1.1\r\nHost: h\r\n" + FORGED + UNREAD,
    "a chunked body that a forged token leaves unread": (
        b"POST /creators HTTP/1.1\r\nHost: h\r\n" + FORGED + b"Transfer-Encoding: chunked\r\n\r\n"
        b"2710\r\n" + b"x" * 10_000 + b"\r\n0\r\n\r\n"
    ),
    "a body of a preflight": b"OPTIONS /creators HTTP/1.1\r\nHost: h\r\n" + PREFLIGHT + UNREAD,
    "a body of a read": b"GET /creators HTTP/1.1\r\nHost: h\r\n" + FORGED + UNREAD,
}


async def write(port: int, token: str) -> list[int]:
    """The statuses of many writes on one connection."""
    body = b'{"rate_per_video":1}'
    raw = b"PATCH /video_rates?video_type=eq.NONE HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    raw += b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (token.encode(), len(body), body)
    statuses = []
    async with RawClient(port) as client:
        for _ in range(WRITES):
            await client.send(raw)
            statuses.append((await client.answer(b"PATCH")).status)
    return statuses


async def interfere(port: int, raw: bytes) -> None:
    """Send ``raw`` on one connection after another, without end."""
    while True:
        async with RawClient(port) as client:
            await client.send(raw)
            assert (await client.answer(raw.partition(b" ")[0])).status < 500


@pytest.mark.parametrize("raw", STRANGE.values(), ids=list(STRANGE))
async def test_no_write_fails_because_of_what_others_sent(stack: Stack, raw: bytes) -> None:
    async with fanin(stack.url) as sidecar:
        strangers = [asyncio.create_task(interfere(sidecar.port, raw)) for _ in range(2)]
        try:
            statuses = await asyncio.gather(*[write(sidecar.port, stack.token) for _ in range(WRITERS)])
        finally:
            for stranger in strangers:
                stranger.cancel()
            ended = await asyncio.gather(*strangers, return_exceptions=True)
    assert [status for some in statuses for status in some] == [204] * (WRITERS * WRITES)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
