"""What fanin never does: repeat a write, follow itself, hold what streams, work for a client that left."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from proxy.settings.sources import ConfigError
from tests.e2e.support.harness import (
    OK,
    PATIENCE,
    RawClient,
    ScriptedUpstream,
    Talk,
    answers,
    ask,
    fanin,
    free_port,
    program,
    until,
)

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar

GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


# A reused connection that closes.


async def answers_once_then_hangs_up_on_the_next(talk: Talk) -> None:
    await talk.request()
    await talk.send(OK)
    await talk.request()


@pytest.mark.parametrize("method", [b"GET", b"OPTIONS"])
async def test_a_read_on_a_reused_connection_that_closed_is_sent_once_more(method: bytes) -> None:
    raw = GET.replace(b"GET", method)
    script = answers_once_then_hangs_up_on_the_next
    async with ScriptedUpstream(script, answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        for _ in range(2):
            assert (await ask(sidecar.port, raw)).body == b"ok"
        assert [len(talk.requests) for talk in upstream.talks] == [2, 1]


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
    async def hangs_up(talk: Talk) -> None:
        await talk.request()

    script = answers_once_then_hangs_up_on_the_next
    async with ScriptedUpstream(script, hangs_up) as upstream, fanin(upstream.url, mode="pass") as sidecar:
        await ask(sidecar.port, GET)
        assert (await ask(sidecar.port, GET)).status == 502
        assert len(upstream.requests) == 3


async def test_a_read_is_not_repeated_once_any_byte_of_an_answer_came() -> None:
    for begun in (b"H", b"HTTP/1.1 103 Early Hints\r\n\r\n"):

        async def begins_and_hangs_up(talk: Talk, begun: bytes = begun) -> None:
            await talk.request()
            await talk.send(OK)
            await talk.request()
            await talk.send(begun)

        async with ScriptedUpstream(begins_and_hangs_up, answers(OK)) as upstream:
            async with fanin(upstream.url, mode="pass") as sidecar:
                await ask(sidecar.port, GET)
                assert (await ask(sidecar.port, GET)).status == 502
            assert len(upstream.requests) == 2


async def test_a_read_on_a_fresh_connection_is_never_repeated() -> None:
    async def hangs_up(talk: Talk) -> None:
        await talk.request()

    async with ScriptedUpstream(hangs_up) as upstream, fanin(upstream.url, mode="pass") as sidecar:
        assert (await ask(sidecar.port, GET)).status == 502
        assert len(upstream.requests) == 1


async def test_a_connection_is_reused_while_it_is_good() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        for _ in range(5):
            await ask(sidecar.port, GET)
        assert len(upstream.talks) == 1


async def test_a_connection_with_half_a_request_on_it_is_never_reused() -> None:
    """Else the next request's head would be the rest of that body."""

    async def answers_early(talk: Talk) -> None:
        await talk.head()
        await talk.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        await talk.gone()

    head = b"POST /t HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    async with ScriptedUpstream(answers_early, answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(head)
            assert (await client.answer(b"POST")).status == 401
        await upstream.until(lambda: upstream.talks[0].closed)
        assert (await ask(sidecar.port, GET)).body == b"ok"
        assert upstream.talks[1].requests[0].startswith(b"GET /t ")


