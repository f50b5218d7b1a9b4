"""Compares merged answers with originals in the background, at lower priority than client traffic.

``proxy.path.comparison`` decides what a difference means; this module fetches the answers.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, StatusLine
from proxy.merging.fetch import Fetcher, FetchResult
from proxy.model import FallbackReason, MergedCall, NotSingular, PendingRequest, Slice
from proxy.observe.events import AnswersCompared, Event, Events, FellBack, MergingPaused, UpstreamCalled, Warned
from proxy.path.comparison import (
    FAILED,
    MERGED,
    MISMATCH,
    ROUNDS,
    SKIPPED,
    UNUSABLE,
    ComparedAnswer,
    Comparison,
    Exemptions,
    without_compression,
)
from proxy.settings.tables import MergeSettings
from proxy.upstream.calls import CallLabels
from proxy.upstream.state import UpstreamState

Slices = dict[bytes, Slice | NotSingular]
Pairs = Sequence[tuple[bytes, PendingRequest]]
"""Literals, each with a member that it belongs to."""
Ask = Callable[[PendingRequest], Awaitable[ComparedAnswer | str]]
"""What a member is answered alone; a string is the result where nothing was heard."""
T = TypeVar("T")

BUSY = "FANIN505"
"""The fault of a call that waited too long for its place."""
OVERHEAD = 4096
"""Bytes that an answer is counted for besides its body, so that many small ones are bounded too."""
FAILURES = 3
"""Bugs after which no more is compared."""


class BackgroundEvents(Events):
    """Events of calls that answer no client: they are counted apart."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events = events

    def emit(self, event: Event) -> None:
        self._events.emit(msgspec.structs.replace(event, kind="shadow") if isinstance(event, UpstreamCalled) else event)
        if isinstance(event, FellBack):
            self._events.emit(AnswersCompared(SKIPPED if event.reason == "load" else UNUSABLE, event.requests))


