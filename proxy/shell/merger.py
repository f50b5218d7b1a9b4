"""Carries windows and plans out: timers, merged calls, and an answer for every waiter, whatever happens.

What to hold, what to send and what to believe is decided by the rooms; here is only the waiting.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable

import msgspec

from proxy.config import Settings
from proxy.model import Alone, Member, Merged
from proxy.observe.events import Events, Left, Replayed, Saved, Warned
from proxy.path.evidence import RowEvidence
from proxy.path.plan import Bounds, plan
from proxy.path.split import Doubt, Share
from proxy.path.window import Gate, Gates, Pace
from proxy.shell.fetch import Fetcher, Poisoned, Result


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


class _Batch:
    """A merged call under way and those who wait for it; the last to leave cancels it."""

    def __init__(self, call: Merged) -> None:
        self.call = call
        self.left = len(call.members)
        self.task: asyncio.Task[None] | None = None

    def depart(self) -> None:
        self.left -= 1
        if not self.left and self.task is not None:
            self.task.cancel()


class _Seat:
    """One waiter: its place in a window, then in a batch."""

    def __init__(self, gate: Gate, future: "asyncio.Future[Served | Ticket]") -> None:
        self.gate = gate
        self.future = future
        self.batch: _Batch | None = None


class Merger:
    """Windows, batches and replays of one upstream."""

    def __init__(
        self,
        settings: Settings,
        fetcher: Fetcher,
        evidence: RowEvidence,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        merge = settings.merge
        self.alias = b"f" + secrets.token_hex(12).encode()
        self._merge = merge
        self._fetcher = fetcher
        self._evidence = evidence
        self._events = events
        self._clock = clock
        self._numbers = itertools.count(1)
        pace = msgspec.convert(merge.model_dump(include=set(Pace.__struct_fields__)), Pace)
        self._gates = Gates(merge.max_tracked, lambda: Gate(pace))
        self._seats: dict[Member, _Seat] = {}
        self._timers: dict[Gate, asyncio.Handle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.replaying = asyncio.Semaphore(merge.replays)
        """Held by each original that is sent after a doubt: replays must not flood upstream."""

    @property
    def waiting(self) -> int:
        """Requests held in windows or waiting for merged calls."""
        return len(self._seats)

    @property
    def tracked(self) -> int:
        """(fingerprint, identity) pairs remembered."""
        return len(self._gates)

    def next_number(self) -> int:
        """A number for an upstream call, never used before."""
        return next(self._numbers)

    async def ask(self, member: Member) -> Served | Ticket:
        """Wait for company and a merged answer, or for the word to go alone."""
        gate = self._gates.get(member.query.fingerprint, member.head.who)
        if gate is None:
            return Ticket(None, self._returned, "busy")
        reason = self._refusal(gate)
        if reason is not None:
            gate.sent()
            return Ticket(gate, self._returned, reason)
        seat = _Seat(gate, asyncio.get_running_loop().create_future())
        self._seats[member] = seat
        self._schedule(gate, gate.arrive(member))
        try:
            return await seat.future
        except asyncio.CancelledError:
            self._hung_up(member, seat)
            raise
        finally:
            self._seats.pop(member, None)

    def _refusal(self, gate: Gate) -> str | None:
        if gate.paused(self._clock()):
            return "paused"
        if gate.size_per_key > self._merge.max_key_body:
            return "large-rows"
        return None

    def _hung_up(self, member: Member, seat: _Seat) -> None:
        done = seat.future.done() and not seat.future.cancelled()
        if done and isinstance(ticket := seat.future.result(), Ticket):
            ticket.done(None)
        elif seat.batch is not None:
            seat.batch.depart()
        elif not done:
            seat.gate.depart(member)

    # Windows.

    def _schedule(self, gate: Gate, wait: float | None) -> None:
        """Close the gate's window after ``wait`` seconds. 0 is the end of this turn: what is readable rides along."""
        if wait is None:
            return
        self._unschedule(gate)
        loop = asyncio.get_running_loop()
        opened = self._clock()
        if wait:
            self._timers[gate] = loop.call_later(wait, self._leave, gate, opened)
        else:
            self._timers[gate] = loop.call_soon(self._leave, gate, opened)

    def _unschedule(self, gate: Gate) -> None:
        timer = self._timers.pop(gate, None)
        if timer is not None:
            timer.cancel()

    def _leave(self, gate: Gate, opened: float) -> None:
        self._unschedule(gate)
        batch = gate.leave()
        if not batch:
            return
        self._events.emit(Left(len(batch), self._clock() - opened))
        self._dispatch(gate, batch)

    def _dispatch(self, gate: Gate, batch: list[Member]) -> None:
        try:
            calls = plan(batch, self.alias, self._bounds(gate))
        except Exception as error:
            self._events.emit(Warned("a batch could not be planned", "This is a bug: report it.", error))
            calls = [Alone(member) for member in batch]
        for call in calls:
            gate.sent()
            if isinstance(call, Alone):
                self._seats[call.member].future.set_result(Ticket(gate, self._returned))
            else:
                self._start(gate, call)

    def _bounds(self, gate: Gate) -> Bounds:
        """Keys a call: by setting, by max-rows where it is known, by the bytes that a key was answered lately."""
        keys = self._merge.max_keys
        if self._evidence.known is not None:
            keys = min(keys, max(1, self._evidence.known - 1))
        if gate.size_per_key:
            keys = min(keys, max(2, int(self._merge.max_body / gate.size_per_key / 2)))
        return Bounds(keys, self._merge.max_url, gate.types)

    def _returned(self, gate: Gate, seconds: float | None) -> None:
        if gate.returned(seconds):
            self._schedule(gate, 0.0)

    # Merged calls.

    def _start(self, gate: Gate, call: Merged) -> None:
        batch = _Batch(call)
        for member in call.members:
            self._seats[member].batch = batch
        batch.task = asyncio.get_running_loop().create_task(self._run(gate, batch))
        self._tasks.add(batch.task)
        batch.task.add_done_callback(self._tasks.discard)

    async def _run(self, gate: Gate, batch: _Batch) -> None:
        """Fetch the merged answer and hand out the shares; doubts, deadlines and bugs send everybody alone."""
        number, began = self.next_number(), self._clock()
        seconds: float | None = None
        result: Result
        try:
            async with asyncio.timeout(gate.deadline()):
                result = await self._fetcher.fetch(batch.call, self.alias)
            seconds = self._clock() - began
        except TimeoutError:
            result = Doubt("deadline")
        except Exception as error:
            self._events.emit(Warned("a merged answer could not be used", "This is a bug: report it.", error))
            result = Doubt("bug")
        finally:
            self._returned(gate, seconds)
        try:
            self._settle(gate, batch.call, result, number)
        except Exception as error:
            self._events.emit(Warned("a merged answer could not be handed out", "This is a bug: report it.", error))
            self._alone(gate, batch.call.members)

    def _settle(self, gate: Gate, call: Merged, result: Result, number: int) -> None:
        if isinstance(result, Poisoned):
            self._without_poison(gate, call, result)
        elif isinstance(result, Doubt):
            self._doubt(gate, call, result)
        else:
            self._serve(gate, call, result, number)

    def _serve(self, gate: Gate, call: Merged, shares: dict[bytes, Share], number: int) -> None:
        waiting = self._waiters(call)
        for literal, seat in waiting:
            seat.future.set_result(Served(shares[literal], number, len(waiting)))
        gate.merged(len(shares), sum(len(share.body) for share in shares.values()))
        self._events.emit(Saved("FAN001", call.members[0].query.relation, len(waiting) - 1))

    def _doubt(self, gate: Gate, call: Merged, doubt: Doubt) -> None:
        """Send the originals; one call was made for nothing."""
        relation = call.members[0].query.relation
        gate.failed(self._clock())
        self._events.emit(Replayed(doubt.reason, doubt.detail, relation, len(call.members)))
        self._events.emit(Saved("FAN001", relation, -1))
        self._alone(gate, call.members)

    def _without_poison(self, gate: Gate, call: Merged, poisoned: Poisoned) -> None:
        """The column's type is known now: the next plan sends who does not fit it alone, and merges the rest."""
        members = [member for member in call.members if self._is_waiting(member)]
        gate.types[call.key] = poisoned.type_name
        relation = call.members[0].query.relation
        self._events.emit(Replayed("poison", "", relation, len(members)))
        self._events.emit(Saved("FAN001", relation, -1))
        for member in members:
            self._seats[member].batch = None
        self._dispatch(gate, members)

    def _alone(self, gate: Gate, members: list[Member]) -> None:
        for member in members:
            if self._is_waiting(member):
                gate.sent()
                self._seats[member].future.set_result(Ticket(gate, self._returned, replays=True))

    def _waiters(self, call: Merged) -> list[tuple[bytes, _Seat]]:
        return [
            (literal, self._seats[member])
            for literal, members in call.owners.items()
            for member in members
            if self._is_waiting(member)
        ]

    def _is_waiting(self, member: Member) -> bool:
        seat = self._seats.get(member)
        return seat is not None and not seat.future.done()