async def test_an_early_answer_reaches_a_client_that_is_still_uploading() -> None:
    async def refuses(talk: Talk) -> None:
        await talk.head()
        await talk.send(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await talk.gone()

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


# Clients that leave.


@pytest.mark.parametrize("how", ["closes", "resets", "closes its sending side"])
async def test_a_client_that_hangs_up_cancels_upstream(how: str) -> None:
    async def silent(talk: Talk) -> None:
        await talk.request()
        await talk.gone()

    async with ScriptedUpstream(silent) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(GET)
            await upstream.until(lambda: upstream.requests)
            if how == "resets":
                client.abort()
            elif how == "closes its sending side":
                client.finish()
            else:
                client.writer.close()
            await upstream.until(lambda: upstream.talks[0].closed)
        await until(lambda: idle(sidecar))


def idle(sidecar: Sidecar) -> bool:
    """Whether nothing is held any more."""
    found = gauges(sidecar)
    names = ("client_connections", "upstream_busy", "upstream_queue", "tunnels", "waiting")
    return not any(found[name] for name in names)


async def test_a_client_that_leaves_in_mid_download_stops_it() -> None:
    async def endless(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not talk.closed:
            await talk.send(b"x" * 100_000)

    async with ScriptedUpstream(endless) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(GET)
            await client.exactly(500_000)
        await upstream.until(lambda: upstream.talks[0].closed)
        await until(lambda: idle(sidecar))


async def test_a_client_that_leaves_in_mid_upload_stops_it() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc")
            await upstream.until(lambda: upstream.talks and b"abc" in upstream.talks[0].received)
        await upstream.until(lambda: upstream.talks[0].closed)
        assert not upstream.requests
        await until(lambda: idle(sidecar))


async def test_a_client_that_leaves_the_queue_gives_its_place_to_the_next() -> None:
    go = asyncio.Event()

    async def waits(talk: Talk) -> None:
        while await talk.request():
            await go.wait()
            await talk.send(OK)

    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url, pool__calls=1, mode="pass") as sidecar:
        async with RawClient(sidecar.port) as first, RawClient(sidecar.port) as third:
            await first.send(GET)
            await upstream.until(lambda: upstream.requests)
            async with RawClient(sidecar.port) as second:
                await second.send(GET)
                await until(lambda: gauges(sidecar)["upstream_queue"] == 1)
            await until(lambda: gauges(sidecar)["upstream_queue"] == 0)
            await third.send(GET)
            go.set()
            assert (await first.answer()).body == b"ok"
            assert (await third.answer()).body == b"ok"
        assert len(upstream.requests) == 2


async def test_writes_are_sent_while_reads_fill_the_pool() -> None:
    async def stuck_reads(talk: Talk) -> None:
        request = await talk.request()
        if request is not None and request.startswith(b"GET"):
            await talk.gone()
        await talk.send(OK)

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


# Draining.


async def test_draining_finishes_what_is_in_flight_and_says_close() -> None:
    go = asyncio.Event()

    async def waits(talk: Talk) -> None:
        await talk.request()
        await go.wait()
        await talk.send(OK)

    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url, drain__timeout=PATIENCE) as sidecar:
        async with RawClient(sidecar.port) as busy, RawClient(sidecar.port) as lazy:
            await busy.send(GET)
            await upstream.until(lambda: upstream.requests)
            stopping = asyncio.create_task(sidecar.stop())
            assert await lazy.rest() == b""
            go.set()
            answer = await busy.answer()
            assert answer.body == b"ok"
            assert answer.values(b"connection") == [b"close"]
            assert await busy.rest() == b""
        await stopping


async def test_draining_cuts_what_takes_too_long() -> None:
    async def silent(talk: Talk) -> None:
        await talk.request()
        await talk.gone()

    async with ScriptedUpstream(silent) as upstream, fanin(upstream.url, drain__timeout=0.05) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(GET)
            await upstream.until(lambda: upstream.requests)
            await sidecar.stop()
            assert await client.rest() == b""
        await upstream.until(lambda: upstream.talks[0].closed)


# Loops.


async def test_an_upstream_that_is_our_own_listener_is_refused() -> None:
    port = free_port()
    with pytest.raises(ConfigError, match="own listener"):
        async with fanin(f"http://localhost:{port}", listen=f"127.0.0.1:{port}"):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 is this machine")
async def test_a_loop_through_another_name_is_508() -> None:
    port = free_port()
    async with fanin(f"http://127.0.0.2:{port}", listen=f"0.0.0.0:{port}") as sidecar:
        answer = await ask(port, GET)
        assert answer.status == 508
        assert b"FANIN508" in answer.body
        assert gauges(sidecar)["upstream_busy"] == 0
    assert not sidecar.upstream.open_endpoints


# Streams.

MEGABYTE = b"0123456789abcdef" * 65_536
LARGE = 200
LIMIT = 150_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_200_mb_stream_both_ways_through_little_memory() -> None:
    taken = 0

    async def script(talk: Talk) -> None:
        nonlocal taken
        head = await talk.head()
        assert head is not None
        if head.startswith(b"PUT"):
            for _ in range(LARGE):
                taken += (await talk.exactly(len(MEGABYTE))) == MEGABYTE
                talk.received.clear()
            await talk.send(OK)
        else:
            await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LARGE * len(MEGABYTE)))
            for _ in range(LARGE):
                await talk.send(MEGABYTE)

    async with ScriptedUpstream(script) as upstream, program(upstream.url) as running:
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
