"""Places in windows: everybody who waits is in one batch, and whoever leaves is in none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.merging.batcher import Batcher
from proxy.merging.waiters import InFlightCall, SendAlone
from proxy.observe.events import Event, Events, WindowClosed
from proxy.path.batching import BatchScheduler, SchedulerRegistry
from tests.factories import member
from tests.merging.harness import turns
from tests.path.test_batching import SETTINGS

if TYPE_CHECKING:
    from proxy.model import PendingRequest


class Room:
    """Windows whose batches are kept."""

    def __init__(self) -> None:
        self.batches: list[list[PendingRequest]] = []
        self.said: list[Event] = []
        events = Events()
        events.subscribe(self.said.append)
        self.batcher = Batcher(SchedulerRegistry(9, lambda: BatchScheduler(SETTINGS)), self.left, events, lambda: 3.0)
        self.gate = BatchScheduler(SETTINGS)

    def left(self, gate: BatchScheduler, batch: list[PendingRequest]) -> None:
        assert gate is self.gate
        self.batches.append(batch)

    def ask(self, member: PendingRequest, reason: str | None = None) -> asyncio.Task[object]:
        return asyncio.create_task(self.batcher.join(self.gate, member, reason))


async def test_whoever_came_in_one_turn_leaves_together_at_its_end() -> None:
    room, members = Room(), [member(f"/t?id=eq.{n}", arrived=1.0) for n in range(3)]
    tasks = [room.ask(one) for one in members]
    await turns(2)
    assert room.batches == [members]
    assert [(event.size, event.waited) for event in room.said if isinstance(event, WindowClosed)] == [(3, 2.0)]
    assert room.batcher.waiting == 3
    assert room.batcher.open_windows == 0
    for one in members:
        room.batcher.release_alone(room.gate, one)
    await asyncio.gather(*tasks)
    assert room.batcher.waiting == 0


@pytest.mark.parametrize(("own", "told", "reason"), [("offset", None, "offset"), ("offset", "paused", "paused")])
async def test_who_goes_alone_is_told_why(own: str, told: str | None, reason: str) -> None:
    room, one = Room(), member("/t")
    task = room.ask(one, own)
    await turns(2)
    room.batcher.release_alone(room.gate, one, told)
    room.batcher.release_alone(room.gate, one, "busy")  # it is told once
    ticket = await task
    assert isinstance(ticket, SendAlone)
    assert ticket.reason == reason
    assert room.gate.in_flight == 1
    ticket.slot.release(0.1)
    assert room.gate.idle


async def test_who_waits_behind_a_call_leaves_when_it_returns() -> None:
    room, one = Room(), member("/t")
    slot = room.batcher._acquire(room.gate)
    task = room.ask(one)
    await turns(3)
    assert not room.batches
    assert room.batcher.open_windows == 1
    slot.release(0.001)
    await turns(2)
    assert room.batches == [[one]]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_hangs_up_in_a_window_is_in_no_batch_and_the_last_closes_it() -> None:
    room = Room()
    slot = room.batcher._acquire(room.gate)
    tasks = [room.ask(member("/t")), room.ask(member("/t"))]
    await turns(2)
    for left, task in zip((1, 0), tasks, strict=True):
        task.cancel()
        await turns(2)
        assert (room.batcher.waiting, room.batcher.open_windows) == (left, left)
    slot.release()
    await turns(2)
    assert not room.batches


async def test_who_hangs_up_while_a_call_is_made_leaves_its_waiters() -> None:
    room, one = Room(), member("/t")
    task = room.ask(one)
    await turns(2)
    waiters = room.batcher._waiters[one].in_flight = InFlightCall([one, member("/t")])
    task.cancel()
    await turns(2)
    assert waiters.left == 1
    assert not room.batcher.is_waiting(one)