class ShadowComparer:
    """Comparisons with one upstream: what they hold, how they go on, what comes of them."""

    def __init__(self, settings: MergeSettings, state: UpstreamState) -> None:
        self.events = BackgroundEvents(state.context.events)
        self.state = state.in_background(self.events)
        self.fetcher = Fetcher(settings, self.state)
        self.budget = state.comparison_bytes
        self.pauses = state.mismatches
        self.closed = False
        self._exempt = Exemptions(state.context.gateway, settings.ties == "any")
        self._max_body = settings.max_body
        self._clock = state.context.clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._bugs = 0

    @property
    def running(self) -> int:
        """Comparisons under way."""
        return len(self._tasks)

    @property
    def paused(self) -> int:
        """Number of queries that are not merged for any caller after a mismatch."""
        return self.pauses.count(self._clock())

    def is_watched(self, request: PendingRequest) -> bool:
        """Whether the query's pause ended so recently that every batch is compared."""
        return self.pauses.compares_all(request.query.fingerprint, self._clock())

    def start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Do ``work`` in the background; its bugs are logged and reach no client."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Stop at once: what is left undone is not worth waiting for."""
        self.closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def count(self, result: str, answers: int) -> None:
        """``answers`` were compared with that result."""
        if answers:
            self.events.emit(AnswersCompared(result, answers))

    async def compare(self, call: MergedCall, alias: bytes, shares: Slices, pairs: Pairs, ask: Ask) -> None:
        """Compare what each of ``pairs`` gets out of ``shares`` with what ``ask`` says, and count what comes of it."""
        size = sum(OVERHEAD + len(share.body) for share in shares.values() if isinstance(share, Slice))
        if self.closed or not self.budget.reserve(size):
            self.count(SKIPPED, len(pairs))
            return
        try:
            tried = await _all([self._begin(shares[literal], literal, member, ask) for literal, member in pairs])
            cases = [one for one in tried if isinstance(one, Differing)]
            await self._go_on(call, alias, cases)
        except Exception:
            self.count(FAILED, len(pairs))
            raise
        finally:
            self.budget.release(size)
        for result, answers in Counter(one if isinstance(one, str) else one.case.result for one in tried).items():
            self.count(result, answers)
        wrong = [one for one in cases if one.case.result == MISMATCH]
        if wrong:
            self._pause(wrong, len(pairs))

    async def original(self, member: PendingRequest) -> ComparedAnswer | str:
        """What PostgREST answers ``member`` alone, now."""
        query, context = member.query, self.state.context
        request = context.request(b"GET", query.target, without_compression(member.head.forwarded_lines))
        labels = CallLabels("shadow", b"GET", query.relation, costs="FAN001")
        try:
            async with context.call(request, labels) as answer:
                body = await answer.read(self._max_body)
                return SKIPPED if body is None else as_compared(answer.line, answer.fields, body)
        except FaultError as error:
            return SKIPPED if error.fault.code == BUSY else FAILED

    async def _begin(
        self, share: Slice | NotSingular, literal: bytes, member: PendingRequest, ask: Ask
    ) -> "Differing | str":
        whole = self.state.not_singular.slice_for(share, member.head.identity_hash, self._clock())
        if whole is None:
            return UNUSABLE
        heard = await ask(member)
        if isinstance(heard, str):
            return heard
        case = Comparison(heard, ComparedAnswer(whole.head, whole.body), self._exempt)
        return case.result or Differing(member, literal, case)

    async def _go_on(self, call: MergedCall, alias: bytes, cases: "Sequence[Differing]") -> None:
        """Ask again for what differs, until it is clear what that means."""
        for what in ROUNDS:
            cases = [one for one in cases if not one.case.result]
            if not cases:
                return
            if what == MERGED:
                await self._merge_again(call, alias, cases)
            else:
                for one, heard in zip(cases, await _all([self.original(one.member) for one in cases]), strict=True):
                    one.case.add(what, heard)

    async def _merge_again(self, call: MergedCall, alias: bytes, cases: "Sequence[Differing]") -> None:
        result = await self.fetcher.fetch(call, alias, lambda: None)
        for one in cases:
            if isinstance(result, dict):
                share = self.state.not_singular.slice_for(
                    result[one.literal], one.member.head.identity_hash, self._clock()
                )
                one.case.add(MERGED, FAILED if share is None else ComparedAnswer(share.head, share.body))
            else:
                one.case.add(MERGED, SKIPPED if is_busy(result) else FAILED)

    def _pause(self, wrong: "Sequence[Differing]", compared: int) -> None:
        """Merge that query for nobody, and say why; no value is told."""
        fingerprint = wrong[0].member.query.fingerprint
        seconds = self.pauses.start(fingerprint, self._clock())
        if not seconds:
            return
        self.events.emit(MergingPaused(MISMATCH))
        self.events.emit(
            Warned(
                f"{len(wrong)} of {compared} merged answers are not PostgREST's: {fingerprint}: "
                f"{wrong[0].case.difference}",
                f"Not merged for {seconds:.0f} s, for any caller. Report it; rules.fan001=report ends all merging.",
            )
        )

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self._bugs += 1
        self.closed = self.closed or self._bugs >= FAILURES
        last = f"; after {FAILURES} failures no more are made" if self.closed else ""
        self.events.bug(f"a comparison failed{last}", error)


class Differing(msgspec.Struct, frozen=True, eq=False):
    """A member whose share differed at first."""

    member: PendingRequest
    literal: bytes
    case: Comparison


async def _all(works: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """All at once; when one fails, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
    return [task.result() for task in tasks]


def as_compared(line: StatusLine, fields: tuple[HeaderField, ...], body: bytes) -> ComparedAnswer | str:
    """An answer for comparison; ``skipped`` where its bytes are those of a compression."""
    if any(field.name == b"content-encoding" for field in fields):
        return SKIPPED
    return ComparedAnswer(b"\r\n".join([line.line, *(field.line for field in fields)]), body)


def is_busy(result: FetchResult) -> bool:
    """Whether a merged call was not made, because it waited too long for its place."""
    return result == FallbackReason("connection", BUSY)
