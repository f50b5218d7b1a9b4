"""Whether upstream can be reached: calls tell, and where there are none, one connection does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, HealthChecked, UpstreamCalled
from proxy.upstream.health import AGAIN, FRESH, Health

if TYPE_CHECKING:
    from proxy.upstream.client import Upstream, UpstreamConnection


class Wire:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Door:
    """An upstream that opens, or does not; ``going`` holds a connection up."""

    def __init__(self) -> None:
        self.open = True
        self.wires: list[Wire] = []
        self.tried = 0
        self.going = asyncio.Event()
        self.going.set()

    async def connect(self) -> UpstreamConnection:
        self.tried += 1
        await self.going.wait()
        if not self.open:
            raise FaultError("FANIN501")
        self.wires.append(Wire())
        return cast("UpstreamConnection", self.wires[-1])


class Made:
    def __init__(self) -> None:
        self.now = 100.0
        self.door = Door()
        self.said: list[Event] = []
        events = Events()
        events.subscribe(self.said.append)
        self.health = Health(cast("Upstream", self.door), events, lambda: self.now)

    def call(self, status: int) -> None:
        self.health(UpstreamCalled("t", "original", 0.1, status))


async def test_while_calls_tell_nobody_looks() -> None:
    made = Made()
    made.call(200)
    assert await made.health.check()
    made.call(NO_ANSWER)
    assert not await made.health.check()
    made.call(503)
    made.call(CANCELLED)
    assert await made.health.check()
    assert made.door.tried == 0


async def test_without_calls_a_connection_tells_and_is_closed_again() -> None:
    made = Made()
    assert await made.health.check()
    assert [wire.aborted for wire in made.door.wires] == [True]
    made.now += FRESH
    made.door.open = False
    assert not await made.health.check()
    assert made.said == [HealthChecked(True), HealthChecked(False)]


async def test_all_who_ask_at_once_share_one_look_and_one_that_leaves_does_not_end_it() -> None:
    made = Made()
    made.door.going.clear()
    asking = [asyncio.create_task(made.health.check()) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    made.door.going.set()
    assert await asyncio.gather(*asking[1:]) == [True] * 4
    assert made.door.tried == 1


async def test_a_down_upstream_is_looked_at_from_time_to_time_until_it_is_up() -> None:
    made = Made()
    made.health.tick()
    made.call(NO_ANSWER)
    made.health.tick()
    assert made.door.tried == 0
    made.now += AGAIN
    made.health.tick()
    made.health.tick()
    was_up = made.health.up
    await asyncio.sleep(0)
    assert made.door.tried == 1
    assert (was_up, made.health.up) == (False, True)
    made.now += AGAIN
    made.health.tick()
    await asyncio.sleep(0)
    assert made.door.tried == 1
    await made.health.stop()


async def test_a_look_under_way_ends_with_fanin() -> None:
    made = Made()
    made.door.going.clear()
    asking = asyncio.create_task(made.health.check())
    await asyncio.sleep(0)
    await made.health.stop()
    assert (await asyncio.gather(asking, return_exceptions=True))[0].__class__ is asyncio.CancelledError
