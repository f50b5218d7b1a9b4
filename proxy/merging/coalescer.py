"""The strategy of shared calls: equal reads of one window share one call, and each waiter gets a copy (FAN003).

An answer that may be meant for one caller goes to the first waiter; the others then send their own requests.
"""

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField
from proxy.merging.batcher import Batcher, scheduler_registry
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
from proxy.path.batching import BatchScheduler
from proxy.path.coalescing import IsStable, is_shareable
from proxy.path.plan import originals
from proxy.postgrest.response.headers import SAME_HEADERS, shareable
from proxy.postgrest.response.problem import CALLER_INDEPENDENT_CODES, read_error_body
from proxy.settings.model import Settings
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.client import UpstreamAnswer
from proxy.upstream.state import UpstreamState

SHARED_FAULTS = frozenset(("FANIN501", "FANIN504", "FANIN505", "FANIN506"))
"""Upstream cannot be reached, is out of time, or has no room: to ask again for each waiter would help nobody."""

UNAVAILABLE = frozenset((502, 503, 504))
"""What a gateway answers when it got none; another request may be luckier."""


class _InFlightShared(InFlightCall):
    """A shared call under way, and where its requests wait."""

    def __init__(
        self, batcher: Batcher, scheduler: BatchScheduler, requests: tuple[PendingRequest, ...], number: int
    ) -> None:
        super().__init__(requests)
        self.batcher = batcher
        self.scheduler = scheduler
        self.number = number
        self.call: ObservedCall | None = None

    @property
    def sent(self) -> bool:
        """Whether upstream has heard of it."""
        return self.call is not None and self.call.sent

    @property
    def leader(self) -> PendingRequest:
        """The request that is sent, as it came."""
        return self.requests[0]

    def reply(self, requests: list[PendingRequest], reply: Reply) -> None:
        """The same reply for several requests that wait."""
        for request in requests:
            self.batcher.reply(request, reply)

    def waiting(self) -> list[PendingRequest]:
        """Its requests that have no reply yet."""
        return [request for request in self.requests if self.batcher.is_waiting(request)]


