"""An upstream that fails on merged calls, and clients that leave: everybody who stays is answered, once."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.bursts import burst, get, sockets, together
from tests.e2e.harness import ScriptedUpstream, Talk, fanin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from proxy.shell.sidecar import Sidecar

pytestmark = pytest.mark.e2e


def answer(target: str, body: str, rows: int, more: str = "") -> bytes:
    """An answer as PostgREST writes it."""
    span = f"0-{rows - 1}" if rows else "*"
    return (
        "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 17:00:00 GMT\r\nServer: postgrest/12.0.2\r\n"
        f"Content-Range: {span}/{rows}\r\nContent-Location: {target}\r\n"
        f"Content-Type: application/json; charset=utf-8\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def whole(request: bytes, more: str = "") -> bytes:
    """What a faultless upstream answers to a read of ``id``, merged or not."""
    target = request.split(b" ")[1].decode()
    found = re.search(r"id=(?:eq\.|in\.\()([-\d,]+)", target)
    assert found is not None
    alias = re.search(r"select=(\w+):", target)
    keys = found[1].split(",")
    rows = [(f'{{"{alias[1]}":"{key}",' if alias else "{") + f'"id":{key}}}' for key in keys]
    return answer(target, "[" + ", \n ".join(rows) + "]", len(rows), more)


def merged(request: bytes) -> bool:
    return b"=in.(" in request


def misbehaving(fault: Callable[[Talk, bytes], Awaitable[None]]) -> Callable[[Talk], Awaitable[None]]:
    """A script: ``fault`` answers merged calls, others are answered as they should be."""

    async def script(talk: Talk) -> None:
        while (request := await talk.request()) is not None:
            if merged(request):
                await fault(talk, request)
            else:
                await talk.send(whole(request))

    return script


@asynccontextmanager
async def between(
    fault: Callable[[Talk, bytes], Awaitable[None]], **changes: object
) -> AsyncIterator[tuple[ScriptedUpstream, Sidecar]]:
    settings = {"merge__deadline_floor": 10.0, "profile": "postgrest"} | changes
    async with ScriptedUpstream(misbehaving(fault)) as upstream, fanin(upstream.url, **settings) as sidecar:
        yield upstream, sidecar
        assert sidecar.merger is not None
        assert sidecar.merger.waiting == 0


REQUESTS = [get(f"/t?id=eq.{n}") for n in range(1, 41)]


async def assert_originals_are_sent(fault: Callable[[Talk, bytes], Awaitable[None]], **changes: object) -> None:
    async with between(fault, **changes) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert [json.loads(one.body) for one in answers] == [[{"id": n}] for n in range(1, 41)]
        assert sum(map(merged, upstream.requests)) == 1
        assert len(upstream.requests) == 1 + len(REQUESTS)


async def test_a_faultless_merged_call_is_all_it_takes() -> None:
    async def fine(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request))

    async with between(fine) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert [json.loads(one.body) for one in answers] == [[{"id": n}] for n in range(1, 41)]
        assert len(upstream.requests) == 1


async def test_upstream_killed_before_its_answer() -> None:
    async def die(talk: Talk, _: bytes) -> None:
        talk.abort()

    await assert_originals_are_sent(die)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.99])
async def test_upstream_killed_in_mid_answer(part: float) -> None:
    async def die(talk: Talk, request: bytes) -> None:
        data = whole(request)
        await talk.send(data[: int(part * len(data))])
        talk.abort()

    await assert_originals_are_sent(die)


async def test_a_merged_call_slower_than_its_deadline_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def sleep(talk: Talk, _: bytes) -> None:
        await talk.gone()
        cancelled.set()

    await assert_originals_are_sent(sleep, merge__deadline_floor=0.05)
    assert cancelled.is_set()


async def test_a_body_that_stalls_meets_the_same_deadline() -> None:
    async def stall(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request)[:-5])
        await talk.gone()

    await assert_originals_are_sent(stall, merge__deadline_floor=0.05)


@pytest.mark.parametrize(
    "more", ["Set-Cookie: a=1\r\n", "X-Odd: 1\r\n", "Content-Range: 0-0/1\r\n", "Content-Encoding: gzip\r\n"]
)
async def test_a_header_that_is_not_known_to_be_everybodys(more: str) -> None:
    async def tell(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request, more))

    await assert_originals_are_sent(tell)


@pytest.mark.parametrize(
    "status", ["206 Partial Content", "299 Odd", "400 Bad Request", "500 Oops", "503 Service Unavailable"]
)
async def test_another_status_than_200(status: str) -> None:
    async def tell(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request).replace(b"200 OK", status.encode(), 1))

    await assert_originals_are_sent(tell)


async def test_fewer_rows_than_their_own_count() -> None:
    async def cut(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request).replace(b"0-39/40", b"0-38/40", 1))

    await assert_originals_are_sent(cut)


async def test_what_is_no_http() -> None:
    async def babble(talk: Talk, _: bytes) -> None:
        await talk.send(b"SSH-2.0-OpenSSH\r\n\r\n")
        await talk.gone()

    await assert_originals_are_sent(babble)


async def test_an_answer_larger_than_may_be_held() -> None:
    async def much(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request))

    await assert_originals_are_sent(much, merge__max_body=1000)


async def test_an_exception_of_our_own_counts_as_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def fine(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request))

    monkeypatch.setattr("proxy.shell.fetch.split", broken)
    await assert_originals_are_sent(fine)


async def test_a_plan_that_fails_sends_everybody_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def fine(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request))

    monkeypatch.setattr("proxy.shell.merger.plan", broken)
    async with between(fine) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert [json.loads(one.body) for one in answers] == [[{"id": n}] for n in range(1, 41)]
        assert not any(map(merged, upstream.requests))


async def test_originals_are_sent_with_bounded_concurrency() -> None:
    async def die(talk: Talk, _: bytes) -> None:
        talk.abort()

    async with between(die, merge__replays=3) as (upstream, sidecar):
        await together(sidecar.port, REQUESTS)
        assert len(upstream.talks) <= 1 + 3


async def test_after_a_failure_merging_pauses_for_that_query_and_caller_only() -> None:
    async def die(talk: Talk, request: bytes) -> None:
        if b"/t?" in request and b"Cookie" not in request:
            talk.abort()
        else:
            await talk.send(whole(request))

    async with between(die, merge__pause_first=100.0) as (upstream, sidecar):
        await together(sidecar.port, REQUESTS)
        for requests, calls in (
            (REQUESTS, 40),
            ([get(f"/t?id=eq.{n}", "Cookie: a=b") for n in range(40)], 1),
            ([get(f"/u?id=eq.{n}") for n in range(40)], 1),
        ):
            before = len(upstream.requests)
            await together(sidecar.port, requests)
            assert len(upstream.requests) - before == calls


async def test_errors_of_a_database_that_is_away_are_shared() -> None:
    body = '{"code":"PGRST001","details":null,"hint":null,"message":"away"}'
    away = f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 4\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    async def tell(talk: Talk, _: bytes) -> None:
        await talk.send(away)

    async with between(tell) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert {(one.status, one.body) for one in answers} == {(503, body.encode())}
        assert all(one.values(b"retry-after") == [b"4"] for one in answers)
        assert len(upstream.requests) == 1


async def test_such_an_error_with_a_cookie_is_not_shared() -> None:
    body = '{"code":"PGRST301","details":null,"hint":null,"message":"JWT expired"}'
    head = f"HTTP/1.1 401 Unauthorized\r\nSet-Cookie: a=b\r\nContent-Length: {len(body)}\r\n\r\n"

    async def tell(talk: Talk, _: bytes) -> None:
        await talk.send((head + body).encode())

    await assert_originals_are_sent(tell)


# Clients that leave.


class Held:
    """A merged call that is answered when told to."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, talk: Talk, request: bytes) -> None:
        released = asyncio.create_task(self.release.wait())
        left = asyncio.create_task(talk.gone())
        await asyncio.wait((released, left), return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            self.gone.set()
        for task in (left, released):
            task.cancel()
        await asyncio.gather(left, released, return_exceptions=True)
        await talk.send(whole(request))


async def test_one_member_hangs_up_and_the_others_are_answered() -> None:
    held = Held()
    async with between(held) as (upstream, sidecar), sockets(sidecar.port, 5) as clients:
        for client, request in zip(clients, REQUESTS, strict=False):
            client.writer.write(request)
        await upstream.until(lambda: upstream.requests)
        clients[0].abort()
        await waiting(sidecar, 4)
        held.release.set()
        assert [json.loads((await client.answer()).body) for client in clients[1:]] == [
            [{"id": n}] for n in range(2, 6)
        ]
        assert len(upstream.requests) == 1


async def test_the_last_to_hang_up_cancels_the_merged_call() -> None:
    held = Held()
    async with between(held) as (upstream, sidecar):
        async with sockets(sidecar.port, 5) as clients:
            for client, request in zip(clients, REQUESTS, strict=False):
                client.writer.write(request)
            await upstream.until(lambda: upstream.requests)
            for client in clients:
                client.abort()
        async with asyncio.timeout(20):
            await held.gone.wait()
        await waiting(sidecar, 0)
        answers = await together(sidecar.port, [get("/t?id=eq.7")])
        assert json.loads(answers[0].body) == [{"id": 7}]


async def test_hanging_up_in_the_turn_in_which_the_window_leaves_strands_nobody() -> None:
    async def fine(talk: Talk, request: bytes) -> None:
        await talk.send(whole(request))

    async with between(fine) as (_, sidecar):
        for leavers in range(0, 40, 7):
            async with sockets(sidecar.port, 40) as clients:
                for client, request in zip(clients, REQUESTS, strict=True):
                    client.writer.write(request)
                for client in clients[:leavers]:
                    client.abort()
                stayed = [json.loads((await client.answer()).body) for client in clients[leavers:]]
                assert stayed == [[{"id": n}] for n in range(leavers + 1, 41)]


async def test_hanging_up_while_originals_wait_their_turn_leaves_the_turn_to_others() -> None:
    async def die(talk: Talk, _: bytes) -> None:
        talk.abort()

    async with between(die, merge__replays=1) as (upstream, sidecar), sockets(sidecar.port, 40) as clients:
        for client, request in zip(clients, REQUESTS, strict=True):
            client.writer.write(request)
        await upstream.until(lambda: len(upstream.requests) > 1)
        for client in clients[20:]:
            client.abort()
        stayed = [json.loads((await client.answer()).body) for client in clients[:20]]
        assert stayed == [[{"id": n}] for n in range(1, 21)]


async def waiting(sidecar: Sidecar, count: int) -> None:
    """Until so many requests wait for a merged answer."""
    assert sidecar.merger is not None
    async with asyncio.timeout(20):
        while sidecar.merger.waiting != count:  # noqa: ASYNC110 (the merger tells nobody)
            await asyncio.sleep(0)


async def test_what_arrives_while_a_call_is_in_flight_is_in_the_next() -> None:
    held = Held()
    async with between(held) as (upstream, sidecar), sockets(sidecar.port, 4) as clients:
        await asyncio.gather(*[client.send(request) for client, request in zip(clients, REQUESTS[:2], strict=False)])
        await upstream.until(lambda: upstream.requests)
        late = asyncio.create_task(burst(clients[2:], REQUESTS[:2]))
        await upstream.until(lambda: len(upstream.requests) == 2)
        held.release.set()
        await late
        for client in clients[:2]:
            await client.answer()
        assert sum(map(merged, upstream.requests)) == 2
