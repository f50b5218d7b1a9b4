"""Metrics add up, whatever goes wrong: requests, calls, and what was saved.

``support.metrics_check`` checks the same at the end of every test that drives a sidecar.
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from proxy.admin.gauges import gauges
from proxy.observe.events import NO_ANSWER, Event, Events, RequestAnswered, UpstreamCalled
from proxy.sidecar.sidecar import Sidecar
from rules import RULES
from tests.e2e.support.bursts import get, sockets
from tests.e2e.support.faulty_upstream import correct_answer
from tests.e2e.support.harness import (
    OK,
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    answers,
    ask,
    fanin,
    settings,
    until,
)
from tests.e2e.support.metrics_check import RUNNING

pytestmark = pytest.mark.e2e
QUEUED = {"pool__calls": 1, "limits__queue": 1, "mode": "pass"}


def events_of(sidecar: Sidecar) -> list[Event]:
    said: list[Event] = []
    sidecar._events.subscribe(said.append)
    return said


def kinds_and_statuses(said: list[Event]) -> list[tuple[str, int]]:
    return [(event.kind, event.status) for event in said if isinstance(event, UpstreamCalled)]


async def test_a_request_turned_down_for_a_full_queue_is_no_call_and_says_nothing_of_upstream() -> None:
    go = asyncio.Event()

    async def waits(connection: ScriptedConnection) -> None:
        while await connection.request():
            await go.wait()
            await connection.send(OK)

    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url, **QUEUED) as sidecar:
        said, (check,) = events_of(sidecar), RUNNING
        async with sockets(sidecar.port, 3) as clients:
            await clients[0].send(get("/t"))
            await upstream.until(lambda: upstream.requests)
            await clients[1].send(get("/t"))
            await until(lambda: gauges(sidecar)["upstream_queue"] == 1)
            await clients[2].send(get("/t"))
            assert (await clients[2].answer()).status == 503
            assert check.metrics.now().values["upstream_up"] == {(): 1}
            go.set()
            assert [(await client.answer()).status for client in clients[:2]] == [200, 200]
        await until(lambda: len(kinds_and_statuses(said)) == 2)
    turned_down = [event for event in said if isinstance(event, RequestAnswered) and event.fault == "FANIN505"]
    assert [event.span.call for event in turned_down] == [0]
    assert kinds_and_statuses(said) == [("original", 200)] * 2


async def test_who_hangs_up_in_the_queue_made_no_call() -> None:
    go = asyncio.Event()

    async def waits(connection: ScriptedConnection) -> None:
        while await connection.request():
            await go.wait()
            await connection.send(OK)

    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url, **QUEUED) as sidecar:
        said = events_of(sidecar)
        async with RawClient(sidecar.port) as first:
            await first.send(get("/t"))
            await upstream.until(lambda: upstream.requests)
            async with RawClient(sidecar.port) as second:
                await second.send(get("/t"))
                await until(lambda: gauges(sidecar)["upstream_queue"] == 1)
            await until(lambda: gauges(sidecar)["upstream_queue"] == 0)
            go.set()
            assert (await first.answer()).status == 200
    assert kinds_and_statuses(said) == [("original", 200)]


async def test_a_body_that_its_sender_breaks_off_does_not_mark_upstream_as_down() -> None:
    async def reads(connection: ScriptedConnection) -> None:
        await connection.gone()

    async with ScriptedUpstream(reads) as upstream, fanin(upstream.url, timeouts__body_idle=0.05) as sidecar:
        said, (check,) = events_of(sidecar), RUNNING
        answer = await ask(sidecar.port, b"POST /t HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc")
        assert answer.status == 408
        assert check.metrics.now().values["upstream_up"] == {(): 1}
    assert NO_ANSWER not in [status for _, status in kinds_and_statuses(said)]


async def test_what_is_outside_the_mount_is_counted_as_that() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, mount="/rest/v1") as sidecar:
        said = events_of(sidecar)
        assert (await ask(sidecar.port, get("/auth/v1/user"))).status == 200
        assert (await ask(sidecar.port, get("/rest/v1/t"))).status == 200
        await until(lambda: len(kinds_and_statuses(said)) == 2)
    assert kinds_and_statuses(said) == [("outside", 200), ("original", 200)]


async def test_a_merged_call_that_everybody_gave_up_was_made_for_nothing() -> None:
    """Its cost is booked although no caller is left to be answered."""

    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            if b"in.(" in request:
                await connection.gone()
            await connection.send(correct_answer(request))

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, merge__deadline_floor=20.0) as sidecar:
        said = events_of(sidecar)
        async with sockets(sidecar.port, 20) as clients:
            for at, client in enumerate(clients):
                client.writer.write(get(f"/t?id=eq.{at}"))
            await upstream.until(
                lambda: any(b"in.(" in bytes(connection.received) for connection in upstream.connections)
            )
            for client in clients:
                client.abort()
            await until(lambda: ("merged", -1) in kinds_and_statuses(said))
        await until(lambda: sum(isinstance(event, RequestAnswered) for event in said) == 20)
    assert [event.costs for event in said if isinstance(event, UpstreamCalled) and event.kind == "merged"] == ["FAN001"]


async def test_what_fanin_itself_took_is_told_apart_from_upstreams_time() -> None:
    """One request is answered at once, but slowly; the next waits for its connection meanwhile."""
    now = [0.0]
    go = asyncio.Event()

    async def slow(connection: ScriptedConnection) -> None:
        while await connection.request():
            await go.wait()
            now[0] += 3.0
            await connection.send(OK[:-2])
            now[0] += 4.0
            await connection.send(b"ok")

    said: list[Event] = []
    events = Events()
    events.subscribe(said.append)
    async with ScriptedUpstream(slow) as upstream:
        made = settings(upstream.url, drain__timeout=0.2, **QUEUED)
        sidecar = await Sidecar.create(made, RULES, events, lambda: now[0])
        await sidecar.start()
        async with sockets(sidecar.port, 2) as (first, second):
            await first.send(get("/t"))
            await upstream.until(lambda: upstream.requests)
            await second.send(get("/t"))
            await until(lambda: gauges(sidecar)["upstream_queue"] == 1)
            go.set()
            assert [(await first.answer()).body, (await second.answer()).body] == [b"ok", b"ok"]
        await sidecar.stop()
    took = [(event.span.end - event.span.start, event.hop) for event in said if isinstance(event, RequestAnswered)]
    assert took == [(7.0, 0.0), (14.0, 7.0)]
    assert [event.seconds for event in said if isinstance(event, UpstreamCalled)] == [7.0, 7.0]


# The check themselves.


def counted_twice(event: Event) -> list[Event]:
    return [event, event]


def not_counted(event: Event) -> list[Event]:
    return []


def said_to_be_saved(event: Event) -> list[Event]:
    assert isinstance(event, UpstreamCalled)
    return [msgspec.structs.replace(event, costs="FAN001")]


def answered_without_a_call(event: Event) -> list[Event]:
    assert isinstance(event, RequestAnswered)
    return [msgspec.structs.replace(event, span=msgspec.structs.replace(event.span, call=0))]


@pytest.mark.parametrize(
    ("kind", "wrong", "why"),
    [
        (UpstreamCalled, counted_twice, "every call upstream is counted"),
        (UpstreamCalled, not_counted, "every call upstream is counted"),
        (RequestAnswered, counted_twice, "every request is counted once"),
        (RequestAnswered, not_counted, "every request is counted once"),
        (UpstreamCalled, said_to_be_saved, "saved is requests less calls"),
        (RequestAnswered, answered_without_a_call, "saved is requests less calls"),
    ],
)
async def test_accounts_that_are_wrong_are_found(kind: type, wrong: object, why: str) -> None:
    async def drive() -> None:
        async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
            emit = sidecar._events.emit

            def emits(event: Event) -> None:
                assert callable(wrong)
                for one in wrong(event) if isinstance(event, kind) else [event]:
                    emit(one)

            setattr(sidecar._events, "emit", emits)  # noqa: B010 – a method's place
            assert (await ask(sidecar.port, get("/t?offset=1"))).status == 200

    with pytest.raises(AssertionError, match=why):
        await drive()
