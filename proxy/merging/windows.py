"""Holds requests in windows until their batch leaves, and tells each what became of it.

When a window leaves is decided by its gate; here are only the timers, the places, and callers that hang up.
"""

import asyncio
from collections.abc import Callable

from proxy.merging.waiters import Reply, SendAlone, StreamedAnswer, Waiter
from proxy.model import PendingRequest
from proxy.observe.events import Events, WindowClosed
from proxy.path.batching import BatchScheduler, SchedulerRegistry


class Windows:
    """The windows of the gates in use. ``left`` is handed each batch: members who all wait."""

    def __init__(
        self,
        gates: SchedulerRegistry,
        left: Callable[[BatchScheduler, list[PendingRequest]], None],
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        self.schedulers = gates
        self._on_batch = left
        self._events = events
        self._clock = clock
        self._seats: dict[PendingRequest, Waiter] = {}
        self._timers: dict[BatchScheduler, tuple[asyncio.Handle, bool]] = {}
        """Of each open window: what closes it, and whether that is at the end of this turn."""

    @property
    def waiting(self) -> int:
        """Requests held in windows or waiting for calls."""
        return len(self._seats)

    @property
    def open_windows(self) -> int:
        """Windows that are open."""
        return len(self._timers)

    async def join(self, gate: BatchScheduler, member: PendingRequest, reason: str | None = None) -> Reply:
        """Wait in the gate's window for whatever its batch comes to. ``reason`` is told who goes alone."""
        seat = Waiter(gate, asyncio.get_running_loop().create_future(), reason)
        self._seats[member] = seat
        wait = gate.enqueue(member)
        if wait is not None:
            self._schedule(gate, wait)
        if gate.full:
            self._flush(gate)
        try:
            return await seat.future
        except asyncio.CancelledError:
            self._hung_up(member, seat)
            raise
        finally:
            self._seats.pop(member, None)

    def is_waiting(self, member: PendingRequest) -> bool:
        """Whether ``member`` has neither an answer nor hung up."""
        seat = self._seats.get(member)
        return seat is not None and not seat.future.done()

    def waiter(self, member: PendingRequest) -> Waiter:
        """The place of a member that waits."""
        return self._seats[member]

    def release_alone(
        self, gate: BatchScheduler, member: PendingRequest, reason: str | None = None, is_fallback: bool = False
    ) -> None:
        """Let ``member`` go alone, if it still waits."""
        if self.is_waiting(member):
            gate.acquire()
            seat = self._seats[member]
            seat.future.set_result(SendAlone(gate, self.release, reason or seat.reason, is_fallback))

    def release(self, gate: BatchScheduler, seconds: float | None) -> None:
        """A call of ``gate`` came back after ``seconds``; None: it failed."""
        if gate.release(seconds):
            self._schedule(gate, 0.0)

    def _schedule(self, gate: BatchScheduler, wait: float) -> None:
        """Close the gate's window after ``wait`` seconds. 0 is the end of this turn: what is readable rides along."""
        leaving = self._timers.get(gate, (None, False))[1]
        if leaving:
            return
        self._unschedule(gate)
        loop = asyncio.get_running_loop()
        if wait:
            self._timers[gate] = (loop.call_later(wait, self._flush, gate), False)
        else:
            self._timers[gate] = (loop.call_soon(self._flush, gate), True)

    def _unschedule(self, gate: BatchScheduler) -> None:
        timer = self._timers.pop(gate, None)
        if timer is not None:
            timer[0].cancel()

    def _flush(self, gate: BatchScheduler) -> None:
        self._unschedule(gate)
        # Whose connection broke in this very turn is still in the window, but waits no more.
        batch = [member for member in gate.flush() if self.is_waiting(member)]
        if batch:
            self._events.emit(WindowClosed(len(batch), self._clock() - batch[0].arrived))
            self._on_batch(gate, batch)

    def _hung_up(self, member: PendingRequest, seat: Waiter) -> None:
        done = seat.future.done() and not seat.future.cancelled()
        reply = seat.future.result() if done else None
        if isinstance(reply, SendAlone):
            reply.done(None)
        elif isinstance(reply, StreamedAnswer):
            reply.done()
        elif seat.in_flight is not None:
            seat.in_flight.cancel_one()
        elif not done and seat.scheduler.cancel(member):
            self._unschedule(seat.scheduler)
