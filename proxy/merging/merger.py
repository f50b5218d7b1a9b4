"""Merging (FAN001): one call with a set filter answers requests that differ in one literal.

``proxy.path`` decides what to send and whether to use the answer; this module does the I/O, and gives every waiting
request a reply whatever happens.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from proxy.errors.codes import WAITED_CODES
from proxy.merging.batcher import NONE_AHEAD, Batcher, OnReply, scheduler_registry
from proxy.merging.coalescer import Coalescer
from proxy.merging.fetch import FetchesMerged, FetchResult, leader
from proxy.merging.lone_reads import LoneReads
from proxy.merging.row_order import RowOrder
from proxy.merging.shorter_calls import ShorterCalls
from proxy.merging.turns import in_turns
from proxy.merging.waiters import BufferedAnswer, FailedCall, InFlightMerge, Reply, Waiter
from proxy.model import FallbackReason, Identical, MergedCall, NotSingular, Outcome, PendingRequest, Single, Slice
from proxy.observe.events import FellBack, MergingPaused
from proxy.path.batches.batching import BatchScheduler
from proxy.path.batches.call_size import may_be_refusal
from proxy.path.batches.plan import CallLimits, originals, plan, why_not_merged
from proxy.postgrest.response.problem import BadLiteral
from proxy.postgrest.types import has_single_spelling, known_column, may_be_char
from proxy.settings.tables import MergeSettings
from proxy.upstream.overload import fault_for_each
from proxy.upstream.state import UpstreamState

CHAR = FallbackReason("char")
COUNTED_ROW = 100
"""Bytes of a row that is only counted."""
ROW_BYTES = 50
"""Bytes of a merged answer for a row that is only counted: the alias and the key."""


class Merger:
    """Merged calls to one upstream. Requests that cannot be merged go to the coalescer."""

    def __init__(
        self, settings: MergeSettings, state: UpstreamState, fetcher: FetchesMerged, coalescer: Coalescer
    ) -> None:
        self.alias = b"f" + secrets.token_hex(12).encode()
        self._settings = settings
        self._state = state
        self._fetcher = fetcher
        self._coalescer = coalescer
        self._row_order = RowOrder(settings, state)
        self._shorter = ShorterCalls(state)
        self._events = state.context.events
        self._clock = state.context.clock
        lone = LoneReads(state, lambda request: request.query.fingerprint)
        self.batcher = Batcher(
            scheduler_registry(settings), self._on_batch, self._events, self._clock, lone.differing_headers
        )

    @property
    def paused(self) -> int:
        """Number of (fingerprint, identity) pairs that are not merged now, after failures."""
        return self.batcher.schedulers.paused(self._clock())

    def scheduler_of(self, request: PendingRequest) -> BatchScheduler | None:
        """The scheduler of a request that may be merged now; None if it may not."""
        scheduler = self.batcher.schedulers.get(request.query.fingerprint, request.head.identity_hash)
        return None if scheduler is None or self._bypass_reason(scheduler, request) is not None else scheduler

    def keys_per_call(self, scheduler: BatchScheduler, request: PendingRequest) -> int:
        """The most keys that one call for requests like this one may have."""
        return self._limits(scheduler, request).max_keys

    def reply_to(
        self, request: PendingRequest, ahead: Mapping[PendingRequest, OnReply] = NONE_AHEAD
    ) -> Coroutine[Any, Any, Reply]:
        """Wait for a merged or shared answer, or for ``SendAlone``. ``ahead`` are requests that no client has made yet,
        which wait with it; each function gets the reply, which is never sent alone.
        """
        scheduler = self.batcher.schedulers.get(request.query.fingerprint, request.head.identity_hash)
        reason = "busy" if scheduler is None else self._bypass_reason(scheduler, request)
        if scheduler is None or reason is not None:
            # A request that may be merged is a plain read of a relation, so that it may be shared too.
            return self._coalescer.reply_to(request, reason)
        return self.batcher.join(scheduler, request, ahead=ahead)

    def _bypass_reason(self, scheduler: BatchScheduler, request: PendingRequest) -> str | None:
        reason = self._why_paused(scheduler, request)
        return "large-rows" if reason is None and scheduler.too_large(self._settings.max_key_body) else reason

    def _why_paused(self, scheduler: BatchScheduler, request: PendingRequest) -> str | None:
        now = self._clock()
        if scheduler.paused(now):
            return "paused"
        hazard = self._state.unsafe_reads.hazard_of(request.query, request.head.accept_profile)
        if hazard is not None:
            return hazard.reason
        if self._row_order.is_closed(request, now):
            return "recent-writes"
        return "mismatch-paused" if self._state.mismatches.paused(request.query.fingerprint, now) else None

    # Batches.

    def _unresolved(self, batch: list[PendingRequest]) -> list[bytes]:
        """Columns that upstream is asked about before ``batch`` can be planned."""
        return self._state.column_types.unresolved(batch) + self._row_order.unresolved(batch)

    def _unresolved_after(self, call: MergedCall, result: object) -> list[bytes]:
        """Columns that upstream is asked about because of a result of ``call``."""
        is_asked = result == CHAR and self._state.column_types.enabled and call.column is None
        return [call.key] if is_asked else self._row_order.unresolved_after(call, result)

    def _other_plan(self, call: MergedCall, reason: FallbackReason) -> FallbackReason | None:
        """Why the batch of a call whose answer is not used can be planned in another way; None if it cannot."""
        if reason == CHAR:
            column = known_column(call.key, self._state.column_types.known(leader(call)))
            return None if may_be_char(column) else reason
        return self._row_order.other_plan(call, reason)

    def _on_batch(self, scheduler: BatchScheduler, batch: list[PendingRequest]) -> None:
        if len(batch) == 1:  # shares no call: there is nothing to plan, nor a reason to find that it was not merged
            self.batcher.release_alone(scheduler, batch[0])
            return
        reason = self._why_paused(scheduler, batch[0])
        if reason is not None:
            self._send_originals(scheduler, batch, reason)
        elif unresolved := self._unresolved(batch):
            self.batcher.prepare(scheduler, self._resolve_and_dispatch(scheduler, batch, unresolved))
        else:
            self._dispatch(scheduler, batch)

    async def _resolve_and_dispatch(
        self, scheduler: BatchScheduler, batch: list[PendingRequest], columns: list[bytes]
    ) -> None:
        """Ask upstream for the column types that the plan depends on, then plan, even if some stay unknown."""
        try:
            await self._state.column_types.resolve(batch[0], columns)
        finally:
            self._dispatch(scheduler, [request for request in batch if self.batcher.is_waiting(request)])

    def _send_originals(self, scheduler: BatchScheduler, batch: list[PendingRequest], reason: str) -> None:
        alone = []
        for call in originals(batch):
            if isinstance(call, Identical):
                self._share(scheduler, call)
            elif isinstance(call, Single):
                alone.append(call.request)
        self.batcher.release_each(scheduler, alone, reason_of=lambda _: reason)

    def _share(self, scheduler: BatchScheduler, call: Identical) -> None:
        """Send one of several equal requests, if a client has made one of them."""
        if not all(map(self.batcher.is_ahead, call.requests)):
            self._coalescer.start(self.batcher, scheduler, call)
            return
        self.batcher.release_each(scheduler, call.requests)

    def _dispatch(self, scheduler: BatchScheduler, batch: list[PendingRequest], second_attempt: bool = False) -> None:
        """Plan the calls for ``batch``, whose requests all wait, and send them. After a bug in fanin every request is
        sent alone.
        """
        if not batch:
            return
        try:
            limits = self._limits(scheduler, batch[0])
            batch = batch if second_attempt else self._without_trial(scheduler, batch)
            several, alone = len(batch) > 1 or second_attempt, []
            for call in plan(batch, self.alias, limits):
                if isinstance(call, Single):
                    alone.append(call.request)
                elif isinstance(call, Identical):
                    self._share(scheduler, call)
                else:
                    self._start(scheduler, InFlightMerge(call, second_attempt))
            self.batcher.release_each(
                scheduler,
                alone,
                reason_of=lambda request: why_not_merged(request, limits.columns) if several else None,
            )
        except Exception as error:
            self._events.bug("a batch could not be sent as planned", error)
            self.batcher.release_each(scheduler, batch)

    def _limits(self, scheduler: BatchScheduler, request: PendingRequest) -> CallLimits:
        """The most keys per call: by setting, by max-rows where it is known, by the bytes per key of recent answers."""
        keys = self._settings.max_keys
        max_rows = self._state.max_rows.known(self._clock())
        if max_rows is not None:
            keys = min(keys, max(1, int((max_rows - 1) / scheduler.rows_per_key)))
        if scheduler.size_per_key:
            keys = min(keys, max(2, int(self._settings.max_body / scheduler.size_per_key / 2)))
        columns = self._state.columns_of(request)
        addressed = self._row_order.addressed(request)
        max_url = self._state.call_size.limit(self._settings.max_url)
        return CallLimits(keys, max_url, columns, scheduler.expects_all_keys, addressed)

    # Merged calls.

    def _start(self, scheduler: BatchScheduler, merge: InFlightMerge) -> None:
        self.batcher.start(scheduler, merge, self._run(scheduler, merge))
        if merge.task is not None and (merge.is_trial or merge.shorter is not None):
            merge.task.add_done_callback(lambda _: self._on_length_known(scheduler, merge))

    async def _run(self, scheduler: BatchScheduler, merge: InFlightMerge) -> None:
        """Fetch the merged answer and deliver its slices. After a fallback reason, the deadline or a bug in fanin every
        request is sent alone.
        """
        number, began = next(self._state.numbers), self._clock()
        result: FetchResult
        try:
            async with asyncio.timeout(None) as deadline:
                result = await self._fetcher.fetch(
                    merge.call, self.alias, self._on_sent(scheduler, merge, deadline), number
                )
            merge.seconds = self._clock() - began
        except TimeoutError:
            result = FallbackReason("deadline")
        except Exception as error:
            self._events.bug("a merged answer could not be used", error)
            result = FallbackReason("bug")
        try:
            if not merge.second_attempt and (columns := self._unresolved_after(merge.call, result)):
                await self._state.column_types.resolve(merge.requests[0], columns)
            self._settle(scheduler, merge, result, number)
        except Exception as error:
            self._events.bug("a merged answer could not be delivered", error)
            self._release_all(scheduler, merge, "bug")

    def _on_sent(
        self, scheduler: BatchScheduler, merge: InFlightMerge, deadline: asyncio.Timeout
    ) -> Callable[[], None]:
        """A callback that starts the deadline each time that the call is sent. So the deadline does not include the
        wait in the pool's queue.
        """
        loop = asyncio.get_running_loop()

        def on_sent() -> None:
            merge.sent = self._clock() if merge.sent is None else merge.sent
            if not deadline.expired():  # else this task is about to be cancelled
                deadline.reschedule(loop.time() + scheduler.deadline())

        return on_sent

    def _settle(self, scheduler: BatchScheduler, merge: InFlightMerge, result: FetchResult, number: int) -> None:
        if isinstance(result, FallbackReason | BadLiteral) and merge.sent is not None:
            self.batcher.record_unused_call(merge.requests, number)
        if not isinstance(result, FallbackReason):
            self._record_size(scheduler, merge)
        if isinstance(result, BadLiteral) and not merge.second_attempt:
            self._without_bad_value(scheduler, merge, result)
        elif isinstance(result, BadLiteral):
            self._fall_back(scheduler, merge, FallbackReason("bad-value"))
        elif isinstance(result, FallbackReason):
            other = None if merge.second_attempt else self._other_plan(merge.call, result)
            if other is not None:
                self._plan_again(scheduler, merge, other)
            elif not (may_be_refusal(result) and self._send_shorter(scheduler, merge, result.detail)):
                self._fall_back(scheduler, merge, result)
        else:
            self._serve(scheduler, merge, result, number)

    def _serve(
        self,
        scheduler: BatchScheduler,
        merge: InFlightMerge,
        slices: dict[bytes, Slice | NotSingular | None],
        number: int,
    ) -> None:
        identity, now = merge.requests[0].head.identity_hash, self._clock()
        not_singular = self._state.not_singular
        replies: list[tuple[Waiter, Slice]] = []
        rows = size = empty = used = 0
        for value, requests in merge.call.requests_by_value.items():
            part = slices[value]
            own_slice = not_singular.slice_for(part, identity, now) if isinstance(part, NotSingular) else part
            if own_slice is None:
                self._release_unanswered(scheduler, requests, number, "unproven" if part is None else "no-template")
                continue
            for request in requests:
                waiter = self.batcher.waiter_of(request)
                if waiter is not None:
                    replies.append((waiter, own_slice))
            used += 1
            rows += max(0, own_slice.rows_read)
            empty += own_slice.rows_read == 0
            size += len(own_slice.body) + ROW_BYTES * (own_slice.counted or 0)
        seconds = 0.0 if merge.sent is None else now - merge.sent

        def answer(reply: tuple[Waiter, Slice]) -> None:
            waiter, own_slice = reply
            if not waiter.receiver.done():
                waiter.answer(BufferedAnswer(own_slice, number, len(replies), Outcome.MERGED, seconds))

        in_turns(replies, answer)
        size += COUNTED_ROW * rows if merge.call.counts else 0
        scheduler.record_merge(max(1, used), rows, size, empty)

    def _release_unanswered(
        self, scheduler: BatchScheduler, requests: list[PendingRequest], number: int, fallback: str
    ) -> None:
        """Have ``requests`` sent alone: the call with this number does not answer them, for the reason ``fallback``."""
        for request in requests:
            self.batcher.record_unused_call((request,), number)
        self.batcher.release_each(scheduler, requests, fallback=fallback)

    def _fall_back(self, scheduler: BatchScheduler, merge: InFlightMerge, reason: FallbackReason) -> None:
        """Start a pause, and have every request sent alone."""
        if reason.detail not in WAITED_CODES and scheduler.record_failure(self._clock()):
            self._events.emit(MergingPaused(reason.reason))
        if reason.reason == "unexpected-key" and has_single_spelling(merge.call.column):
            self._state.column_types.invalidate(merge.requests[0])
        self._emit_fallback(merge, reason)
        if reason.detail in WAITED_CODES:
            self.batcher.reply_each(merge.requests, lambda _: FailedCall(fault_for_each(reason.detail), 0))
        else:
            self._release_all(scheduler, merge, reason.reason)

    def _without_bad_value(self, scheduler: BatchScheduler, merge: InFlightMerge, bad: BadLiteral) -> None:
        """The column's type is known now, so that values which do not fit it are sent alone."""
        self._state.column_types.record_bad_value(merge.requests[0], merge.call.key, bad.type_name, bad.literal)
        self._plan_again(scheduler, merge, FallbackReason("bad-value"))

    def _plan_again(self, scheduler: BatchScheduler, merge: InFlightMerge, reason: FallbackReason) -> None:
        """Plan the batch again with what its answer has shown."""
        self._emit_fallback(merge, reason)
        waiting = [request for request in merge.requests if self.batcher.is_waiting(request)]
        for request in waiting:
            self.batcher.leave_call(request)
        self._dispatch(scheduler, waiting, second_attempt=True)

    def _emit_fallback(self, merge: InFlightMerge, reason: FallbackReason) -> None:
        self._events.emit(FellBack(reason.reason, reason.detail, merge.relation, len(merge.requests)))

    def _release_all(self, scheduler: BatchScheduler, merge: InFlightMerge, reason: str) -> None:
        self.batcher.release_each(scheduler, merge.requests, fallback=reason)

    # Calls that are too long for a gateway.

    def _send_shorter(self, scheduler: BatchScheduler, merge: InFlightMerge, status: str) -> bool:
        """Send a shorter call for some of the requests; the others wait for what becomes of it. False if the length of
        ``merge`` cannot be why it was refused, with ``status`` or the code of a fault.
        """
        before = merge.shorter
        waiting = [*merge.requests, *([] if before is None else before.others)]
        waiting = [request for request in waiting if self.batcher.is_waiting(request)]
        shorter = self._shorter.after(
            merge, waiting, status, lambda limit: self._first_merged(scheduler, waiting, limit)
        )
        if shorter is None:
            return False
        self._emit_fallback(merge, FallbackReason("refused-size", status))
        for request in merge.requests:
            if self.batcher.is_waiting(request):
                self.batcher.leave_call(request)
        self._start(scheduler, shorter)
        return True

    def _first_merged(
        self, scheduler: BatchScheduler, requests: list[PendingRequest], max_url: int
    ) -> MergedCall | None:
        limits = msgspec.structs.replace(self._limits(scheduler, requests[0]), max_url=max_url)
        return next((call for call in plan(requests, self.alias, limits) if isinstance(call, MergedCall)), None)

    def _record_size(self, scheduler: BatchScheduler, merge: InFlightMerge) -> None:
        """PostgREST answered a merged call: those who waited for it may be merged in calls as long as it."""
        others = self._shorter.record_accepted(merge)
        self._dispatch(scheduler, [request for request in others if self.batcher.is_waiting(request)])

    def _without_trial(self, scheduler: BatchScheduler, batch: list[PendingRequest]) -> list[PendingRequest]:
        """Send some of ``batch`` in a call longer than a gateway is known to accept, if a trial is due. The others."""
        trial = self._shorter.trial(self._settings.max_url, lambda limit: self._first_merged(scheduler, batch, limit))
        if trial is None:
            return batch
        self._start(scheduler, trial)
        on_trial = set(trial.requests)
        return [request for request in batch if request not in on_trial]

    def _on_length_known(self, scheduler: BatchScheduler, merge: InFlightMerge) -> None:
        """A longer or a shorter call has ended. If a shorter one failed, or all its clients disconnected, those who
        wait for it are sent alone.
        """
        self._shorter.end(merge)
        others = merge.shorter.others if merge.shorter is not None else ()
        self.batcher.release_each(scheduler, others, fallback="refused-size")
