"""Requests wait in windows until their batch is flushed, then for the calls that answer it.

``BatchScheduler`` decides when a window closes; a strategy (``Merger``, ``Coalescer``) decides which calls answer its
batch. This module does what both need: timers, waiting requests, calls in flight, and clients that disconnect.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial

import msgspec

from proxy.merging.lone_reads import REASON
from proxy.merging.turns import MOST_CALLS, in_turns
from proxy.merging.waiters import InFlightCall, Reply, SendAlone, Slot, TakesReply, TaskWaits, Waiter, discard
from proxy.model import PendingRequest
from proxy.observe.events import Events, WindowClosed
from proxy.path.batches.batching import BatchScheduler, BatchSettings, SchedulerRegistry
from proxy.settings.tables import MergeSettings

DifferingHeadersOf = Callable[[BatchScheduler, PendingRequest], str]
OnBatch = Callable[[BatchScheduler, list[PendingRequest]], None]
OnReply = Callable[[Reply], None]
NONE_AHEAD: Mapping[PendingRequest, OnReply] = {}


def scheduler_registry(merge: MergeSettings) -> SchedulerRegistry:
    """A registry of schedulers with these settings."""
    settings = msgspec.convert(merge.model_dump(include=set(BatchSettings.__struct_fields__)), BatchSettings)
    return SchedulerRegistry(merge.max_tracked, lambda: BatchScheduler(settings))


class Batcher:
    """The windows of one strategy and its calls in flight. ``on_batch`` gets each batch; all its requests wait."""

    def __init__(
        self,
        schedulers: SchedulerRegistry,
        on_batch: OnBatch,
        events: Events,
        clock: Callable[[], float],
        differing_headers_of: DifferingHeadersOf = lambda scheduler, request: "",
    ) -> None:
        """``differing_headers_of`` returns the headers because of which a request is alone in its window."""
        self.schedulers = schedulers
        self._differing_headers_of = differing_headers_of
        self._on_batch = on_batch
        self._events = events
        self._clock = clock
        self._waiters: dict[PendingRequest, Waiter] = {}
        self._timers: dict[BatchScheduler, tuple[asyncio.Handle, bool]] = {}
        """For each open window: the timer that closes it, and whether it fires in this iteration of the event loop."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Requests held in windows or waiting for calls."""
        return len(self._waiters)

    @property
    def open_windows(self) -> int:
        """Windows that are open."""
        return len(self._timers)

    # Called for requests.

    async def join(
        self,
        scheduler: BatchScheduler,
        request: PendingRequest,
        reason: str | None = None,
        ahead: Mapping[PendingRequest, OnReply] = NONE_AHEAD,
    ) -> Reply:
        """Wait in the scheduler's window, then for the call that answers its batch.

        ``reason`` is the bypass reason in the reply when the request is sent alone. ``ahead`` are requests that no
        client has made yet, which join the same window; each function gets its reply.
        """
        task = TaskWaits()
        self._enter(scheduler, request, Waiter(scheduler, task, reason), ahead)
        try:
            return await task.future
        except asyncio.CancelledError:
            if task.done() and not task.future.cancelled():
                discard(task.future.result())
            else:
                self.leave(request)
            raise
        finally:
            self._waiters.pop(request, None)

    def enter(self, scheduler: BatchScheduler, request: PendingRequest, receiver: TakesReply) -> None:
        """Same as ``join``, without a task that waits: ``receiver`` gets the reply, and calls ``forget``. Before that,
        ``leave`` has to be called when the client disconnects.
        """
        self._enter(scheduler, request, Waiter(scheduler, receiver), NONE_AHEAD)

    def forget(self, request: PendingRequest) -> None:
        """``request`` has its reply."""
        self._waiters.pop(request, None)

    def leave(self, request: PendingRequest) -> None:
        """The client of ``request``, which has no reply yet, disconnected."""
        waiter = self._waiters.pop(request)
        if waiter.in_flight is not None:
            waiter.in_flight.disconnect_one()
        elif waiter.scheduler.cancel(request):
            self._unschedule(waiter.scheduler)

    def _enter(
        self,
        scheduler: BatchScheduler,
        request: PendingRequest,
        waiter: Waiter,
        ahead: Mapping[PendingRequest, OnReply],
    ) -> None:
        self._waiters[request] = waiter
        wait = scheduler.enqueue(request)
        if wait is not None:
            self._schedule(scheduler, 0.0 if ahead and not scheduler.in_flight else wait)
        for each, on_reply in ahead.items():
            self._join_ahead(scheduler, each, on_reply)
        if scheduler.full:
            self._flush(scheduler)

    def _join_ahead(self, scheduler: BatchScheduler, request: PendingRequest, on_reply: OnReply) -> None:
        task = TaskWaits()
        self._waiters[request] = Waiter(scheduler, task, is_ahead=True)
        scheduler.enqueue_ahead(request)

        def done(reply: "asyncio.Future[Reply]") -> None:
            self._waiters.pop(request, None)
            on_reply(reply.result())

        task.future.add_done_callback(done)

    # Called by strategies.

    def is_waiting(self, request: PendingRequest) -> bool:
        """Whether ``request`` has no reply yet and its client has not disconnected."""
        return self.waiter_of(request) is not None

    def waiter_of(self, request: PendingRequest) -> Waiter | None:
        """The waiter of ``request``, None if it does not wait."""
        waiter = self._waiters.get(request)
        return None if waiter is None or waiter.receiver.done() else waiter

    def is_ahead(self, request: PendingRequest) -> bool:
        """Whether no client has made ``request`` yet."""
        waiter = self._waiters.get(request)
        return waiter is not None and waiter.is_ahead

    def reply(self, request: PendingRequest, reply: Reply) -> None:
        """Give a waiting request its reply."""
        self._waiters[request].answer(reply)

    def release_alone(
        self, scheduler: BatchScheduler, request: PendingRequest, reason: str | None = None, fallback: str = ""
    ) -> None:
        """Have ``request`` sent alone, if it still waits. ``reason`` replaces the one that ``join`` got;
        ``fallback`` is why a call for it could not answer it."""
        if self.is_waiting(request):
            waiter = self._waiters[request]
            slot, why = self._acquire(scheduler), reason or waiter.reason
            waiter.receiver.take(SendAlone(slot, why, fallback, waiter.unused_calls, waiter.differing_headers))

    def release_each(
        self,
        scheduler: BatchScheduler,
        requests: Iterable[PendingRequest],
        fallback: str = "",
        reason_of: Callable[[PendingRequest], str | None] = lambda _: None,
    ) -> None:
        """Same as ``release_alone`` for each of ``requests``, many of them in turns."""
        in_turns(
            requests,
            lambda request: self.release_alone(scheduler, request, reason_of(request), fallback=fallback),
            MOST_CALLS,
        )

    def reply_each(self, requests: Iterable[PendingRequest], reply_to: Callable[[PendingRequest], Reply]) -> None:
        """Give each of ``requests`` that still waits then its reply, many of them in turns."""

        def reply(request: PendingRequest) -> None:
            waiter = self.waiter_of(request)
            if waiter is not None:
                waiter.answer(reply_to(request))

        in_turns(requests, reply)

    def record_unused_call(self, requests: Iterable[PendingRequest], call: int) -> None:
        """The call with this number could not answer ``requests``, as far as they wait."""
        for request in requests:
            if self.is_waiting(request):
                self._waiters[request].unused_calls += (call,)

    def start(self, scheduler: BatchScheduler, call: InFlightCall, work: Coroutine[None, None, None]) -> None:
        """Run ``work``, which makes the call that the requests of ``call`` wait for."""
        for request in call.requests:
            self._waiters[request].in_flight = call
        call.task = self._run(scheduler, work, lambda: call.seconds, len(call.requests))

    def prepare(self, scheduler: BatchScheduler, work: Coroutine[None, None, None]) -> None:
        """Run ``work``, which has to end before the calls of a batch can be planned."""
        self._run(scheduler, work, lambda: None)

    def leave_call(self, request: PendingRequest) -> None:
        """``request`` no longer waits for its call; it still waits for a reply."""
        self._waiters[request].in_flight = None

    def _run(
        self,
        scheduler: BatchScheduler,
        work: Coroutine[None, None, None],
        seconds: Callable[[], float | None],
        requests: int = 1,
    ) -> "asyncio.Task[None]":
        """A task with a slot, which is released however the task ends, even if it is cancelled before it begins."""
        slot = self._acquire(scheduler, requests)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._ended(task, slot, seconds()))
        return task

    def _ended(self, task: "asyncio.Task[None]", slot: Slot, seconds: float | None) -> None:
        self._tasks.discard(task)
        slot.release(seconds)

    def _acquire(self, scheduler: BatchScheduler, requests: int = 1) -> Slot:
        scheduler.acquire(requests)
        return Slot(partial(self._released, scheduler, requests))

    def _released(self, scheduler: BatchScheduler, requests: int, seconds: float | None) -> None:
        if scheduler.release(seconds, requests):
            self._schedule(scheduler, 0.0)

    # Windows.

    def _schedule(self, scheduler: BatchScheduler, wait: float) -> None:
        """Close the window after ``wait`` seconds. 0 is the end of this iteration of the event loop, so that requests
        whose bytes have already arrived can join.
        """
        closes_this_iteration = self._timers.get(scheduler, (None, False))[1]
        if closes_this_iteration:
            return
        self._unschedule(scheduler)
        loop = asyncio.get_running_loop()
        if wait:
            self._timers[scheduler] = (loop.call_later(wait, self._flush, scheduler), False)
        else:
            self._timers[scheduler] = (loop.call_soon(self._flush, scheduler), True)

    def _unschedule(self, scheduler: BatchScheduler) -> None:
        timer = self._timers.pop(scheduler, None)
        if timer is not None:
            timer[0].cancel()

    def _flush(self, scheduler: BatchScheduler) -> None:
        self._unschedule(scheduler)
        # A request whose client disconnected in this iteration of the event loop is in the window, but does not wait.
        batch = [request for request in scheduler.flush() if self.is_waiting(request)]
        if not batch:
            return
        self._events.emit(WindowClosed(len(batch), self._clock() - batch[0].arrived))
        if len(batch) == 1 and not scheduler.in_flight:
            waiter = self._waiters[batch[0]]
            waiter.differing_headers = self._differing_headers_of(scheduler, batch[0])
            waiter.reason = waiter.reason or (REASON if waiter.differing_headers else None)
        self._on_batch(scheduler, batch)
