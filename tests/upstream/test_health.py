"""Health: the results of calls decide; without recent calls one connection does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, HealthChecked, UpstreamCalled
from proxy.upstream.health import MAX_AGE, PROBE_INTERVAL, Health

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

    def call(self, status: int) -> None:
        self.health(UpstreamCalled("t", "original", 0.1, status))


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
    assert harness.emitted == [HealthChecked(True), HealthChecked(False)]


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
    harness.call(NO_ANSWER)
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
