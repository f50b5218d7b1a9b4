"""An upstream that fails on merged calls: the originals are sent, and everybody is answered."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.bursts import get, together
from tests.e2e.support.faulty_upstream import (
    REQUESTS,
    assert_originals_are_sent,
    correct_answer,
    faulty_upstream,
    is_merged,
)

if TYPE_CHECKING:
    from tests.e2e.support.harness import ScriptedConnection

pytestmark = pytest.mark.e2e


async def test_a_faultless_merged_call_is_all_it_takes() -> None:
    async def fine(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request))

    async with faulty_upstream(fine) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert [json.loads(one.body) for one in answers] == [[{"id": n}] for n in range(1, 41)]
        assert len(upstream.requests) == 1


async def test_upstream_killed_before_its_answer() -> None:
    async def die(connection: ScriptedConnection, _: bytes) -> None:
        connection.abort()

    await assert_originals_are_sent(die)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.99])
async def test_upstream_killed_in_mid_answer(part: float) -> None:
    async def die(connection: ScriptedConnection, request: bytes) -> None:
        data = correct_answer(request)
        await connection.send(data[: int(part * len(data))])
        connection.abort()

    await assert_originals_are_sent(die)


async def test_a_merged_call_slower_than_its_deadline_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def sleep(connection: ScriptedConnection, _: bytes) -> None:
        await connection.gone()
        cancelled.set()

    await assert_originals_are_sent(sleep, merge__deadline_floor=0.05)
    assert cancelled.is_set()


async def test_a_body_that_stalls_meets_the_same_deadline() -> None:
    async def stall(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request)[:-5])
        await connection.gone()

    await assert_originals_are_sent(stall, merge__deadline_floor=0.05)


@pytest.mark.parametrize(
    "more", ["Set-Cookie: a=1\r\n", "X-Odd: 1\r\n", "Content-Range: 0-0/1\r\n", "Content-Encoding: gzip\r\n"]
)
async def test_a_header_that_is_not_known_to_be_everybodys(more: str) -> None:
    async def tell(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request, more))

    await assert_originals_are_sent(tell)


@pytest.mark.parametrize(
    "status", ["206 Partial Content", "299 Odd", "400 Bad Request", "500 Oops", "503 Service Unavailable"]
)
async def test_another_status_than_200(status: str) -> None:
    async def tell(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request).replace(b"200 OK", status.encode(), 1))

    await assert_originals_are_sent(tell)


async def test_fewer_rows_than_their_own_count() -> None:
    async def cut(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request).replace(b"0-39/40", b"0-38/40", 1))

    await assert_originals_are_sent(cut)


async def test_what_is_no_http() -> None:
    async def babble(connection: ScriptedConnection, _: bytes) -> None:
        await connection.send(b"SSH-2.0-OpenSSH\r\n\r\n")
        await connection.gone()

    await assert_originals_are_sent(babble)


async def test_an_answer_larger_than_may_be_held() -> None:
    async def much(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request))

    await assert_originals_are_sent(much, merge__max_body=1000)


async def test_an_exception_of_our_own_counts_as_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def fine(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request))

    monkeypatch.setattr("proxy.merging.fetch.demultiplex", broken)
    await assert_originals_are_sent(fine)


async def test_a_plan_that_fails_sends_everybody_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def fine(connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request))

    monkeypatch.setattr("proxy.merging.merger.plan", broken)
    async with faulty_upstream(fine) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert [json.loads(one.body) for one in answers] == [[{"id": n}] for n in range(1, 41)]
        assert not any(map(is_merged, upstream.requests))


async def test_originals_are_sent_with_bounded_concurrency() -> None:
    async def die(connection: ScriptedConnection, _: bytes) -> None:
        connection.abort()

    async with faulty_upstream(die, merge__fallbacks=3) as (upstream, sidecar):
        await together(sidecar.port, REQUESTS)
        assert len(upstream.connections) <= 1 + 3


async def test_after_a_failure_merging_pauses_for_that_query_and_caller_only() -> None:
    async def die(connection: ScriptedConnection, request: bytes) -> None:
        if b"/t?" in request and b"Cookie" not in request:
            connection.abort()
        else:
            await connection.send(correct_answer(request))

    async with faulty_upstream(die, merge__pause_first=100.0) as (upstream, sidecar):
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

    async def tell(connection: ScriptedConnection, _: bytes) -> None:
        await connection.send(away)

    async with faulty_upstream(tell) as (upstream, sidecar):
        answers = await together(sidecar.port, REQUESTS)
        assert {(one.status, one.body) for one in answers} == {(503, body.encode())}
        assert all(one.values(b"retry-after") == [b"4"] for one in answers)
        assert len(upstream.requests) == 1


async def test_such_an_error_with_a_cookie_is_not_shared() -> None:
    body = '{"code":"PGRST301","details":null,"hint":null,"message":"JWT expired"}'
    head = f"HTTP/1.1 401 Unauthorized\r\nSet-Cookie: a=b\r\nContent-Length: {len(body)}\r\n\r\n"

    async def tell(connection: ScriptedConnection, _: bytes) -> None:
        await connection.send((head + body).encode())

    await assert_originals_are_sent(tell)
