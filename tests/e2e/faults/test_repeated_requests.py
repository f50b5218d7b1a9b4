"""When upstream closes a connection a read may be sent once more, a write never; no write waits for reads."""

from __future__ import annotations

import pytest

from proxy.admin.gauges import gauges
from tests.e2e.support.harness import (
    OK,
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    answers,
    ask,
    fanin,
    until,
)

GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


async def answers_once_then_hangs_up_on_the_next(connection: ScriptedConnection) -> None:
    await connection.request()
    await connection.send(OK)
    await connection.request()


@pytest.mark.parametrize("method", [b"GET", b"OPTIONS"])
async def test_a_read_on_a_reused_connection_that_closed_is_sent_once_more(method: bytes) -> None:
    raw = GET.replace(b"GET", method)
    script = answers_once_then_hangs_up_on_the_next
    async with ScriptedUpstream(script, answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        for _ in range(2):
            assert (await ask(sidecar.port, raw)).body == b"ok"
        assert [len(connection.requests) for connection in upstream.connections] == [2, 1]


@pytest.mark.parametrize("method", [b"DELETE", b"POST", b"PATCH", b"PUT", b"BREW"])
async def test_a_write_on_a_reused_connection_that_closed_arrives_exactly_once(method: bytes) -> None:
    raw = method + b" /t HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
    script = answers_once_then_hangs_up_on_the_next
    async with ScriptedUpstream(script, answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        assert (await ask(sidecar.port, GET)).body == b"ok"
        answer = await ask(sidecar.port, raw)
        assert answer.status == 502
        assert b"FANIN502" in answer.body
        assert sum(request.startswith(method) for request in upstream.requests) == 1


async def test_a_read_is_sent_no_more_than_twice() -> None:
    async def hangs_up(connection: ScriptedConnection) -> None:
        await connection.request()

    script = answers_once_then_hangs_up_on_the_next
    async with ScriptedUpstream(script, hangs_up) as upstream, fanin(upstream.url, mode="pass") as sidecar:
        await ask(sidecar.port, GET)
        assert (await ask(sidecar.port, GET)).status == 502
        assert len(upstream.requests) == 3


async def test_a_read_is_not_repeated_once_any_byte_of_an_answer_came() -> None:
    for begun in (b"H", b"HTTP/1.1 103 Early Hints\r\n\r\n"):

        async def begins_and_hangs_up(connection: ScriptedConnection, begun: bytes = begun) -> None:
            await connection.request()
            await connection.send(OK)
            await connection.request()
            await connection.send(begun)

        async with ScriptedUpstream(begins_and_hangs_up, answers(OK)) as upstream:
            async with fanin(upstream.url, mode="pass") as sidecar:
                await ask(sidecar.port, GET)
                assert (await ask(sidecar.port, GET)).status == 502
            assert len(upstream.requests) == 2


async def test_a_read_on_a_fresh_connection_is_never_repeated() -> None:
    async def hangs_up(connection: ScriptedConnection) -> None:
        await connection.request()

    async with ScriptedUpstream(hangs_up) as upstream, fanin(upstream.url, mode="pass") as sidecar:
        assert (await ask(sidecar.port, GET)).status == 502
        assert len(upstream.requests) == 1


async def test_a_connection_is_reused_while_it_is_good() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        for _ in range(5):
            await ask(sidecar.port, GET)
        assert len(upstream.connections) == 1


async def test_a_connection_with_half_a_request_on_it_is_never_reused() -> None:
    """Else the next request's head would be the rest of that body."""

    async def answers_early(connection: ScriptedConnection) -> None:
        await connection.head()
        await connection.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        await connection.gone()

    head = b"POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    async with ScriptedUpstream(answers_early, answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(head)
            assert (await client.answer(b"POST")).status == 401
        await upstream.until(lambda: upstream.connections[0].closed)
        assert (await ask(sidecar.port, GET)).body == b"ok"
        assert upstream.connections[1].requests[0].startswith(b"GET /t ")


async def test_writes_are_sent_while_reads_fill_the_pool() -> None:
    async def stuck_reads(connection: ScriptedConnection) -> None:
        request = await connection.request()
        if request is not None and request.startswith(b"GET"):
            await connection.gone()
        await connection.send(OK)

    changes = {"pool__calls": 1, "pool__for_writes": 1, "mode": "pass"}
    async with (
        ScriptedUpstream(stuck_reads) as upstream,
        fanin(upstream.url, **changes) as sidecar,
        RawClient(sidecar.port) as first,
        RawClient(sidecar.port) as second,
    ):
        await first.send(GET)
        await upstream.until(lambda: upstream.requests)
        await second.send(GET)
        await until(lambda: gauges(sidecar)["upstream_queue"] == 1)
        assert (await ask(sidecar.port, b"DELETE /t HTTP/1.1\r\nHost: h\r\n\r\n")).body == b"ok"