class Coalescer:
    """Shared calls to one upstream, and the windows of requests that can share no other call."""

    def __init__(self, settings: Settings, state: UpstreamState, is_stable: IsStable) -> None:
        self._on = settings.mode == "rewrite" and settings.rules.fan003 == "rewrite"
        self._max_body = settings.merge.max_body
        self._state = state
        self._context = state.context
        self._is_stable = is_stable
        self._events = state.context.events
        self._clock = state.context.clock
        self.batcher = Batcher(scheduler_registry(settings.merge), self._on_batch, self._events, self._clock)
        self._pauses = scheduler_registry(settings.merge)
        """What could not be shared lately, by fingerprint and identity."""

    @property
    def paused(self) -> int:
        """(fingerprint, identity) pairs that are not shared now, after failures."""
        return self._pauses.paused(self._clock())

    def takes(self, request: PendingRequest) -> bool:
        """Whether ``request`` may share an answer with its equals."""
        return self._on and is_shareable(request.query, request.head, self._context.mount.mount, self._is_stable)

    async def ask(self, request: PendingRequest, reason: str | None) -> Reply:
        """Wait for a shared answer, or for the word to send the request alone. ``reason``: why it is not merged."""
        scheduler = None
        if self._on and not self._paused(request):
            query = request.query
            key = hash((query.method, query.target))
            scheduler = self.batcher.schedulers.get(key, request.head.identity_hash)
        if scheduler is None:
            return SendAlone(Slot(), reason)
        return await self.batcher.join(scheduler, request, reason)

    def start(self, batcher: Batcher, scheduler: BatchScheduler, same: Identical) -> None:
        """One call for requests that wait in ``batcher``; each is sent alone where sharing is off, or failed lately."""
        if not self._on or self._paused(same.requests[0]):
            for request in same.requests:
                batcher.release_alone(scheduler, request)
            return
        flight = _InFlightShared(batcher, scheduler, same.requests, next(self._state.numbers))
        batcher.start(scheduler, flight, self._run(flight))

    def _on_batch(self, scheduler: BatchScheduler, batch: list[PendingRequest]) -> None:
        if len(batch) == 1:  # as nearly always
            self.batcher.release_alone(scheduler, batch[0])
            return
        for call in originals(batch):
            if isinstance(call, Single):
                self.batcher.release_alone(scheduler, call.request)
            elif isinstance(call, Identical):
                self.start(self.batcher, scheduler, call)

    # Shared calls.

    async def _run(self, flight: _InFlightShared) -> None:
        """Make the call, and reply to every waiter; on a bug of ours every request is sent alone."""
        try:
            await self._call(flight)
        except FaultError as error:
            self._failed(flight, error)
        except Exception as error:
            self._events.bug("a shared answer could not be handed out", error)
            self._fall_back(flight, FallbackReason("bug"), flight.waiting())

    async def _call(self, flight: _InFlightShared) -> None:
        query, head = flight.leader.query, flight.leader.head
        labels = CallLabels("shared", query.method, query.relation, costs="FAN003", number=flight.number)
        call = flight.call = self._context.call(
            self._context.request(query.method, query.target, head.forwarded_lines), labels
        )
        began = self._clock()
        async with call as answer:
            await self._receive(flight, call, answer)
        flight.seconds = self._clock() - began

    async def _receive(self, flight: _InFlightShared, call: ObservedCall, answer: UpstreamAnswer) -> None:
        """Give a copy to every waiter, or, where the answer may be one caller's, the answer itself to the first."""
        kept = shareable(answer.fields, SAME_HEADERS, self._context.gateway)
        data = b"" if isinstance(kept, FallbackReason) else await self._read(answer)
        if not isinstance(kept, FallbackReason):
            kept = self._why_not_shared(answer, data) or kept
        if isinstance(kept, FallbackReason):
            await self._hand_over(flight, StreamedAnswer(answer, data, flight.number, call.seconds), kept)
        else:
            self._serve(flight, answer, kept, data, call.seconds)

    async def _read(self, answer: UpstreamAnswer) -> bytes:
        """The body, or as much of it as passes the limit."""
        data = bytearray()
        async for piece in answer.pieces():
            data += piece
            if len(data) > self._max_body:
                break
        return bytes(data)

    def _why_not_shared(self, answer: UpstreamAnswer, data: bytes) -> FallbackReason | None:
        if not answer.body.done or len(data) > self._max_body:
            return FallbackReason("too-large")
        if answer.status in UNAVAILABLE and read_error_body(data).code not in CALLER_INDEPENDENT_CODES:
            return FallbackReason("unavailable")
        return None

    def _serve(
        self, flight: _InFlightShared, answer: UpstreamAnswer, kept: list[HeaderField], data: bytes, seconds: float
    ) -> None:
        query, waiting = flight.leader.query, flight.waiting()
        rows = self._state.observer.observe(query, flight.leader.head, answer.line, answer.fields, data)
        whole = Slice(_head(answer, kept, query.method, data), data, rows)
        flight.reply(waiting, BufferedAnswer(whole, flight.number, len(waiting), Outcome.SHARED, seconds))
        pause = self._pauses.find(*_paused_by(flight.leader))
        if pause is not None:
            pause.record_success()

    async def _hand_over(self, flight: _InFlightShared, streamed: StreamedAnswer, why: FallbackReason) -> None:
        """The first waiter passes the answer on, as the answer to its own request. The others send theirs."""
        waiting = flight.waiting()
        flight.reply(waiting[:1], streamed)
        self._fall_back(flight, why, waiting[1:])
        if waiting:
            await streamed.passed_on.wait()

    def _failed(self, flight: _InFlightShared, error: FaultError) -> None:
        """There is no answer. The first waiter gets the error that it would get alone, and so do the others where the
        error is not about one request.
        """
        waiting = flight.waiting()
        failed = waiting if error.fault.code in SHARED_FAULTS else waiting[:1]
        flight.reply(failed, FailedCall(error, flight.number if flight.sent else 0))
        self._fall_back(flight, FallbackReason("connection", error.fault.code), waiting[len(failed) :])

    def _fall_back(self, flight: _InFlightShared, why: FallbackReason, others: list[PendingRequest]) -> None:
        pause = self._pauses.get(*_paused_by(flight.leader))
        if pause is not None and pause.record_failure(self._clock()):
            self._events.emit(MergingPaused(why.reason))
        if others:
            self._events.emit(FellBack(why.reason, why.detail, flight.relation, len(others)))
        for request in others:
            flight.batcher.release_alone(flight.scheduler, request, is_fallback=True)

    def _paused(self, request: PendingRequest) -> bool:
        pause = self._pauses.find(*_paused_by(request)) if self._pauses else None
        return pause is not None and pause.paused(self._clock())


def _paused_by(request: PendingRequest) -> tuple[str | int, bytes]:
    """A pause is for the query and the identity; functions have no fingerprints of their own."""
    query = request.query
    return query.fingerprint if query.relation else hash(query.target[: query.path_end]), request.head.identity_hash


def _head(answer: UpstreamAnswer, kept: list[HeaderField], method: bytes, data: bytes) -> bytes:
    """The answer's head without its empty line, with its own framing. Where there is no body, Content-Length is kept:
    it is the length that a GET would have.
    """
    if method == b"HEAD" or answer.status in (204, 304):
        kept = kept + [field for field in answer.fields if field.name == b"content-length"]
        length = b""
    else:
        length = b"Content-Length: %d\r\n" % len(data)
    return b"\r\n".join([answer.line.line, *(field.line for field in kept), length])
