"""Who waits for what: a place in a window, then in a merged call, and what comes of it."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from proxy.errors.codes import FaultError
from proxy.model import MergedCall, Outcome, PendingRequest, Slice
from proxy.path.batching import BatchScheduler
from proxy.upstream.client import UpstreamAnswer


class BufferedAnswer(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A waiter's share of an answer; ``call`` is the call's number, ``shared`` how many it answered."""

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
    """An answer that was to be shared and goes to one waiter, to be passed on as it comes.

    ``data`` is what was read of its body; ``seconds`` the time until then. It is upstream's until ``done``.
    """

    def __init__(self, answer: UpstreamAnswer, data: bytes, call: int, seconds: float) -> None:
        self.answer = answer
        self.data = data
        self.call = call
        self.seconds = seconds
        self.taken = asyncio.Event()

    def done(self) -> None:
        """It was passed on, or nobody is there to take it."""
        self.taken.set()


class SendAlone:
    """A waiter goes alone: it sends its own request, and says when the answer is there.

    ``reason`` is a key of ``errors.BYPASS_REASONS``; ``is_fallback`` says that a call was made for it in vain.
    """

    def __init__(
        self,
        gate: BatchScheduler | None,
        returned: Callable[[BatchScheduler, float | None], None],
        reason: str | None = None,
        is_fallback: bool = False,
    ) -> None:
        self.reason = reason
        self.is_fallback = is_fallback
        self._gate = gate
        self._returned = returned

    def done(self, seconds: float | None) -> None:
        """The answer came after ``seconds``; None when it failed."""
        gate, self._gate = self._gate, None
        if gate is not None:
            self._returned(gate, seconds)


Reply = BufferedAnswer | SendAlone | StreamedAnswer | FailedCall
"""What a waiter is told."""


class InFlightCall:
    """Those who wait for one call; the last to leave cancels it."""

    def __init__(self, members: Sequence[PendingRequest]) -> None:
        self.requests = members
        self.relation = members[0].query.relation
        self.left = len(self.requests)
        self.seconds: float | None = None
        """How long the call took; None while it is under way, and when it failed."""
        self.task: asyncio.Task[None] | None = None

    def cancel_one(self) -> None:
        self.left -= 1
        if not self.left and self.task is not None:
            self.task.cancel()


class InFlightMerge(InFlightCall):
    """A merged call under way.

    ``again`` says that it is what was left of another one after its poison was taken out: there is no third one.
    """

    def __init__(self, call: MergedCall, again: bool) -> None:
        super().__init__(call.members)
        self.call = call
        self.again = again
        self.sent: float | None = None
        """When it was first sent."""


class Waiter(msgspec.Struct, eq=False):
    """One waiter: its place in a window, then among those who wait for a call."""

    scheduler: BatchScheduler
    future: "asyncio.Future[Reply]"
    reason: str | None = None
    """Why it was known from the first that it is not merged."""
    in_flight: InFlightCall | None = None
