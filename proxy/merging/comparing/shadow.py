"""Chooses what is compared during live traffic: every merged answer in mode shadow, a sample in mode rewrite.

Tests: tests/e2e/faults/test_shadow.py.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, StatusLine
from proxy.merging.comparing.comparer import OVERHEAD, Pairs, ShadowComparer, as_compared, is_busy
from proxy.merging.fetch import FetchesMerged, FetchResult, leader
from proxy.merging.row_order import MAX_FIRST, Slices, with_several_rows
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone
from proxy.model import FallbackReason, MergedCall, PendingRequest, Slice
from proxy.path.evidence.comparison import FAILED, SKIPPED, ByteBudget, ComparedAnswer, choose_answers, is_sampled
from proxy.settings.tables import MergeSettings, ShadowSettings
from proxy.upstream.client import UpstreamPool

DRAW = secrets.SystemRandom().random


class SampledFetcher:
    """Merged calls for clients. A sample of them is compared with originals that are sent for the comparison."""

    def __init__(
        self,
        fetcher: FetchesMerged,
        comparer: ShadowComparer,
        client_pool: UpstreamPool,
        settings: ShadowSettings,
        draw: Callable[[], float] = DRAW,
    ) -> None:
        self._fetcher = fetcher
        self._comparer = comparer
        self._client_pool = client_pool
        self._fraction = settings.share
        self._max_answers = settings.answers
        self._draw = draw

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        """Fetch the merged answer, and start a comparison in the background. No comparison is made while clients'
        calls wait for a connection.
        """
        result = await self._fetcher.fetch(call, alias, on_sent, number)
        if isinstance(result, dict) and (pairs := self._choose_pairs(call, result)) and not _is_error(result):
            if self._client_pool.has_capacity:
                comparer = self._comparer
                comparer.start(comparer.compare(call, alias, result, pairs, comparer.original))
            else:
                self._comparer.count(SKIPPED, len(pairs))
        return result

    def _choose_pairs(self, call: MergedCall, slices: Slices) -> Pairs:
        """The answers to compare: all after a recent mismatch of the query, else some of a sampled call. Where the
        order of rows is that of their addresses, more calls are sampled, and only keys with several rows if there are.
        """
        watched = self._comparer.is_watched(leader(call))
        if not watched and not is_sampled(self._fraction * self._comparer.share_factor(call), self._draw()):
            return ()
        pairs = [(literal, requests[0]) for literal, requests in call.requests_by_value.items()]
        if watched:
            return pairs
        several = set(with_several_rows(slices)) if call.address_columns else ()
        ordered = [pair for pair in pairs if pair[0] in several]
        if ordered:  # a changed row puts those of its key alone into another order, so that few answers show it seldom
            return choose_answers(ordered, max(self._max_answers, MAX_FIRST), self._draw())
        return choose_answers(pairs, self._max_answers, self._draw())


def _is_error(slices: Slices) -> bool:
    """Whether the answer is an error that all requests share. It is not compared: originals would add load to an
    upstream that fails.
    """
    return any(isinstance(own_slice, Slice) and own_slice.rows < 0 for own_slice in slices.values())


class ShadowMode:
    """Mode shadow: every client gets the original. Merged calls are made in the background, only to be compared."""

    def __init__(self, settings: MergeSettings, comparer: ShadowComparer) -> None:
        self._comparer = comparer
        self._clock = comparer.state.context.clock
        self._max_body = settings.max_key_body
        self._copies: dict[PendingRequest, AnswerCopy] = {}

    @contextmanager
    def merge_in_background(
        self, request: PendingRequest, reply_to: Callable[[PendingRequest], Awaitable[Reply]]
    ) -> "Iterator[AnswerCopy | None]":
        """Merge ``request`` with ``reply_to`` while its original is in flight. The caller adds the original's answer to
        the copy; None when it will not be compared.
        """
        if self._comparer.closed or not self._comparer.budget.reserve(OVERHEAD):
            self._comparer.count(SKIPPED, 1)
            yield None
            return
        copy = self._copies[request] = AnswerCopy(self._comparer.budget, self._max_body)
        task = self._comparer.start(self._wait_for_merge(request, copy, reply_to))
        try:
            yield copy
        except BaseException as error:
            copy.end(FAILED if isinstance(error, FaultError) else SKIPPED)
            task.cancel()
            raise
        copy.end()

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        """Fetch the merged answer for the comparison alone."""
        result = await self._comparer.fetcher.fetch(call, alias, on_sent)
        if isinstance(result, dict):
            self._comparer.start(self._compare(call, alias, result))
        return FallbackReason("load") if is_busy(result) else result

    async def _compare(self, call: MergedCall, alias: bytes, slices: Slices) -> None:
        pairs = [(literal, request) for literal, requests in call.requests_by_value.items() for request in requests]
        try:
            await self._comparer.compare(call, alias, slices, pairs, self._original)
        finally:
            for request in call.requests:
                self._discard_copy(request)

    async def _original(self, request: PendingRequest) -> ComparedAnswer | str:
        copy = self._copies.get(request)
        return SKIPPED if copy is None else await copy.result()

    async def _wait_for_merge(
        self, request: PendingRequest, copy: "AnswerCopy", reply_to: Callable[[PendingRequest], Awaitable[Reply]]
    ) -> None:
        """Wait for a merged answer as in mode rewrite. For ``SendAlone`` nothing is sent: the original is in flight."""
        reply: Reply | None = None
        try:
            reply = await reply_to(request)
            if isinstance(reply, SendAlone):
                self._discard_copy(request)
                await copy.result()
        finally:
            if isinstance(reply, SendAlone):
                reply.slot.release(self._clock() - request.arrived if copy.answered else None)
            if not isinstance(reply, BufferedAnswer):
                self._discard_copy(request)

    def _discard_copy(self, request: PendingRequest) -> None:
        copy = self._copies.pop(request, None)
        if copy is not None:
            copy.discard()


class AnswerCopy:
    """A copy of the answer that a client receives as a stream. It is discarded when it passes a limit."""

    def __init__(self, budget: ByteBudget, max_body: int) -> None:
        self.answered = False
        """Whether the client received its whole answer."""
        self._budget = budget
        self._max_body = max_body
        self._size = OVERHEAD
        self._line: StatusLine | None = None
        self._fields: tuple[HeaderField, ...] = ()
        self._pieces: list[bytes] = []
        self._result = ""
        self._ended = asyncio.Event()

    def begin(self, line: StatusLine, fields: tuple[HeaderField, ...], data: bytes) -> None:
        """Add the answer's head and ``data``, the part of the body that has arrived."""
        self._line, self._fields = line, fields
        self.add(data)

    def add(self, piece: bytes) -> None:
        """Add a further piece of the body."""
        if self._result:
            return
        if self._size + len(piece) > OVERHEAD + self._max_body or not self._budget.reserve(len(piece)):
            self.discard()
            return
        self._size += len(piece)
        self._pieces.append(piece)

    def end(self, result: str = "") -> None:
        """The answer has ended. ``result``: why it is not the whole answer, if it is not."""
        self.answered = not result
        self._result = self._result or result
        self._ended.set()

    def discard(self) -> None:
        """Free the memory of a copy that will not be compared."""
        self._result = self._result or SKIPPED
        self._budget.release(self._size)
        self._size = 0
        self._pieces.clear()

    async def result(self) -> ComparedAnswer | str:
        """Wait until the answer has ended, and return it; where there is no whole answer, the comparison's result."""
        await self._ended.wait()
        if self._result or self._line is None:
            return self._result or FAILED
        return as_compared(self._line, self._fields, b"".join(self._pieces))
