"""Waiting requests, the calls in flight that they wait for, and the replies that they get."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from proxy.errors.codes import FaultError
from proxy.model import MergedCall, Outcome, PendingRequest, Slice
from proxy.path.batches.batching import BatchScheduler
from proxy.transport.resume import resume
from proxy.upstream.messages import UpstreamAnswer


class Slot:
    """One call in flight, as its scheduler counts it. Only the first ``release`` counts."""

    def __init__(self, release: Callable[[float | None], None] | None = None) -> None:
        """``release`` gets the seconds that the call took, None if it failed. Without it nothing counts this call."""
        self._release = release

    def release(self, seconds: float | None = None) -> None:
        """The call ended after ``seconds``; None: it failed."""
        release, self._release = self._release, None
        if release is not None:
            release(seconds)


class BufferedAnswer(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A request's slice of an answer. ``call`` is the number of the call, ``shared`` how many requests it answered."""

    slice: Slice
    call: int
    shared: int
    outcome: Outcome
    seconds: float
    """Time from sending the call to its answer."""
    unused_calls: tuple[int, ...] = ()
    """Numbers of earlier calls for the request that could not answer it."""
    age: float = 0.0
    """Seconds since before the call was sent, for an answer that was fetched ahead or kept."""
    is_stale: bool = False
    """Whether it is a kept answer that is being fetched again meanwhile."""


class FailedCall(msgspec.Struct, frozen=True, eq=False):
    """The shared call failed, with an error that the request alone would get too. ``call`` is 0 if it was not sent."""

    error: FaultError
    call: int


class StreamedAnswer:
    """The answer to a shared call that only one request may get. Its client receives the answer as a stream.

    ``data`` is the part of the body that was read already, after ``seconds``. ``finish`` ends the call.
    """

    def __init__(self, answer: UpstreamAnswer, data: bytes, call: int, seconds: float) -> None:
        self.answer = answer
        self.data = data
        self.call = call
        self.seconds = seconds
        self.passed_on = asyncio.Event()

    def finish(self) -> None:
        """The answer was passed on, or the client disconnected."""
        self.passed_on.set()


class SendAlone(msgspec.Struct, frozen=True, eq=False):
    """The request is sent as it is, alone. Its handler releases ``slot`` when it is answered."""

    slot: Slot
    reason: str | None = None
    """Why it was not merged: a key of ``errors.codes.BYPASS_REASONS``."""
    fallback: str = ""
    """Why a merged or shared call that was made for the request could not answer it: a key of
    ``errors.codes.FALLBACK_REASONS``; empty if none was made.
    """
    unused_calls: tuple[int, ...] = ()
    """The numbers of such calls."""
    differing_headers: str = ""
    """The headers (names joined by commas) because of which it shares no call with similar reads."""

    @property
    def is_fallback(self) -> bool:
        """Whether a call was made for the request whose answer was not used."""
        return bool(self.fallback)


Reply = BufferedAnswer | SendAlone | StreamedAnswer | FailedCall
"""What a waiting request gets."""


class InFlightCall:
    """The requests that wait for one call. The call is cancelled when the client of the last one disconnects."""

    def __init__(self, requests: Sequence[PendingRequest]) -> None:
        self.requests = requests
        self.relation = requests[0].query.relation
        self.connected = len(self.requests)
        """Requests whose clients have not disconnected."""
        self.seconds: float | None = None
        """How long the call took; None while it is in flight, and when it failed."""
        self.task: asyncio.Task[None] | None = None

    def disconnect_one(self) -> None:
        """The client of one of the requests disconnected."""
        self.connected -= 1
        if not self.connected and self.task is not None:
            self.task.cancel()


class ShorterCall(msgspec.Struct, frozen=True, eq=False):
    """Why a merged call is a shorter one: a longer one was refused. The other requests of that call wait for it."""

    limit: int
    """The limit of its target in bytes."""
    refused: int
    """Bytes of the target that was refused."""
    status: str
    """The status with which it was refused, or the code of the fault."""
    smaller: tuple[int, ...]
    """Limits to try if this one is refused too."""
    others: list[PendingRequest]


class InFlightMerge(InFlightCall):
    """A merged call in flight. ``second_attempt``: a value of the wrong type was removed. There is no third attempt."""

    def __init__(
        self, call: MergedCall, second_attempt: bool, shorter: ShorterCall | None = None, is_trial: bool = False
    ) -> None:
        super().__init__(call.requests)
        self.call = call
        self.second_attempt = second_attempt
        self.shorter = shorter
        self.is_trial = is_trial
        """Whether it is longer than the calls that a gateway is known to accept, or takes the place of such a call."""
        self.sent: float | None = None
        """When the call was first sent."""


class TakesReply(Protocol):
    """What waits for a reply."""

    def done(self) -> bool:
        """Whether it has one, or waits no more."""
        ...

    def take(self, reply: Reply) -> None:
        """Use the reply, at once."""
        ...


class TaskWaits:
    """A task that waits for a reply."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.done = self.future.done

    def take(self, reply: Reply) -> None:
        """Run the task, with its reply."""
        resume(self.future, reply)


def discard(reply: Reply) -> None:
    """Nobody uses ``reply``: its client disconnected."""
    if isinstance(reply, SendAlone):
        reply.slot.release()
    elif isinstance(reply, StreamedAnswer):
        reply.finish()


class Waiter(msgspec.Struct, eq=False):
    """One waiting request: first in its scheduler's window, then for a call."""

    scheduler: BatchScheduler
    receiver: TakesReply
    reason: str | None = None
    """The bypass reason, if the request waits only to share a call."""
    in_flight: InFlightCall | None = None
    unused_calls: tuple[int, ...] = ()
    """Numbers of calls for the request that could not answer it."""
    differing_headers: str = ""
    """The headers because of which it is alone in its window."""
    is_ahead: bool = False
    """Whether no client has made the request yet: it is not sent alone."""

    def answer(self, reply: Reply) -> None:
        """Give the waiting request its reply."""
        if self.unused_calls and isinstance(reply, BufferedAnswer):
            reply = msgspec.structs.replace(reply, unused_calls=self.unused_calls)
        self.receiver.take(reply)
