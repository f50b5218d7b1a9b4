"""Bodies are passed on as they come: little memory holds them, and an answer need not wait for its request's end."""

from __future__ import annotations

import sys

import pytest

from tests.e2e.support.harness import (
    OK,
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    fanin,
    fanin_program,
)

GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


MEGABYTE = b"0123456789abcdef" * 65_536


LARGE = 200


LIMIT = 150_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_200_mb_stream_both_ways_through_little_memory() -> None:
    taken = 0

    async def script(connection: ScriptedConnection) -> None:
        nonlocal taken
        head = await connection.head()
        assert head is not None
        if head.startswith(b"PUT"):
            for _ in range(LARGE):
                taken += (await connection.exactly(len(MEGABYTE))) == MEGABYTE
                connection.received.clear()
            await connection.send(OK)
        else:
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LARGE * len(MEGABYTE)))
            for _ in range(LARGE):
                await connection.send(MEGABYTE)

    async with ScriptedUpstream(script) as upstream, fanin_program(upstream.url) as running:
        async with RawClient(running.port) as client:
            await client.send(b"PUT /t HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (LARGE * len(MEGABYTE)))
            for _ in range(LARGE):
                await client.send(MEGABYTE)
            assert (await client.answer(b"PUT")).body == b"ok"
        assert taken == LARGE
        async with RawClient(running.port) as client:
            await client.send(GET)
            await client.until(b"\r\n\r\n")
            for _ in range(LARGE):
                assert await client.exactly(len(MEGABYTE)) == MEGABYTE
        assert running.peak_memory() < LIMIT


async def test_an_early_answer_reaches_a_client_that_is_still_uploading() -> None:
    async def refuses(connection: ScriptedConnection) -> None:
        await connection.head()
        await connection.send(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await connection.gone()

    async with (
        ScriptedUpstream(refuses) as upstream,
        fanin(upstream.url) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        client.writer.write(b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 3_000_000)
        answer = await client.answer(b"POST")
        assert (answer.status, answer.body) == (413, b"big")
        assert answer.values(b"connection") == [b"close"]
        # What it still sends is taken: a reset here could overtake the answer on its way.
        client.writer.write(b"x" * 3_000_000)
        client.finish()
        assert await client.reader.read() == b""
