"""Carries plans out: merged calls, and an answer for every waiter, whatever happens.

What to send and what to believe is decided by the rooms; here is only the doing.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator

import msgspec

from proxy.merging.coalescer import Coalescer
from proxy.merging.fetch import BadValue, FetchesMerged, FetchResult
from proxy.merging.waiters import BufferedAnswer, InFlightMerge, Reply
from proxy.merging.windows import Windows
from proxy.model import FallbackReason, Identical, NotSingular, Outcome, PendingRequest, Single, Slice
from proxy.observe.events import Events, FellBack, MergingPaused, Warned
from proxy.path.batching import BatchScheduler, BatchSettings, SchedulerRegistry
from proxy.path.comparison import MismatchPauses
from proxy.path.max_rows import MaxRowsEvidence
from proxy.path.plan import CallLimits, originals, plan, why_not_merged
from proxy.path.singular import NotSingularTemplates
from proxy.postgrest.types import has_one_spelling
from proxy.settings.model import Settings
from proxy.upstream.column_types import ColumnTypeResolver


class Merger:
    """Windows, batches and fallbacks of one upstream."""

    def __init__(
        self,
        settings: Settings,
        fetcher: FetchesMerged,
        oracle: ColumnTypeResolver,
        sharing: Coalescer,
        evidence: MaxRowsEvidence,
        events: Events,
        clock: Callable[[], float],
        numbers: Iterator[int],
        templates: NotSingularTemplates,
        mismatch_pauses: MismatchPauses,
    ) -> None:
        merge = settings.merge
        self.alias = b"f" + secrets.token_hex(12).encode()
        self._merge = merge
        self._fetcher = fetcher
        self._oracle = oracle
        self._sharing = sharing
        self._evidence = evidence
        self._events = events
        self._clock = clock
        self._numbers = numbers
        pace = msgspec.convert(merge.model_dump(include=set(BatchSettings.__struct_fields__)), BatchSettings)
        self._windows = Windows(
            SchedulerRegistry(merge.max_tracked, lambda: BatchScheduler(pace)), self._left, events, clock
        )
        self._templates = templates
        self._mistrusted = mismatch_pauses
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Requests held in windows or waiting for merged calls."""
        return self._windows.waiting

    @property
    def windows(self) -> int:
        """Windows that are open."""
        return self._windows.open_windows

    @property
    def tracked(self) -> int:
        """(fingerprint, identity) pairs remembered."""
        return len(self._windows.schedulers)

    @property
    def paused(self) -> int:
        """Of these, how many are not merged now, after failures."""
        return self._windows.schedulers.paused(self._clock())

    async def ask(self, member: PendingRequest) -> Reply:
        """Wait for company and a merged answer, or for the word to go alone."""
        gate = self._windows.schedulers.get(member.query.fingerprint, member.head.identity_hash)
        reason = "busy" if gate is None else self._bypass_reason(gate, member)
        if gate is None or reason is not None:
            return await self._sharing.ask(member, reason)
        return await self._windows.join(gate, member)

    def _bypass_reason(self, gate: BatchScheduler, member: PendingRequest) -> str | None:
        reason = self._pause(gate, member, self._clock())
        return "large-rows" if reason is None and gate.too_large(self._merge.max_key_body) else reason

    def _pause(self, gate: BatchScheduler, member: PendingRequest, now: float) -> str | None:
        if gate.paused(now):
            return "paused"
        return "mismatch-paused" if self._mistrusted.paused(member.query.fingerprint, now) else None

    # Batches.

    def _left(self, gate: BatchScheduler, batch: list[PendingRequest]) -> None:
        reason = self._pause(gate, batch[0], self._clock())
        if reason is not None:
            self._unmerged(gate, batch, reason)
        elif questions := self._oracle.unresolved(batch):
            gate.acquire()
            task = asyncio.get_running_loop().create_task(self._oracle.resolve(batch[0], questions))
            self._tasks.add(task)
            task.add_done_callback(lambda task: self._answered(gate, batch, task))
        else:
            self._dispatch(gate, batch)

    def _answered(self, gate: BatchScheduler, batch: list[PendingRequest], task: "asyncio.Task[None]") -> None:
        """The types that the plan depends on are known, or nobody can tell them."""
        self._tasks.discard(task)
        self._dispatch(gate, [member for member in batch if self._windows.is_waiting(member)])
        self._windows.release(gate, None)

    def _unmerged(self, gate: BatchScheduler, batch: list[PendingRequest], reason: str) -> None:
        for call in originals(batch):
            if isinstance(call, Identical):
                self._sharing.start(self._windows, gate, call)
            elif isinstance(call, Single):
                self._windows.release_alone(gate, call.member, reason)

    def _dispatch(self, gate: BatchScheduler, batch: list[PendingRequest], again: bool = False) -> None:
        """Send what the plan says for ``batch``, all of whom wait; where that fails, everybody goes alone."""
        if not batch:
            return
        try:
            bounds = self._bounds(gate, batch[0])
            for call in plan(batch, self.alias, bounds):
                if isinstance(call, Single):
                    company = len(batch) > 1 or again
                    reason = why_not_merged(call.member, bounds.columns) if company else None
                    self._windows.release_alone(gate, call.member, reason)
                elif isinstance(call, Identical):
                    self._sharing.start(self._windows, gate, call)
                else:
                    self._start(gate, InFlightMerge(call, again))
        except Exception as error:
            self._events.emit(Warned("a batch could not be sent as planned", "This is a bug: report it.", error))
            for member in batch:
                self._windows.release_alone(gate, member)

    def _bounds(self, gate: BatchScheduler, member: PendingRequest) -> CallLimits:
        """Keys a call: by setting, by max-rows where it is known, by the bytes that a key was answered lately."""
        keys = self._merge.max_keys
        max_rows = self._evidence.known(self._clock())
        if max_rows is not None:
            keys = min(keys, max(1, int((max_rows - 1) / gate.rows_per_key)))
        if gate.size_per_key:
            keys = min(keys, max(2, int(self._merge.max_body / gate.size_per_key / 2)))
        return CallLimits(keys, self._merge.max_url, self._oracle.known(member), gate.rows_per_key)

    # Merged calls.

    def _start(self, gate: BatchScheduler, batch: InFlightMerge) -> None:
        for member in batch.requests:
            self._windows.waiter(member).in_flight = batch
        gate.acquire()
        batch.task = asyncio.get_running_loop().create_task(self._run(gate, batch))
        self._tasks.add(batch.task)
        batch.task.add_done_callback(lambda task: self._ended(gate, batch, task))

    def _ended(self, gate: BatchScheduler, batch: InFlightMerge, task: "asyncio.Task[None]") -> None:
        """However it ended, even if it was cancelled before its first step."""
        self._tasks.discard(task)
        self._windows.release(gate, batch.seconds)

    async def _run(self, gate: BatchScheduler, batch: InFlightMerge) -> None:
        """Fetch the merged answer and hand out the shares; doubts, deadlines and bugs send everybody alone."""
        number, began = next(self._numbers), self._clock()
        loop = asyncio.get_running_loop()
        result: FetchResult

        def leaves() -> None:
            batch.sent = self._clock() if batch.sent is None else batch.sent
            deadline.reschedule(loop.time() + gate.deadline())

        try:
            async with asyncio.timeout(None) as deadline:
                result = await self._fetcher.fetch(batch.call, self.alias, leaves, number)
            batch.seconds = self._clock() - began
        except TimeoutError:
            result = FallbackReason("deadline")
        except Exception as error:
            self._events.emit(Warned("a merged answer could not be used", "This is a bug: report it.", error))
            result = FallbackReason("bug")
        try:
            self._settle(gate, batch, result, number)
        except Exception as error:
            self._events.emit(Warned("a merged answer could not be handed out", "This is a bug: report it.", error))
            self._alone(gate, batch)

    def _settle(self, gate: BatchScheduler, batch: InFlightMerge, result: FetchResult, number: int) -> None:
        if isinstance(result, BadValue) and not batch.again:
            self._without_poison(gate, batch, result)
        elif isinstance(result, BadValue):
            self._doubt(gate, batch, FallbackReason("bad-value"))
        elif isinstance(result, FallbackReason):
            self._doubt(gate, batch, result)
        else:
            self._serve(gate, batch, result, number)

    def _serve(
        self, gate: BatchScheduler, batch: InFlightMerge, shares: dict[bytes, Slice | NotSingular], number: int
    ) -> None:
        who, now = batch.requests[0].head.identity_hash, self._clock()
        whole = {literal: self._templates.whole(share, who, now) for literal, share in shares.items()}
        waiting = [
            (whole[literal], member)
            for literal, members in batch.call.owners.items()
            for member in members
            if self._windows.is_waiting(member)
        ]
        served = [(share, self._windows.waiter(member)) for share, member in waiting if share is not None]
        seconds = 0.0 if batch.sent is None else now - batch.sent
        for share, seat in served:
            seat.future.set_result(BufferedAnswer(share, number, len(served), Outcome.MERGED, seconds))
        for missed, member in waiting:
            if missed is None:
                self._windows.release_alone(gate, member, is_fallback=True)
        found = [share for share in whole.values() if share is not None]
        gate.record_merge(
            len(shares), sum(max(0, share.rows) for share in found), sum(len(share.body) for share in found)
        )

    def _doubt(self, gate: BatchScheduler, batch: InFlightMerge, doubt: FallbackReason) -> None:
        """Send the originals."""
        if gate.record_failure(self._clock()):
            self._events.emit(MergingPaused(doubt.reason))
        if doubt.reason == "unexpected-key" and has_one_spelling(batch.call.column):
            self._oracle.invalidate(batch.requests[0])
        self._wasted(batch, doubt)
        self._alone(gate, batch)

    def _without_poison(self, gate: BatchScheduler, batch: InFlightMerge, poisoned: BadValue) -> None:
        """The column's type is known now: the next plan sends who does not fit it alone, and merges the rest."""
        self._oracle.record_bad_value(batch.requests[0], batch.call.key, poisoned.type_name, poisoned.literal)
        self._wasted(batch, FallbackReason("bad-value"))
        members = [member for member in batch.requests if self._windows.is_waiting(member)]
        for member in members:
            self._windows.waiter(member).in_flight = None
        self._dispatch(gate, members, again=True)

    def _wasted(self, batch: InFlightMerge, doubt: FallbackReason) -> None:
        self._events.emit(FellBack(doubt.reason, doubt.detail, batch.relation, len(batch.requests)))

    def _alone(self, gate: BatchScheduler, batch: InFlightMerge) -> None:
        for member in batch.requests:
            self._windows.release_alone(gate, member, is_fallback=True)
