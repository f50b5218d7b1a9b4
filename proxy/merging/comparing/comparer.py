"""Compares merged answers with originals in the background, at lower priority than client traffic.

``proxy.path.evidence.comparison`` decides what a difference means; this module fetches the answers.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

import msgspec

from proxy.errors.codes import WAITED_CODES, FaultError
from proxy.http1.head import HeaderField, StatusLine
from proxy.merging.fetch import Fetcher, FetchResult, leader
from proxy.merging.row_order import Slices, is_reordered, order_pair, record_order, share_factor
from proxy.model import FallbackReason, MergedCall, NotSingular, PendingRequest, Slice
from proxy.observe.events import AnswersCompared, Event, Events, FellBack, MergingPaused, UpstreamCalled, Warned
from proxy.path.evidence.comparison import (
    FAILED,
    MATCH,
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
from proxy.path.evidence.trust import Subject, trusted_name
from proxy.postgrest.response.echoes import with_own_values
from proxy.settings.tables import MergeSettings
from proxy.upstream.calls import CallLabels, UpstreamContext
from proxy.upstream.state import UpstreamState

Pairs = Sequence[tuple[bytes, PendingRequest]]
"""Literals, each with a request for it."""
FetchOriginal = Callable[[PendingRequest], Awaitable[ComparedAnswer | str]]
"""Returns PostgREST's answer to the request alone, or the comparison's result where there is no such answer."""
T = TypeVar("T")

BUSY = WAITED_CODES | {"FANIN505"}
"""The faults of a call that found no connection in time, or no place in the queue."""
OVERHEAD = 4096
"""Bytes that an answer counts for in addition to its body, so that the number of small answers is bounded too."""
MERGED_AGAIN = "several-rows"
"""The reason of a fallback after which the same requests are merged in another way, and compared then."""
UNPROVEN = FallbackReason("unproven")
"""An answer on probation that differs from its original, or could not be compared."""
MAX_BUGS = 3
"""After so many bugs in fanin no further comparison is made."""


class BackgroundEvents(Events):
    """Forwards the events of calls that answer no client, marked as such. A fallback also counts as a comparison."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events = events

    def emit(self, event: Event) -> None:
        self._events.emit(msgspec.structs.replace(event, kind="shadow") if isinstance(event, UpstreamCalled) else event)
        if isinstance(event, FellBack) and event.reason != MERGED_AGAIN:
            self._events.emit(AnswersCompared(SKIPPED if event.reason == "load" else UNUSABLE, event.requests))


