"""Byte-equal reads of one window: one of them is sent, and each waiter gets a copy of its answer (FAN003).

What an answer says that may be meant for one caller goes to the first; the others then send their own.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField
from proxy.merging.waiters import BufferedAnswer, FailedCall, InFlightCall, Reply, SendAlone, StreamedAnswer
from proxy.merging.windows import Windows
from proxy.model import FallbackReason, Identical, Outcome, PendingRequest, Single, Slice
from proxy.observe.events import Events, FellBack, MergingPaused, Warned
from proxy.path.batching import BatchScheduler, BatchSettings, SchedulerRegistry
from proxy.path.coalescing import IsStable, is_shareable
from proxy.path.plan import originals
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import SAME_HEADERS, shareable
from proxy.postgrest.response.problem import SHARED, read_error_body
from proxy.settings.model import Settings
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.client import Upstream, UpstreamAnswer, UpstreamRequest
from proxy.upstream.mount import Mount
from proxy.upstream.response_observer import ResponseObserver

SHARED_FAULTS = frozenset(("FANIN501", "FANIN504", "FANIN505", "FANIN506"))
"""Upstream cannot be reached, is out of time, or has no room: to ask again for each waiter would help nobody."""

UNAVAILABLE = frozenset((502, 503, 504))
"""What a gateway answers when it got none; another request may be luckier."""


class _InFlightShared(InFlightCall):
    """A shared call under way, and where its waiters wait."""

    def __init__(
        self, windows: Windows, gate: BatchScheduler, members: tuple[PendingRequest, ...], number: int
    ) -> None:
        super().__init__(members)
        self.windows = windows
        self.gate = gate
        self.number = number
        self.call: ObservedCall | None = None

    @property
    def sent(self) -> bool:
        """Whether upstream has heard of it."""
        return self.call is not None and self.call.sent

    @property
    def leader(self) -> PendingRequest:
        """Whose request is sent, as it came."""
        return self.requests[0]

    def tell(self, members: list[PendingRequest], reply: Reply) -> None:
        for member in members:
            self.windows.waiter(member).future.set_result(reply)

    def waiting(self) -> list[PendingRequest]:
        return [member for member in self.requests if self.windows.is_waiting(member)]


class Coalescer:
    """Shared calls of one upstream, and the windows of requests that can do no more than share."""

    def __init__(
        self,
        settings: Settings,
        upstream: Upstream,
        route: Mount,
        gateway: Gateway,
        is_stable: IsStable,
        lessons: ResponseObserver,
        events: Events,
        clock: Callable[[], float],
        numbers: Iterator[int],
    ) -> None:
        merge = settings.merge
        self._on = settings.mode == "rewrite" and settings.rules.fan003 == "rewrite"
        self._max_body = merge.max_body
        self._upstream = upstream
        self._route = route
        self._gateway = gateway
        self._is_stable = is_stable
        self._lessons = lessons
        self._events = events
        self._clock = clock
        self._numbers = numbers
        pace = msgspec.convert(merge.model_dump(include=set(BatchSettings.__struct_fields__)), BatchSettings)
        self._windows = Windows(
            SchedulerRegistry(merge.max_tracked, lambda: BatchScheduler(pace)), self._left, events, clock
        )
        self._pauses = SchedulerRegistry(merge.max_tracked, lambda: BatchScheduler(pace))
        """What was not to be shared lately, by fingerprint and identity."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Requests held in windows of their own or waiting for shared calls."""
        return self._windows.waiting

    @property
    def windows(self) -> int:
        """Windows that are open."""
        return self._windows.open_windows

    @property
    def tracked(self) -> int:
        """(target, identity) pairs remembered."""
        return len(self._windows.schedulers)

    @property
    def paused(self) -> int:
        """(fingerprint, identity) pairs that are not shared now, after doubts."""
        return self._pauses.paused(self._clock())

    def takes(self, member: PendingRequest) -> bool:
        """Whether ``member`` may share an answer with its equals."""
        return self._on and is_shareable(member.query, member.head, self._route.mount, self._is_stable)

    async def ask(self, member: PendingRequest, reason: str | None) -> Reply:
        """Wait for equals and a shared answer, or for the word to go alone. ``reason`` is why nothing is merged."""
        gate = None
        if self._on and not self._paused(member):
            query = member.query
            gate = self._windows.schedulers.get(hash((query.method, query.target)), member.head.identity_hash)
        if gate is None:
            return SendAlone(None, self._windows.release, reason)
        return await self._windows.join(gate, member, reason)

    def start(self, windows: Windows, gate: BatchScheduler, same: Identical) -> None:
        """One call for members who all wait in ``windows``; each alone where that is off, or failed lately."""
        if not self._on or self._paused(same.members[0]):
            for member in same.members:
                windows.release_alone(gate, member)
            return
        flight = _InFlightShared(windows, gate, same.members, next(self._numbers))
        for member in same.members:
            windows.waiter(member).in_flight = flight
        gate.acquire()
        flight.task = asyncio.get_running_loop().create_task(self._run(flight))
        self._tasks.add(flight.task)
        flight.task.add_done_callback(lambda task: self._ended(flight, task))

    def _left(self, gate: BatchScheduler, batch: list[PendingRequest]) -> None:
        if len(batch) == 1:  # as nearly always
            self._windows.release_alone(gate, batch[0])
            return
        for call in originals(batch):
            if isinstance(call, Single):
                self._windows.release_alone(gate, call.member)
            elif isinstance(call, Identical):
                self.start(self._windows, gate, call)

    # Shared calls.

    def _ended(self, flight: _InFlightShared, task: "asyncio.Task[None]") -> None:
        """However it ended, even if it was cancelled before its first step."""
        self._tasks.discard(task)
        flight.windows.release(flight.gate, flight.seconds)

    async def _run(self, flight: _InFlightShared) -> None:
        """Call, and tell every waiter what came of it; a bug of ours sends everybody alone."""
        try:
            await self._call(flight)
        except FaultError as error:
            self._failed(flight, error)
        except Exception as error:
            self._events.emit(Warned("a shared answer could not be handed out", "This is a bug: report it.", error))
            self._doubt(flight, FallbackReason("bug"), flight.waiting())

    async def _call(self, flight: _InFlightShared) -> None:
        query, head, upstream = flight.leader.query, flight.leader.head, self._upstream
        first_line = b"%b %b HTTP/1.1\r\n" % (query.method, self._route.upstream_target(query.target))
        outgoing = UpstreamRequest(query.method, b"".join((first_line, head.forward, b"\r\n")))
        note = CallLabels("shared", query.method, query.relation, costs="FAN003", number=flight.number)
        call = flight.call = ObservedCall(upstream, upstream.calls, outgoing, note, self._events, self._clock)
        began = self._clock()
        async with call as answer:
            await self._receive(flight, call, answer)
        flight.seconds = self._clock() - began

    async def _receive(self, flight: _InFlightShared, call: ObservedCall, answer: UpstreamAnswer) -> None:
        """Copies for all, or the answer itself for the first, as it goes on."""
        kept = shareable(answer.fields, SAME_HEADERS, self._gateway)
        data = b"" if isinstance(kept, FallbackReason) else await self._read(answer)
        if not isinstance(kept, FallbackReason):
            kept = self._judge_body(answer, data) or kept
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

    def _judge_body(self, answer: UpstreamAnswer, data: bytes) -> FallbackReason | None:
        if not answer.body.done or len(data) > self._max_body:
            return FallbackReason("too-large")
        if answer.status in UNAVAILABLE and read_error_body(data).code not in SHARED:
            return FallbackReason("unavailable")
        return None

    def _serve(
        self, flight: _InFlightShared, answer: UpstreamAnswer, kept: list[HeaderField], data: bytes, seconds: float
    ) -> None:
        query, waiting = flight.leader.query, flight.waiting()
        rows = self._lessons.observe(query, flight.leader.head, answer.line, answer.fields, data)
        share = Slice(_head(answer, kept, query.method, data), data, rows)
        flight.tell(waiting, BufferedAnswer(share, flight.number, len(waiting), Outcome.SHARED, seconds))
        pause = self._pauses.find(*_paused_by(flight.leader))
        if pause is not None:
            pause.record_success()

    async def _hand_over(self, flight: _InFlightShared, own: StreamedAnswer, doubt: FallbackReason) -> None:
        """The first who waits takes the answer on from here: the call was its own request. The others send theirs."""
        waiting = flight.waiting()
        flight.tell(waiting[:1], own)
        self._doubt(flight, doubt, waiting[1:])
        if waiting:
            await own.taken.wait()

    def _failed(self, flight: _InFlightShared, error: FaultError) -> None:
        """No answer: the first is told so, as it would be alone, and the others too where theirs would fare alike."""
        waiting = flight.waiting()
        told = waiting if error.fault.code in SHARED_FAULTS else waiting[:1]
        flight.tell(told, FailedCall(error, flight.number if flight.sent else 0))
        self._doubt(flight, FallbackReason("connection", error.fault.code), waiting[len(told) :])

    def _doubt(self, flight: _InFlightShared, doubt: FallbackReason, others: list[PendingRequest]) -> None:
        pause = self._pauses.get(*_paused_by(flight.leader))
        if pause is not None and pause.record_failure(self._clock()):
            self._events.emit(MergingPaused(doubt.reason))
        if others:
            self._events.emit(FellBack(doubt.reason, doubt.detail, flight.relation, len(others)))
        for member in others:
            flight.windows.release_alone(flight.gate, member, is_fallback=True)

    def _paused(self, member: PendingRequest) -> bool:
        pause = self._pauses.find(*_paused_by(member)) if self._pauses else None
        return pause is not None and pause.paused(self._clock())


def _paused_by(member: PendingRequest) -> tuple[str | int, bytes]:
    """A pause is for the query and the identity; functions have no fingerprints of their own."""
    query = member.query
    return query.fingerprint if query.relation else hash(query.target[: query.path_end]), member.head.identity_hash


def _head(answer: UpstreamAnswer, kept: list[HeaderField], method: bytes, data: bytes) -> bytes:
    """The answer's head without its empty line, framed anew. A Content-Length without a body tells of another one."""
    if method == b"HEAD" or answer.status in (204, 304):
        kept = kept + [field for field in answer.fields if field.name == b"content-length"]
        length = b""
    else:
        length = b"Content-Length: %d\r\n" % len(data)
    return b"\r\n".join([answer.line.line, *(field.line for field in kept), length])
