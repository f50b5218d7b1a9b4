"""Requests that wait: for their window, then for an upstream call, and the replies that they get."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from proxy.errors.codes import FaultError
from proxy.model import MergedCall, Outcome, PendingRequest, Slice
from proxy.path.batching import BatchScheduler
from proxy.upstream.client import UpstreamAnswer


class Slot:
    """One call in flight, as its scheduler counts it: given back once, however often ``release`` is called."""

    def __init__(self, release: Callable[[float | None], None] | None = None) -> None:
        """``release`` is told how many seconds the call took. None: nothing counts this call."""
        self._release = release

    def release(self, seconds: float | None = None) -> None:
        """The call is over; None: it failed."""
        release, self._release = self._release, None
        if release is not None:
            release(seconds)


class BufferedAnswer(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A waiter's slice of an answer. ``call`` is the number of the call, ``shared`` how many requests it answered."""

    slice: Slice
    call: int
    shared: int
    outcome: Outcome
    seconds: float
    """How long the call took, from the moment that it was sent."""


class FailedCall(msgspec.Struct, frozen=True, eq=False):
    """The call that was to answer the waiter failed, as its own would have; ``call`` is 0 if it was never sent."""

    error: FaultError
    call: int


class StreamedAnswer:
    """An answer that was to be shared and goes to one waiter, who passes it on as it comes.

    ``data`` is what was read of its body; ``seconds`` the time until then. The call ends with ``done``.
    """

    def __init__(self, answer: UpstreamAnswer, data: bytes, call: int, seconds: float) -> None:
        self.answer = answer
        self.data = data
        self.call = call
        self.seconds = seconds
        self.passed_on = asyncio.Event()

    def done(self) -> None:
        """It was passed on, or its waiter has gone."""
        self.passed_on.set()


class SendAlone(msgspec.Struct, frozen=True, eq=False):
    """The waiter sends its own request, and gives ``slot`` back when that is answered."""

    slot: Slot
    reason: str | None = None
    """Why it was not merged: a key of ``errors.codes.BYPASS_REASONS``."""
    is_fallback: bool = False
    """Whether a merged or shared call was made for it, and its answer could not be used."""


Reply = BufferedAnswer | SendAlone | StreamedAnswer | FailedCall
"""What a waiter is told."""


class InFlightCall:
    """The requests that wait for one call; when the last of them hangs up, the call is cancelled."""

    def __init__(self, requests: Sequence[PendingRequest]) -> None:
        self.requests = requests
        self.relation = requests[0].query.relation
        self.left = len(self.requests)
        self.seconds: float | None = None
        """How long the call took; None while it is under way, and when it failed."""
        self.task: asyncio.Task[None] | None = None

    def cancel_one(self) -> None:
        """One of the requests hung up."""
        self.left -= 1
        if not self.left and self.task is not None:
            self.task.cancel()


class InFlightMerge(InFlightCall):
    """A merged call under way. ``again``: second attempt, after a value of the wrong type was removed. There is no
    third.
    """

    def __init__(self, call: MergedCall, again: bool) -> None:
        super().__init__(call.requests)
        self.call = call
        self.again = again
        self.sent: float | None = None
        """When it was first sent."""


class Waiter(msgspec.Struct, eq=False):
    """One waiting request: in its scheduler's window, then among those who wait for a call."""

    scheduler: BatchScheduler
    reply: "asyncio.Future[Reply]"
    reason: str | None = None
    """Why it was known from the first that it is not merged."""
    in_flight: InFlightCall | None = None
