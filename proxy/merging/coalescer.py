"""Coalescing (FAN003): equal reads of one window share one call, and each gets a copy of the answer.

An answer that may be for one client only goes to the first request; the others are then sent alone.
"""

from typing import TYPE_CHECKING

from proxy.errors.codes import WAITED_CODES, FaultError
from proxy.http1.head import HeaderField
from proxy.merging.batcher import Batcher, scheduler_registry
from proxy.merging.comparing.comparer import ShadowComparer, unfiltered
from proxy.merging.comparing.witness import Witnesses
from proxy.merging.lone_reads import LoneReads
from proxy.merging.waiters import (
    BufferedAnswer,
    FailedCall,
    InFlightCall,
    Reply,
    SendAlone,
    Slot,
    StreamedAnswer,
)
from proxy.model import FallbackReason, Identical, Outcome, PendingRequest, Single, Slice
from proxy.observe.events import FellBack, MergingPaused
from proxy.path.batches.batching import BatchScheduler
from proxy.path.batches.coalescing import IsStable, is_shareable
from proxy.path.batches.plan import originals
from proxy.path.reading.identity import lines_for_all
from proxy.postgrest.response.echoes import ShareableLines, shareable_lines
from proxy.postgrest.response.headers import SAME_HEADERS
from proxy.postgrest.response.problem import CALLER_INDEPENDENT_CODES, read_error_body
from proxy.settings.model import Settings
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.messages import UpstreamAnswer
from proxy.upstream.overload import fault_for_each
from proxy.upstream.state import UpstreamState

if TYPE_CHECKING:
    from proxy.path.evidence.comparison import ComparedAnswer

SHARED_FAULTS = WAITED_CODES | {"FANIN501", "FANIN504", "FANIN505", "FANIN506", "FANIN509", "FANIN510"}
"""Faults that all waiting requests get: upstream is unreachable, too slow or overloaded, so that a call for each of
them would fail too, and add load.
"""

UNAVAILABLE = frozenset((502, 503, 504))
"""Statuses of a gateway that got no answer from PostgREST. Another call may get one, so that they are not shared."""


class _InFlightShared(InFlightCall):
    """A shared call in flight, with the batcher and the scheduler of its requests."""

    def __init__(
        self, batcher: Batcher, scheduler: BatchScheduler, requests: tuple[PendingRequest, ...], number: int
    ) -> None:
        super().__init__(requests)
        self.batcher = batcher
        self.scheduler = scheduler
        self.number = number
        self.call: ObservedCall | None = None
        self.on_probation = False
        self.witness: ComparedAnswer | None = None
        """On probation: what PostgREST answered to the same request just before."""

    @property
    def sent(self) -> bool:
        """Whether the call was sent to upstream."""
        return self.call is not None and self.call.sent

    @property
    def leader(self) -> PendingRequest:
        """The request that is sent for all, unchanged."""
        return self.requests[0]

    def waiting(self) -> list[PendingRequest]:
        """The requests that still wait for this call's reply."""
        return [request for request in self.requests if self.batcher.is_waiting(request)]