class ShadowComparer:
    """The comparisons with one upstream: their tasks, their calls, their memory and their results."""

    def __init__(self, settings: MergeSettings, state: UpstreamState) -> None:
        self.events = BackgroundEvents(state.context.events)
        self.state = state.in_background(self.events)
        self.fetcher = Fetcher(settings, self.state)
        self.budget = state.comparison_bytes
        self.pauses = state.mismatches
        self._trust = state.trust
        self._order_trust = state.order_trust
        self.closed = False
        self._exemptions = Exemptions(state.context.gateway, settings.ties == "any")
        self.max_body = settings.max_body
        self._clock = state.context.clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._bugs = 0

    @property
    def running(self) -> int:
        """Number of background tasks of comparisons."""
        return len(self._tasks)

    @property
    def paused(self) -> int:
        """Number of queries that are not merged for any client after a mismatch."""
        return self.pauses.count(self._clock())

    def is_watched(self, request: PendingRequest) -> bool:
        """Whether the query's pause ended so recently that every batch is compared."""
        return self.pauses.compares_all(request.query.fingerprint, self._clock())

    def share_factor(self, call: MergedCall) -> float:
        """By how much more than ``shadow.share`` of calls like ``call`` is compared."""
        return share_factor(self._order_trust, call)

    def start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Run ``work`` in the background. An exception is logged as a bug and reaches no client."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel all comparisons, and start no more."""
        self.closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def count(self, result: str, answers: int) -> None:
        """Count ``answers`` comparisons with that result."""
        if answers:
            self.events.emit(AnswersCompared(result, answers))

    async def compare(self, call: MergedCall, alias: bytes, slices: Slices, pairs: Pairs, fetch: FetchOriginal) -> None:
        """Compare, for each of ``pairs``, its slice with the original that ``fetch`` returns. Count the results, and
        pause the query after a mismatch.
        """
        size = sum(OVERHEAD + len(own_slice.body) for own_slice in slices.values() if isinstance(own_slice, Slice))
        if self.closed or not self.budget.reserve(size):
            self.count(SKIPPED, len(pairs))
            return
        try:
            first = await self.compare_once(slices, pairs, fetch)
            differing = [outcome for outcome in first if isinstance(outcome, DifferingAnswer)]
            await self._repeat(call, alias, differing)
        except Exception:
            self.count(FAILED, len(pairs))
            raise
        finally:
            self.budget.release(size)
        results = (outcome if isinstance(outcome, str) else outcome.comparison.result for outcome in first)
        for result, answers in Counter(results).items():
            self.count(result, answers)
        mismatches = [answer for answer in differing if answer.comparison.result == MISMATCH]
        matched = [slices[value] for (value, _), outcome in zip(pairs, first, strict=True) if outcome == MATCH]
        record_order(self._order_trust, call, matched)
        reordered = [answer for answer in mismatches if is_reordered(call, answer.comparison)]
        for answer in reordered:
            self._distrust_order(call, answer)
        if len(mismatches) > len(reordered):
            self._pause(mismatches, len(pairs))
            self._trust.record_wrong(subject_of(call).pair, mismatches[0].comparison.difference, self._clock())

    async def compare_once(self, slices: Slices, pairs: Pairs, fetch: FetchOriginal) -> "list[DifferingAnswer | str]":
        """Compare, for each of ``pairs``, its slice with the original that ``fetch`` returns: a result, or a difference
        that is still to be examined.
        """
        return await _all([self._compare_first(slices[value], value, request, fetch) for value, request in pairs])

    async def examine(
        self, call: MergedCall, alias: bytes, differing: "Sequence[DifferingAnswer]", subject: Subject
    ) -> None:
        """Repeat originals and the merged call until every difference has a result. If one is a mismatch, calls are not
        merged by that column any more.
        """
        await self._repeat(call, alias, differing)
        for result, answers in Counter(answer.comparison.result for answer in differing).items():
            self.count(result, answers)
        for answer in differing:
            if answer.comparison.result == MISMATCH:
                if is_reordered(call, answer.comparison):
                    self._distrust_order(call, answer)
                else:
                    self._distrust(subject, answer)

    def _distrust(self, subject: Subject, answer: "DifferingAnswer") -> None:
        """Merge by that column no more, with one warning, which contains no value."""
        if self._trust.record_wrong(subject.pair, answer.comparison.difference, self._clock()):
            relation, column = subject.pair[0], subject.pair[2].decode("utf-8", "replace")
            self.events.emit(
                Warned(
                    f"merged answers of {relation} by {column} differ from PostgREST's: {answer.comparison.difference}",
                    "Its requests are sent alone until the schema changes or fanin is started again. "
                    "A foreign table or a volatile view may be behind it.",
                )
            )

    def _distrust_order(self, call: MergedCall, answer: "DifferingAnswer") -> None:
        """Use the order of the rows' addresses for that query no more, with one warning, which contains no value."""
        request = answer.request
        if self._order_trust.record_wrong(order_pair(request, call.key), answer.comparison.difference, self._clock()):
            self.events.emit(
                Warned(
                    f"PostgREST's rows of {request.query.fingerprint} are not in the order in which they are stored",
                    "Keys with several rows are sent alone from now on. Add an order that ends in a unique column.",
                )
            )

    async def original(self, request: PendingRequest) -> ComparedAnswer | str:
        """Send ``request`` alone, and return PostgREST's answer; ``skipped`` or ``failed`` where there is none."""
        query = request.query
        labels = CallLabels("shadow", query.method, query.relation, "FAN001", fingerprint=query.fingerprint)
        return await read_original(self.state.context, request, labels, self.max_body)

    async def _compare_first(
        self, own_slice: Slice | NotSingular | None, literal: bytes, request: PendingRequest, fetch: FetchOriginal
    ) -> "DifferingAnswer | str":
        complete = self._complete(own_slice, request)
        if complete is None:
            return UNUSABLE
        original = await fetch(request)
        if isinstance(original, str):
            return original
        comparison = Comparison(original, ComparedAnswer(complete.head, complete.body), self._exemptions)
        return comparison.result or DifferingAnswer(request, literal, comparison)

    def _complete(self, own_slice: Slice | NotSingular | None, request: PendingRequest) -> Slice | None:
        if own_slice is None:
            return None
        complete = self.state.not_singular.slice_for(own_slice, request.head.identity_hash, self._clock())
        return None if complete is None else with_own_values(complete, request.head)

    async def _repeat(self, call: MergedCall, alias: bytes, differing: "Sequence[DifferingAnswer]") -> None:
        """Repeat originals and the merged call until every difference has a result."""
        for kind in ROUNDS:
            differing = [answer for answer in differing if not answer.comparison.result]
            if not differing:
                return
            if kind == MERGED:
                await self._repeat_merged(call, alias, differing)
            else:
                originals = await _all([self.original(answer.request) for answer in differing])
                for answer, original in zip(differing, originals, strict=True):
                    answer.comparison.add(kind, original)

    async def _repeat_merged(self, call: MergedCall, alias: bytes, differing: "Sequence[DifferingAnswer]") -> None:
        slices = await self.fetcher.fetch(call, alias, lambda: None)
        for answer in differing:
            if isinstance(slices, dict):
                complete = self._complete(slices[answer.literal], answer.request)
                merged = FAILED if complete is None else ComparedAnswer(complete.head, complete.body)
                answer.comparison.add(MERGED, merged)
            else:
                answer.comparison.add(MERGED, SKIPPED if is_busy(slices) else FAILED)

    def _pause(self, mismatches: "Sequence[DifferingAnswer]", compared: int) -> None:
        """Pause merging of the query for all clients, with a warning that contains no value."""
        fingerprint = mismatches[0].request.query.fingerprint
        if not self.pauses.start(fingerprint, self._clock()):
            return
        self.events.emit(MergingPaused(MISMATCH))
        difference = mismatches[0].comparison.difference
        self.events.emit(
            Warned(
                f"{len(mismatches)} of {compared} merged answers differ from PostgREST's: {fingerprint}: {difference}",
                "Requests are not merged by that column until the schema changes or fanin is started again. "
                "Report this. To turn merging off, set rules.fan001=report.",
            )
        )

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self._bugs += 1
        self.closed = self.closed or self._bugs >= MAX_BUGS
        last = f"; after {MAX_BUGS} failures no more are made" if self.closed else ""
        self.events.bug(f"a comparison failed{last}", error)


