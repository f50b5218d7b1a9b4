"""Health: the results of calls decide; without recent calls one connection does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from proxy.errors.codes import FaultError
from proxy.observe.events import (
    CANCELLED,
    NO_ANSWER,
    Event,
    Events,
    HealthChecked,
    UpstreamCalled,
    UpstreamRecovered,
    Warned,
)
from proxy.upstream.health import MAX_AGE, PROBE_INTERVAL, UNANSWERED, Health

if TYPE_CHECKING:
    from proxy.upstream.client import Upstream
    from proxy.upstream.connection import UpstreamConnection


class FakeConnection:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class FakeUpstream:
    """An upstream that accepts connections if ``open``; attempts wait for ``resume``."""

    def __init__(self) -> None:
        self.open = True
        self.connections: list[FakeConnection] = []
        self.attempts = 0
        self.resume = asyncio.Event()
        self.resume.set()

    async def connect(self) -> UpstreamConnection:
        self.attempts += 1
        await self.resume.wait()
        if not self.open:
            raise FaultError("FANIN501")
        self.connections.append(FakeConnection())
        return cast("UpstreamConnection", self.connections[-1])


class HealthHarness:
    def __init__(self) -> None:
        self.now = 100.0
        self.upstream = FakeUpstream()
        self.emitted: list[Event] = []
        events = Events()
        events.subscribe(self.emitted.append)
        self.health = Health(cast("Upstream", self.upstream), events, lambda: self.now)

    def call(self, status: int, code: str = "FANIN504") -> None:
        fault = FaultError(code, "why") if status == NO_ANSWER else None
        self.health(UpstreamCalled("t", "original", 0.1, status, fault=fault))

    @property
    def said(self) -> list[str]:
        """Warnings, and the seconds of outages that ended."""
        return [
            event.what if isinstance(event, Warned) else f"{event.seconds} s"
            for event in self.emitted
            if isinstance(event, (Warned, UpstreamRecovered))
        ]

    async def probe(self, now: float) -> None:
        self.now = now
        self.health.tick()
        await asyncio.sleep(0)


async def test_recent_calls_make_a_probe_unnecessary() -> None:
    harness = HealthHarness()
    harness.call(200)
    assert await harness.health.check()
    harness.call(NO_ANSWER)
    assert not await harness.health.check()
    harness.call(503)
    harness.call(CANCELLED)
    assert await harness.health.check()
    assert harness.upstream.attempts == 0


async def test_without_recent_calls_a_probe_opens_and_closes_a_connection() -> None:
    harness = HealthHarness()
    assert await harness.health.check()
    assert [connection.aborted for connection in harness.upstream.connections] == [True]
    harness.now += MAX_AGE
    harness.upstream.open = False
    assert not await harness.health.check()
    assert [event for event in harness.emitted if isinstance(event, HealthChecked)] == [
        HealthChecked(True),
        HealthChecked(False),
    ]


async def test_concurrent_checks_share_one_probe_which_goes_on_if_one_of_them_is_cancelled() -> None:
    harness = HealthHarness()
    harness.upstream.resume.clear()
    checks = [asyncio.create_task(harness.health.check()) for _ in range(5)]
    await asyncio.sleep(0)
    checks[0].cancel()
    await asyncio.sleep(0)
    harness.upstream.resume.set()
    assert await asyncio.gather(*checks[1:]) == [True] * 4
    assert harness.upstream.attempts == 1


async def test_a_down_upstream_is_probed_regularly_until_it_is_up() -> None:
    harness = HealthHarness()
    harness.health.tick()
    harness.call(NO_ANSWER, "FANIN501")
    harness.health.tick()
    assert harness.upstream.attempts == 0
    harness.now += PROBE_INTERVAL
    harness.health.tick()
    harness.health.tick()
    was_up = harness.health.up
    await asyncio.sleep(0)
    assert harness.upstream.attempts == 1
    assert (was_up, harness.health.up) == (False, True)
    harness.now += PROBE_INTERVAL
    harness.health.tick()
    await asyncio.sleep(0)
    assert harness.upstream.attempts == 1
    await harness.health.stop()


async def test_stop_cancels_the_probe_in_progress() -> None:
    harness = HealthHarness()
    harness.upstream.resume.clear()
    checks = asyncio.create_task(harness.health.check())
    await asyncio.sleep(0)
    await harness.health.stop()
    assert (await asyncio.gather(checks, return_exceptions=True))[0].__class__ is asyncio.CancelledError


CONNECT = "upstream is down: fanin could not connect to the upstream server (why)"


async def test_an_outage_is_said_once_with_its_cause_and_its_end_with_its_length() -> None:
    harness = HealthHarness()
    harness.call(200)
    harness.upstream.open = False
    for _ in range(10):
        harness.call(NO_ANSWER, "FANIN501")
    harness.now = 101.0
    harness.call(NO_ANSWER, "FANIN501")
    await harness.probe(105.0)
    assert harness.said == [CONNECT]
    harness.upstream.open = True
    await harness.probe(107.5)
    harness.call(200)
    assert harness.said == [CONNECT, "7.5 s"]
    assert harness.health.up


async def test_connections_that_are_refused_for_a_moment_are_no_outage() -> None:
    harness = HealthHarness()
    for harness.now in (100.0, 100.3, 100.6, 100.9):
        harness.call(NO_ANSWER, "FANIN501")
    harness.call(200)
    assert harness.said == []


async def test_one_failed_connection_is_an_outage_only_if_a_probe_fails_too() -> None:
    harness = HealthHarness()
    harness.call(NO_ANSWER, "FANIN506")
    assert harness.said == []
    await harness.probe(101.0)
    assert harness.said == []
    harness.call(NO_ANSWER, "FANIN506")
    harness.upstream.open = False
    await harness.probe(102.0)
    assert harness.said == ["upstream is down: fanin could not connect to the upstream server"]


async def test_one_call_without_an_answer_among_others_is_no_outage() -> None:
    harness = HealthHarness()
    for _ in range(20):
        harness.call(NO_ANSWER)
        harness.call(200)
    assert harness.said == []


async def test_a_server_that_accepts_and_never_answers_is_down_until_it_answers() -> None:
    harness = HealthHarness()
    for second in range(UNANSWERED):
        harness.call(NO_ANSWER)
        await harness.probe(101.0 + second)  # it connects, which shows nothing
    assert harness.said == ["upstream is down: The upstream server did not answer in time (why)"]
    harness.call(404)
    assert harness.said[1:] == ["5.0 s"]


async def test_a_refused_certificate_is_the_cause() -> None:
    harness = HealthHarness()
    for harness.now in (100.0, 101.0):
        harness.call(NO_ANSWER, "FANIN510")
    (warning,) = (event for event in harness.emitted if isinstance(event, Warned))
    assert warning.what == "upstream is down: The upstream server's TLS certificate was refused (why)"
    assert "--upstream-ca" in warning.remedy
