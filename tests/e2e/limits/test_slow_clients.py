"""Slow and greedy clients: each meets a limit of its own, and holds up nobody else."""

from __future__ import annotations

import pytest

from proxy.admin.gauges import gauges
from tests.e2e.support.error_codes import error_code
from tests.e2e.support.harness import (
    OK,
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    answers,
    fanin,
    until,
)

GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /t HTTP/1.1\r\nHost: h\r\n"
SHORT, LONG = 0.1, 60.0


@pytest.mark.parametrize(
    "part", [b"G", b"GET /t HTTP/1.1\r\nHost: h", GET[:-1]], ids=["a byte", "a line", "all but one"]
)
async def test_a_slow_head_is_408(part: bytes) -> None:
    async with fanin("http://127.0.0.1:1", timeouts__head=SHORT) as sidecar, RawClient(sidecar.port) as client:
        await client.send(part)
        assert error_code(await client.answer()) == "FANIN108"


@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc"])
async def test_a_slow_body_is_408_and_upstream_learns_that_nothing_follows(framing: bytes) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, timeouts__body_idle=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(POST + framing)
            assert error_code(await client.answer()) == "FANIN108"
        await upstream.until(lambda: upstream.connections and upstream.connections[0].closed)


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, timeouts__keep_alive=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            assert await client.rest() == b""
        async with RawClient(sidecar.port) as client:
            await client.send(GET)
            assert (await client.answer()).body == b"ok"
            assert await client.rest() == b""


async def test_connections_above_the_limit_are_told_so() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin(upstream.url, limits__connections=1) as sidecar,
        RawClient(sidecar.port) as first,
    ):
        await first.send(GET)
        assert (await first.answer()).body == b"ok"
        async with RawClient(sidecar.port) as second:
            assert error_code(await second.answer()) == "FANIN112"
        await first.send(GET)
        assert (await first.answer()).body == b"ok"


async def test_a_client_that_takes_no_byte_is_cut_off_and_upstream_with_it() -> None:
    async def endless(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not connection.closed:
            await connection.send(b"x" * 1_000_000)

    async with (
        ScriptedUpstream(endless) as upstream,
        fanin(upstream.url, timeouts__write_stall=SHORT) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET)
        await upstream.until(lambda: upstream.connections and upstream.connections[0].closed)


async def test_a_client_that_pipelines_and_never_reads_is_cut_off() -> None:
    big = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000
    async with ScriptedUpstream(answers(big)) as upstream, fanin(upstream.url, timeouts__write_stall=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.send(GET * 500)
            await until(lambda: gauges(sidecar)["client_connections"] == 0)
        assert len(upstream.requests) < 100


async def test_a_full_queue_is_503_with_retry_after() -> None:
    async def silent(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.gone()

    changes = {"pool__calls": 1, "limits__queue": 1, "mode": "pass"}
    async with (
        ScriptedUpstream(silent) as upstream,
        fanin(upstream.url, **changes) as sidecar,
        RawClient(sidecar.port) as first,
        RawClient(sidecar.port) as second,
        RawClient(sidecar.port) as third,
    ):
        await first.send(GET)
        await upstream.until(lambda: upstream.requests)
        for client in (second, third):
            await client.send(GET)
        # One of the two waits and the other is turned away.
        assert error_code(await third.answer()) == "FANIN505"
