"""Merged writes (FAN004): one PATCH or DELETE for several writes of one row each, where the operator allows it.

A call that PostgREST refuses with an error 4xx has changed nothing, so that its writes are sent alone. After any other
failure nobody knows what was written, and no write is sent again.

Tests: tests/e2e/exactness/test_merged_writes.py.
"""

import secrets

from proxy.errors.codes import NOT_SENT_CODES, REFUSED_CODES, FaultError
from proxy.http1.head import Response
from proxy.merging.batcher import Batcher, scheduler_registry
from proxy.merging.waiters import BufferedAnswer, FailedCall, InFlightCall, Reply, SendAlone, Slot
from proxy.model import FallbackReason, Outcome, PendingRequest, PendingWrite, WriteCall, WriteForm
from proxy.observe.events import FellBack, MergingPaused
from proxy.path.answers.write_answers import is_refused, split_writes
from proxy.path.batches.batching import BatchScheduler
from proxy.path.batches.writes import body_reason, form_of, plan_writes
from proxy.path.reading.identity import lines_for_all
from proxy.settings.tables import MergeSettings
from proxy.transport.whole_body import WholeBody
from proxy.upstream.calls import CallLabels
from proxy.upstream.messages import UpstreamRequest
from proxy.upstream.overload import fault_for_each
from proxy.upstream.state import UpstreamState

UNKNOWN = "FANIN511"
NOT_SENT = NOT_SENT_CODES | {"FANIN506", "FANIN510"}
"""Errors of a call that upstream has not got."""


class WriteMerger:
    """The windows of writes to one upstream, and their calls."""

    def __init__(self, settings: MergeSettings, state: UpstreamState) -> None:
        self.alias = b"f" + secrets.token_hex(12).encode()
        self._settings = settings
        self._state = state
        self._clock = state.context.clock
        self._events = state.context.events
        self.batcher = Batcher(scheduler_registry(settings), self._on_batch, self._events, self._clock)

    def form_of(self, request: PendingRequest, read_reason: str | None) -> WriteForm | str:
        """What a write asks for, or its bypass reason. ``read_reason`` is that of a GET with the same target."""
        if not request.query.relation:
            return request.query.bypass_reason or "not-a-relation"
        if request.query.relation not in self._state.plain_tables or self._state.context.gateway.name != "postgrest":
            return "write-table"
        return form_of(request.query, request.head, read_reason, self._state.columns_of(request))

    async def reply_to(self, write: PendingWrite) -> Reply:
        """Wait for the answer, or for ``SendAlone``."""
        reason = body_reason(write)
        scheduler = self.batcher.schedulers.get(write.query.fingerprint, write.head.identity_hash)
        if reason is None and scheduler is not None and not scheduler.paused(self._clock()):
            return await self.batcher.join(scheduler, write)
        return SendAlone(Slot(), reason or ("busy" if scheduler is None else "paused"))

    def _on_batch(self, scheduler: BatchScheduler, batch: list[PendingRequest]) -> None:
        writes = [write for write in batch if isinstance(write, PendingWrite)]
        limits = self._settings.max_keys, self._state.call_size.limit(self._settings.max_url)
        try:
            for call in plan_writes(writes, self.alias, *limits):
                if isinstance(call, WriteCall):
                    in_flight = InFlightCall(list(call.writes.values()))
                    self.batcher.start(scheduler, in_flight, self._run(scheduler, call, in_flight))
                else:
                    self.batcher.release_alone(scheduler, call)
        except Exception as error:
            self._events.bug("a batch of writes could not be sent as planned", error)
            for write in batch:
                waiter = self.batcher.waiter_of(write)
                if waiter is not None and waiter.in_flight is None:  # the others were sent
                    self.batcher.release_alone(scheduler, write)

    async def _run(self, scheduler: BatchScheduler, call: WriteCall, in_flight: InFlightCall) -> None:
        """Send ``call`` once, and give every write what its answer shows."""
        number, began = next(self._state.numbers), self._clock()
        try:
            answer = await self._sent(call, number)
            in_flight.seconds = self._clock() - began
        except FaultError as error:
            was_sent = error.fault.code not in NOT_SENT
            self._fail(call, FaultError(UNKNOWN, error.fault.code) if was_sent else error, number if was_sent else 0)
            return
        except Exception as error:
            self._events.bug("a merged write could not be sent", error)
            self._fail(call, FaultError(UNKNOWN), number)
            return
        try:
            self._settle(scheduler, call, answer, number, self._clock() - began)
        except Exception as error:
            self._events.bug("the answer to a merged write could not be used", error)
            self._fail(call, FaultError(UNKNOWN), number)

    async def _sent(self, call: WriteCall, number: int) -> Response:
        first, context = call.first, self._state.context
        method = first.query.method
        line = b"%b %b HTTP/1.1\r\n" % (method, context.mount.upstream_target(call.target))
        lines = lines_for_all(call.header_lines, [write.head for write in call.writes.values()])
        body = WholeBody(first.body) if first.body else None
        request = UpstreamRequest(method, b"".join((line, lines, b"\r\n")), body)
        labels = CallLabels("merged", method, first.query.relation, costs="FAN004", number=number)
        async with context.call(request, labels) as answer:
            whole = await answer.read(self._settings.max_body)
            if whole is None:
                raise FaultError(UNKNOWN, "its answer is larger than merge.max_body")
            return Response(answer.line, answer.fields, whole)

    def _settle(
        self, scheduler: BatchScheduler, call: WriteCall, answer: Response, number: int, seconds: float
    ) -> None:
        status = answer.line.status
        if is_refused(answer):
            self._pause(scheduler, call, FallbackReason("write-refused", str(status)))
            for write in call.writes.values():
                self.batcher.record_unused_call((write,), number)
                self.batcher.release_alone(scheduler, write, fallback="write-refused")
            return
        slices = split_writes(call, self.alias, answer, self._state.context.gateway)
        if isinstance(slices, FallbackReason):
            self._pause(scheduler, call, slices)
            self._fail(call, FaultError(UNKNOWN, slices.reason if status == 200 else str(status)), number)
            return
        served = {literal: own for literal, own in slices.items() if own is not None}
        for literal, write in call.writes.items():
            waiter = self.batcher.waiter_of(write)
            own = served.get(literal)
            if waiter is not None and own is not None:
                waiter.answer(BufferedAnswer(own, number, len(served), Outcome.MERGED, seconds))
            elif waiter is not None:  # its row was not there: PostgREST's answer to one object is its own to give
                self.batcher.record_unused_call((write,), number)
                self.batcher.release_alone(scheduler, write, fallback="no-template")
        scheduler.record_merge(len(call.writes), len(served), len(answer.body), len(slices) - len(served))

    def _pause(self, scheduler: BatchScheduler, call: WriteCall, reason: FallbackReason) -> None:
        if scheduler.record_failure(self._clock()):
            self._events.emit(MergingPaused(reason.reason))
        relation = call.first.query.relation
        self._events.emit(FellBack(reason.reason, reason.detail, relation, len(call.writes)))

    def _fail(self, call: WriteCall, error: FaultError, number: int) -> None:
        for write in call.writes.values():
            if self.batcher.is_waiting(write):
                again = error.fault.code in REFUSED_CODES
                self.batcher.reply(write, FailedCall(fault_for_each(error.fault.code) if again else error, number))