class Coalescer:
    """Shared calls to one upstream, and the windows of requests that cannot be merged."""

    def __init__(
        self,
        settings: Settings,
        state: UpstreamState,
        is_stable: IsStable,
        comparer: ShadowComparer | None = None,
    ) -> None:
        """``comparer`` runs the comparison of a sample in the background; without one there is none."""
        self._enabled = settings.mode == "rewrite" and settings.rules.fan003 == "rewrite"
        self._max_body = settings.merge.max_body
        self._state = state
        self._context = state.context
        self._is_stable = is_stable
        self._events = state.context.events
        self._clock = state.context.clock
        lone = LoneReads(state, _query_key)
        self.batcher = Batcher(
            scheduler_registry(settings.merge), self._on_batch, self._events, self._clock, lone.differing_headers
        )
        self._witnesses = Witnesses(settings, state, comparer)
        self._pauses = scheduler_registry(settings.merge)
        """Pauses after answers that could not be shared, by fingerprint and identity."""

    @property
    def paused(self) -> int:
        """Number of (fingerprint, identity) pairs whose reads share no calls now, after failures."""
        return self._pauses.paused(self._clock())

    def accepts(self, request: PendingRequest) -> bool:
        """Whether ``request`` may share an answer with equal requests."""
        if not self._enabled or self._is_unsafe(request):
            return False
        return is_shareable(request.query, request.head, self._context.mount.mount, self._is_stable)

    async def reply_to(self, request: PendingRequest, reason: str | None) -> Reply:
        """Wait for a shared answer, or for ``SendAlone``. ``reason``: why the request is not merged."""
        scheduler = None
        if self._may_share(request):
            scheduler = self.batcher.schedulers.get(_query_key(request), request.head.identity_hash)
        if scheduler is None:
            return SendAlone(Slot(), reason)
        return await self.batcher.join(scheduler, request, reason)

    def start(self, batcher: Batcher, scheduler: BatchScheduler, identical: Identical) -> None:
        """Start one call for equal requests that wait in ``batcher``. Where coalescing is off or paused, each is sent
        alone.
        """
        first = identical.requests[0]
        if not self._may_share(first):
            batcher.release_each(scheduler, identical.requests)
            return
        shared = _InFlightShared(batcher, scheduler, identical.requests, next(self._state.numbers))
        batcher.start(scheduler, shared, self._run(shared))

    def _on_batch(self, scheduler: BatchScheduler, batch: list[PendingRequest]) -> None:
        if len(batch) == 1:  # fast path for the usual case
            self.batcher.release_alone(scheduler, batch[0])
            return
        calls = originals(batch)
        for call in calls:
            if isinstance(call, Identical):
                self.start(self.batcher, scheduler, call)
        self.batcher.release_each(scheduler, [call.request for call in calls if isinstance(call, Single)])

    # Shared calls.

    async def _run(self, shared: _InFlightShared) -> None:
        """Make the call, and reply to every request that waits for it. After a bug in fanin every request is sent
        alone.
        """
        try:
            await self._call(shared)
        except FaultError as error:
            self._share_failure(shared, error)
        except Exception as error:
            self._events.bug("a shared answer could not be delivered", error)
            self._fall_back(shared, FallbackReason("bug"), shared.waiting())

    async def _call(self, shared: _InFlightShared) -> None:
        query, head = shared.leader.query, shared.leader.head
        if self._witnesses.are_needed(shared.leader):
            shared.on_probation, shared.witness = True, await self._witnesses.answer(shared.leader)
        lines = lines_for_all(head.forwarded_lines, [request.head for request in shared.requests])
        labels = CallLabels(
            "shared", query.method, query.relation, "FAN003", number=shared.number, fingerprint=query.fingerprint
        )
        call = shared.call = self._context.call(self._context.request(query.method, query.target, lines), labels)
        began = self._clock()
        async with call as answer:
            await self._receive(shared, call, answer)
        shared.seconds = self._clock() - began

    async def _receive(self, shared: _InFlightShared, call: ObservedCall, answer: UpstreamAnswer) -> None:
        """Give every waiting request a copy; if the answer may be one client's, give it to the first request only."""
        heads = [request.head for request in shared.requests]
        headers = shareable_lines(answer.fields, SAME_HEADERS, self._context.gateway, heads)
        data = b"" if isinstance(headers, FallbackReason) else await self._read(answer)
        why_not = headers if isinstance(headers, FallbackReason) else self._why_not_shared(shared, answer, data)
        if why_not is not None or isinstance(headers, FallbackReason):
            reason = why_not or FallbackReason("headers")
            await self._stream_to_first(shared, StreamedAnswer(answer, data, shared.number, call.seconds), reason)
        else:
            self._serve(shared, answer, headers, data, call.seconds)

    async def _read(self, answer: UpstreamAnswer) -> bytes:
        """The whole body, or its beginning, up to the piece that passes ``max_body``."""
        data = bytearray()
        async for piece in answer.pieces():
            data += piece
            if len(data) > self._max_body:
                break
        return bytes(data)

    def _why_not_shared(self, shared: _InFlightShared, answer: UpstreamAnswer, data: bytes) -> FallbackReason | None:
        if not answer.body.done or len(data) > self._max_body:
            return FallbackReason("too-large")
        if answer.status in UNAVAILABLE and read_error_body(data).code not in CALLER_INDEPENDENT_CODES:
            return FallbackReason("unavailable")
        if shared.on_probation:
            other = unfiltered(answer.line, answer.fields, data)
            return self._witnesses.why_unproven(shared.leader, shared.witness, other)
        return None

    def _serve(
        self,
        shared: _InFlightShared,
        answer: UpstreamAnswer,
        headers: ShareableLines[HeaderField],
        data: bytes,
        seconds: float,
    ) -> None:
        query, waiting = shared.leader.query, shared.waiting()
        rows = self._state.observer.observe(query, shared.leader.head, answer.line, answer.fields, data)
        copied = Slice(_head(answer, headers.lines, query.method, data), data, rows, echoes=headers.echoes)
        served = BufferedAnswer(copied, shared.number, len(waiting), Outcome.SHARED, seconds)
        shared.batcher.reply_each(waiting, lambda _: served)
        pause = self._pauses.find(*_pause_key(shared.leader))
        if pause is not None:
            pause.record_success()
        if not shared.on_probation and answer.status == 200:
            self._witnesses.sample(shared.leader, unfiltered(answer.line, answer.fields, data))

    async def _stream_to_first(self, shared: _InFlightShared, streamed: StreamedAnswer, reason: FallbackReason) -> None:
        """The first waiting request gets the answer as a stream. The others are sent alone."""
        waiting = shared.waiting()
        for first in waiting[:1]:
            shared.batcher.reply(first, streamed)
        self._fall_back(shared, reason, waiting[1:])
        if waiting:
            await streamed.passed_on.wait()

    def _share_failure(self, shared: _InFlightShared, error: FaultError) -> None:
        """The call got no answer. The first waiting request gets the error that it would get alone. The others get it
        too if it is in ``SHARED_FAULTS``, else they are sent alone.
        """
        waiting = shared.waiting()
        failed = waiting if error.fault.code in SHARED_FAULTS else waiting[:1]
        number, waits = shared.number if shared.sent else 0, error.fault.code in WAITED_CODES
        shared.batcher.reply_each(
            failed, lambda _: FailedCall(fault_for_each(error.fault.code) if waits else error, number)
        )
        self._fall_back(shared, FallbackReason("connection", error.fault.code), waiting[len(failed) :])

    def _fall_back(self, shared: _InFlightShared, reason: FallbackReason, others: list[PendingRequest]) -> None:
        pause = None if reason.detail in WAITED_CODES else self._pauses.get(*_pause_key(shared.leader))
        if pause is not None and pause.record_failure(self._clock()):
            self._events.emit(MergingPaused(reason.reason))
        if others:
            self._events.emit(FellBack(reason.reason, reason.detail, shared.relation, len(others)))
        shared.batcher.record_unused_call(others, shared.number if shared.sent else 0)
        shared.batcher.release_each(shared.scheduler, others, fallback=reason.reason)

    def _may_share(self, request: PendingRequest) -> bool:
        return self._enabled and not self._paused(request) and not self._is_unsafe(request)

    def _is_unsafe(self, request: PendingRequest) -> bool:
        """Whether equal reads may have different answers, by the catalog or because they had."""
        hazard = self._state.hazard_of(request)
        return (hazard is not None and not hazard.may_share) or self._witnesses.is_wrong(request)

    def _paused(self, request: PendingRequest) -> bool:
        pause = self._pauses.find(*_pause_key(request)) if self._pauses else None
        return pause is not None and pause.paused(self._clock())


def _query_key(request: PendingRequest) -> int:
    """Equal for requests that could share a call."""
    return hash((request.query.method, request.query.target))


def _pause_key(request: PendingRequest) -> tuple[str | int, bytes]:
    """The query and the identity. Calls of functions have no fingerprints; for these the path stands for the query."""
    query = request.query
    return query.fingerprint if query.relation else hash(query.target[: query.path_end]), request.head.identity_hash


def _head(answer: UpstreamAnswer, headers: list[HeaderField], method: bytes, data: bytes) -> bytes:
    """The answer's head without its empty line, with the Content-Length of ``data``. Where an answer has no body, its
    Content-Length is kept: it is the length that a GET would have (RFC 9110 §8.6).
    """
    if method == b"HEAD" or answer.status in (204, 304):
        headers = headers + [field for field in answer.fields if field.name == b"content-length"]
        length = b""
    else:
        length = b"Content-Length: %d\r\n" % len(data)
    return b"\r\n".join([answer.line.line, *(field.line for field in headers), length])
