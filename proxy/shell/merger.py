"""Carries windows and plans out: timers, merged calls, and an answer for every waiter, whatever happens.

What to hold, what to send and what to believe is decided by the rooms; here is only the waiting.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable

import msgspec

from proxy.config import Settings
from proxy.http1.head import Field, StatusLine
from proxy.model import Alone, Doubt, Head, Member, Miss, Share
from proxy.observe.events import Events, Left, Replayed, Saved, Warned
from proxy.path.evidence import RowEvidence
from proxy.path.plan import Bounds, plan
from proxy.path.singular import Templates, read_template
from proxy.path.window import Gate, Gates, Pace
from proxy.postgrest.literals import fits
from proxy.shell.fetch import Fetcher, Poisoned, Result
from proxy.shell.seats import Batch, Seat, Served, Ticket

__all__ = ["Merger", "Served", "Ticket"]


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
        self._templates = Templates(merge.max_tracked)
        self._seats: dict[Member, Seat] = {}
        self._timers: dict[Gate, tuple[asyncio.Handle, bool]] = {}
        """Of each open window: what closes it, and whether that is at the end of this turn."""
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
        seat = Seat(gate, asyncio.get_running_loop().create_future())
        self._seats[member] = seat
        self._schedule(gate, gate.arrive(member))
        if gate.full:
            self._leave(gate)
        try:
            return await seat.future
        except asyncio.CancelledError:
            self._hung_up(member, seat)
            raise
        finally:
            self._seats.pop(member, None)

    def saw_problem(self, head: Head, line: StatusLine, fields: tuple[Field, ...], body: bytes) -> None:
        """A caller that wants one object was answered ``body``, which may be the 406 that others will need."""
        template = read_template(line.line, fields, body)
        if template is not None:
            self._templates.learn(head.who, template)

    def _refusal(self, gate: Gate) -> str | None:
        if gate.paused(self._clock()):
            return "paused"
        return "large-rows" if gate.too_large(self._merge.max_key_body) else None

    def _hung_up(self, member: Member, seat: Seat) -> None:
        done = seat.future.done() and not seat.future.cancelled()
        if done and isinstance(ticket := seat.future.result(), Ticket):
            ticket.done(None)
        elif seat.batch is not None:
            seat.batch.depart()
        elif not done and seat.gate.depart(member):
            self._unschedule(seat.gate)

    # Windows.

    def _schedule(self, gate: Gate, wait: float | None) -> None:
        """Close the gate's window after ``wait`` seconds. 0 is the end of this turn: what is readable rides along."""
        leaving = self._timers.get(gate, (None, False))[1]
        if wait is None or leaving:
            return
        self._unschedule(gate)
        loop = asyncio.get_running_loop()
        if wait:
            self._timers[gate] = (loop.call_later(wait, self._leave, gate), False)
        else:
            self._timers[gate] = (loop.call_soon(self._leave, gate), True)

    def _unschedule(self, gate: Gate) -> None:
        timer = self._timers.pop(gate, None)
        if timer is not None:
            timer[0].cancel()

    def _leave(self, gate: Gate) -> None:
        self._unschedule(gate)
        # Whose connection broke in this very turn is still in the window, but waits no more.
        batch = [member for member in gate.leave() if self._is_waiting(member)]
        if not batch:
            return
        now = self._clock()
        self._events.emit(Left(len(batch), now - batch[0].arrived))
        if gate.paused(now):
            for member in batch:
                self._admit(gate, member, "paused")
        else:
            self._dispatch(gate, batch)

    def _dispatch(self, gate: Gate, batch: list[Member], again: bool = False) -> None:
        """Send what the plan says for ``batch``, all of whom wait; where that fails, everybody goes alone."""
        try:
            for call in plan(batch, self.alias, self._bounds(gate)):
                if isinstance(call, Alone):
                    self._admit(gate, call.member, self._why_alone(gate, call.member))
                else:
                    self._start(gate, Batch(call, again))
        except Exception as error:
            self._events.emit(Warned("a batch could not be sent as planned", "This is a bug: report it.", error))
            for member in batch:
                self._admit(gate, member)

    def _admit(self, gate: Gate, member: Member, reason: str | None = None, replays: bool = False) -> None:
        """Let ``member`` go alone, if it still waits."""
        if self._is_waiting(member):
            gate.sent()
            self._seats[member].future.set_result(Ticket(gate, self._returned, reason, replays))

    def _why_alone(self, gate: Gate, member: Member) -> str | None:
        """The refusal, if any: that it found no company is none."""
        types = gate.types
        fitting = (fits(key.literal, key.kind, types.get(key.name, "")) for key in member.query.keys)
        return None if not types or any(fitting) else "learnt-type"

    def _bounds(self, gate: Gate) -> Bounds:
        """Keys a call: by setting, by max-rows where it is known, by the bytes that a key was answered lately."""
        keys = self._merge.max_keys
        max_rows = self._evidence.known(self._clock())
        if max_rows is not None:
            keys = min(keys, max(1, max_rows - 1))
        if gate.size_per_key:
            keys = min(keys, max(2, int(self._merge.max_body / gate.size_per_key / 2)))
        return Bounds(keys, self._merge.max_url, gate.types)

    def _returned(self, gate: Gate, seconds: float | None) -> None:
        if gate.returned(seconds):
            self._schedule(gate, 0.0)

    # Merged calls.

    def _start(self, gate: Gate, batch: Batch) -> None:
        for member in batch.members:
            self._seats[member].batch = batch
        gate.sent()
        batch.task = asyncio.get_running_loop().create_task(self._run(gate, batch))
        self._tasks.add(batch.task)
        batch.task.add_done_callback(lambda task: self._ended(gate, batch, task))

    def _ended(self, gate: Gate, batch: Batch, task: "asyncio.Task[None]") -> None:
        """However it ended, even if it was cancelled before its first step."""
        self._tasks.discard(task)
        self._returned(gate, batch.seconds)

    async def _run(self, gate: Gate, batch: Batch) -> None:
        """Fetch the merged answer and hand out the shares; doubts, deadlines and bugs send everybody alone."""
        number, began = self.next_number(), self._clock()
        loop = asyncio.get_running_loop()
        result: Result
        try:
            async with asyncio.timeout(None) as deadline:
                result = await self._fetcher.fetch(
                    batch.call, self.alias, lambda: deadline.reschedule(loop.time() + gate.deadline())
                )
            batch.seconds = self._clock() - began
        except TimeoutError:
            result = Doubt("deadline")
        except Exception as error:
            self._events.emit(Warned("a merged answer could not be used", "This is a bug: report it.", error))
            result = Doubt("bug")
        try:
            self._settle(gate, batch, result, number)
        except Exception as error:
            self._events.emit(Warned("a merged answer could not be handed out", "This is a bug: report it.", error))
            self._alone(gate, batch)

    def _settle(self, gate: Gate, batch: Batch, result: Result, number: int) -> None:
        if isinstance(result, Poisoned) and not batch.again:
            self._without_poison(gate, batch, result)
        elif isinstance(result, Poisoned):
            self._doubt(gate, batch, Doubt("poison"))
        elif isinstance(result, Doubt):
            self._doubt(gate, batch, result)
        else:
            self._serve(gate, batch, result, number)

    def _serve(self, gate: Gate, batch: Batch, shares: dict[bytes, Share | Miss], number: int) -> None:
        whole = {literal: self._whole(share, batch.members[0].head) for literal, share in shares.items()}
        waiting = [
            (whole[literal], member)
            for literal, members in batch.call.owners.items()
            for member in members
            if self._is_waiting(member)
        ]
        served = [(share, self._seats[member]) for share, member in waiting if share is not None]
        for share, seat in served:
            seat.future.set_result(Served(share, number, len(served)))
        for found, member in waiting:
            if found is None:
                self._admit(gate, member, replays=True)
        gate.merged(len(shares), sum(len(found.body) for found in whole.values() if found is not None))
        self._events.emit(Saved("FAN001", batch.relation, len(served) - 1))

    def _whole(self, share: Share | Miss, head: Head) -> Share | None:
        """What to answer; None while nobody knows how PostgREST says that there is not exactly one row."""
        if isinstance(share, Share):
            return share
        template = self._templates.get(head.who, share.server)
        return None if template is None else template.fill(share)

    def _doubt(self, gate: Gate, batch: Batch, doubt: Doubt) -> None:
        """Send the originals; one call was made for nothing."""
        gate.failed(self._clock())
        self._wasted(batch, doubt)
        self._alone(gate, batch)

    def _without_poison(self, gate: Gate, batch: Batch, poisoned: Poisoned) -> None:
        """The column's type is known now: the next plan sends who does not fit it alone, and merges the rest."""
        gate.types[batch.call.key] = poisoned.type_name
        self._wasted(batch, Doubt("poison"))
        members = [member for member in batch.members if self._is_waiting(member)]
        for member in members:
            self._seats[member].batch = None
        self._dispatch(gate, members, again=True)

    def _wasted(self, batch: Batch, doubt: Doubt) -> None:
        self._events.emit(Replayed(doubt.reason, doubt.detail, batch.relation, len(batch.members)))
        self._events.emit(Saved("FAN001", batch.relation, -1))

    def _alone(self, gate: Gate, batch: Batch) -> None:
        for member in batch.members:
            self._admit(gate, member, replays=True)

    def _is_waiting(self, member: Member) -> bool:
        seat = self._seats.get(member)
        return seat is not None and not seat.future.done()
