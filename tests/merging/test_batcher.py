"""Batcher: every waiting request is in one batch, and a disconnected one is in none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.merging.batcher import Batcher
from proxy.merging.waiters import InFlightCall, Reply, SendAlone
from proxy.observe.events import Event, Events, WindowClosed
from proxy.path.batches.batching import BatchScheduler, SchedulerRegistry
from tests.factories import member
from tests.merging.harness import run_loop
from tests.path.batches.test_batching import SETTINGS

if TYPE_CHECKING:
    from proxy.model import PendingRequest


class BatcherHarness:
    """A batcher with one scheduler; it keeps the batches."""

    def __init__(self) -> None:
        self.batches: list[list[PendingRequest]] = []
        self.events: list[Event] = []
        events = Events()
        events.subscribe(self.events.append)
        self.batcher = Batcher(
            SchedulerRegistry(9, lambda: BatchScheduler(SETTINGS)), self.on_batch, events, lambda: 3.0
        )
        self.scheduler = BatchScheduler(SETTINGS)

    def on_batch(self, scheduler: BatchScheduler, batch: list[PendingRequest]) -> None:
        assert scheduler is self.scheduler
        self.batches.append(batch)

    def join(self, request: PendingRequest, reason: str | None = None) -> asyncio.Task[object]:
        return asyncio.create_task(self.batcher.join(self.scheduler, request, reason))


async def test_requests_of_one_loop_iteration_are_one_batch() -> None:
    harness, requests = BatcherHarness(), [member(f"/t?id=eq.{n}", arrived=1.0) for n in range(3)]
    tasks = [harness.join(request) for request in requests]
    await run_loop(2)
    assert harness.batches == [requests]
    assert [(event.size, event.waited) for event in harness.events if isinstance(event, WindowClosed)] == [(3, 2.0)]
    assert harness.batcher.waiting == 3
    assert harness.batcher.open_windows == 0
    for request in requests:
        harness.batcher.release_alone(harness.scheduler, request)
    await asyncio.gather(*tasks)
    assert harness.batcher.waiting == 0


@pytest.mark.parametrize(
    ("joined_with", "released_with", "expected"), [("offset", None, "offset"), ("offset", "paused", "paused")]
)
async def test_the_reason_of_the_release_replaces_that_of_the_join(
    joined_with: str, released_with: str | None, expected: str
) -> None:
    harness, request = BatcherHarness(), member("/t")
    task = harness.join(request, joined_with)
    await run_loop(2)
    harness.batcher.release_alone(harness.scheduler, request, released_with)
    harness.batcher.release_alone(harness.scheduler, request, "busy")  # no effect: it has a reply
    reply = await task
    assert isinstance(reply, SendAlone)
    assert reply.reason == expected
    assert harness.scheduler.in_flight == 1
    reply.slot.release(0.1)
    assert harness.scheduler.idle


async def test_a_window_is_flushed_when_the_call_in_flight_returns() -> None:
    harness, request = BatcherHarness(), member("/t")
    slot = harness.batcher._acquire(harness.scheduler)
    task = harness.join(request)
    await run_loop(3)
    assert not harness.batches
    assert harness.batcher.open_windows == 1
    slot.release(0.001)
    await run_loop(2)
    assert harness.batches == [[request]]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_disconnected_request_is_in_no_batch_and_the_last_disconnect_closes_the_window() -> None:
    harness = BatcherHarness()
    slot = harness.batcher._acquire(harness.scheduler)
    tasks = [harness.join(member("/t")), harness.join(member("/t"))]
    await run_loop(2)
    for remaining, task in zip((1, 0), tasks, strict=True):
        task.cancel()
        await run_loop(2)
        assert (harness.batcher.waiting, harness.batcher.open_windows) == (remaining, remaining)
    slot.release()
    await run_loop(2)
    assert not harness.batches


async def test_a_disconnect_while_a_call_is_in_flight_removes_the_request_from_it() -> None:
    harness, request = BatcherHarness(), member("/t")
    task = harness.join(request)
    await run_loop(2)
    in_flight = harness.batcher._waiters[request].in_flight = InFlightCall([request, member("/t")])
    task.cancel()
    await run_loop(2)
    assert in_flight.connected == 1
    assert not harness.batcher.is_waiting(request)


class Receiver:
    """Waits without a task."""

    def __init__(self, harness: BatcherHarness, request: PendingRequest) -> None:
        self.replies: list[Reply] = []
        self._harness, self._request = harness, request

    def done(self) -> bool:
        return bool(self.replies)

    def take(self, reply: Reply) -> None:
        self.replies.append(reply)
        self._harness.batcher.forget(self._request)


async def test_what_waits_without_a_task_is_in_a_batch_with_what_has_one_and_gets_its_reply_at_once() -> None:
    harness, request, other = BatcherHarness(), member("/t"), member("/t")
    receiver = Receiver(harness, request)
    task = harness.join(other)
    await run_loop(1)
    harness.batcher.enter(harness.scheduler, request, receiver)
    await run_loop(2)
    assert harness.batches == [[other, request]]
    harness.batcher.release_alone(harness.scheduler, request)
    harness.batcher.release_alone(harness.scheduler, request)  # no effect: it has a reply
    assert [type(reply) for reply in receiver.replies] == [SendAlone]
    assert (harness.batcher.waiting, harness.scheduler.in_flight) == (1, 1)
    harness.batcher.release_alone(harness.scheduler, other)
    await task


async def test_what_leaves_without_a_task_is_in_no_batch_and_gets_no_reply() -> None:
    harness, request = BatcherHarness(), member("/t")
    receiver = Receiver(harness, request)
    harness.batcher.enter(harness.scheduler, request, receiver)
    harness.batcher.leave(request)
    assert (harness.batcher.waiting, harness.batcher.open_windows) == (0, 0)
    await run_loop(2)
    harness.batcher.release_alone(harness.scheduler, request)
    assert (harness.batches, receiver.replies) == ([], [])