class DifferingAnswer(msgspec.Struct, frozen=True, eq=False):
    """A request whose slice differed from the first original."""

    request: PendingRequest
    literal: bytes
    comparison: Comparison


async def _all(coroutines: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Run all at once and return their results. When one fails, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
    return [task.result() for task in tasks]


async def read_original(
    context: UpstreamContext,
    request: PendingRequest,
    labels: CallLabels,
    max_body: int,
    on_sent: Callable[[], None] | None = None,
) -> ComparedAnswer | str:
    """What PostgREST answers ``request`` alone, without compression; ``skipped`` or ``failed`` where there is none."""
    headers = without_compression(request.head.forwarded_lines)
    original = context.request(request.query.method, request.query.target, headers, on_sent)
    try:
        async with context.call(original, labels) as answer:
            body = await answer.read(max_body)
            return SKIPPED if body is None else as_compared(answer.line, answer.fields, body)
    except FaultError as error:
        return SKIPPED if error.fault.code in BUSY else FAILED


def as_compared(line: StatusLine, fields: tuple[HeaderField, ...], body: bytes) -> ComparedAnswer | str:
    """An answer as the comparison takes it; ``skipped`` if its body is compressed."""
    if any(field.name == b"content-encoding" for field in fields):
        return SKIPPED
    return unfiltered(line, fields, body)


def unfiltered(line: StatusLine, fields: tuple[HeaderField, ...], body: bytes) -> ComparedAnswer:
    """An answer with all its headers, whatever the coding of its body."""
    return ComparedAnswer(b"\r\n".join([line.line, *(field.line for field in fields)]), body)


def subject_of(call: MergedCall) -> Subject:
    """What the call's answers earn trust for."""
    request = leader(call)
    pair = trusted_name(request.query), request.head.accept_profile, call.key
    return Subject(pair, request.query.fingerprint)


def is_busy(result: FetchResult) -> bool:
    """Whether a merged call was not sent, because it waited too long for a connection."""
    return isinstance(result, FallbackReason) and result.reason == "connection" and result.detail in BUSY
