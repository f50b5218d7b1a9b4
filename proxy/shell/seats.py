"""Who waits for what: a place in a window, then in a merged call, and what comes of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from proxy.model import Merged, Share
from proxy.path.window import Gate
from proxy.shell.fetch import leader

if TYPE_CHECKING:
    import asyncio


class Served(msgspec.Struct, frozen=True, eq=False):
    """A waiter's share of a merged answer; ``call`` is the call's number, ``shared`` how many it answered."""

    share: Share
    call: int
    shared: int


class Ticket:
    """A waiter goes alone: it sends its own request, and says when the answer is there.

    ``reason`` is a key of ``errors.REFUSALS``; ``replays`` says that a merged call was made for it in vain.
    """

    def __init__(
        self,
        gate: Gate | None,
        returned: Callable[[Gate, float | None], None],
        reason: str | None = None,
        replays: bool = False,
    ) -> None:
        self.reason = reason
        self.replays = replays
        self._gate = gate
        self._returned = returned

    def done(self, seconds: float | None) -> None:
        """The answer came after ``seconds``; None when it failed."""
        gate, self._gate = self._gate, None
        if gate is not None:
            self._returned(gate, seconds)


Reply = Served | Ticket
"""What a waiter is told."""


class Batch:
    """A merged call under way and those who wait for it; the last to leave cancels it.

    ``again`` says that it is what was left of another one after its poison was taken out: there is no third one.
    """

    def __init__(self, call: Merged, again: bool) -> None:
        self.call = call
        self.members = call.members
        self.relation = leader(call).query.relation
        self.again = again
        self.left = len(self.members)
        self.seconds: float | None = None
        """How long the call took; None while it is under way, and when it failed."""
        self.task: asyncio.Task[None] | None = None

    def depart(self) -> None:
        self.left -= 1
        if not self.left and self.task is not None:
            self.task.cancel()


class Seat:
    """One waiter: its place in a window, then in a batch."""

    def __init__(self, gate: Gate, future: "asyncio.Future[Reply]", reason: str | None = None) -> None:
        self.gate = gate
        self.future = future
        self.reason = reason
        """Why it was known from the first that it is not merged."""
        self.batch: Batch | None = None
