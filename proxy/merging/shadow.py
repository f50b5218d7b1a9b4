"""Comparing while traffic goes on: all of it in mode shadow, a share of it in mode rewrite."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, StatusLine
from proxy.merging.comparer import OVERHEAD, Pairs, ShadowComparer, Slices, as_compared, is_busy
from proxy.merging.fetch import FetchesMerged, FetchResult, leader
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone
from proxy.model import FallbackReason, MergedCall, PendingRequest, Slice
from proxy.path.comparison import FAILED, SKIPPED, ByteBudget, ComparedAnswer, choose_answers, is_sampled
from proxy.settings.tables import MergeSettings, ShadowSettings
from proxy.upstream.client import UpstreamConnection
from proxy.upstream.pool import ConnectionPool

DRAW = secrets.SystemRandom().random


class SampledFetcher:
    """Merged calls for clients, of which a share is compared with originals that are sent for that."""

    def __init__(
        self,
        fetcher: FetchesMerged,
        comparer: ShadowComparer,
        client_pool: ConnectionPool[UpstreamConnection],
        settings: ShadowSettings,
        draw: Callable[[], float] = DRAW,
    ) -> None:
        self._fetcher = fetcher
        self._comparer = comparer
        self._client_pool = client_pool
        self._share = settings.share
        self._answers = settings.answers
        self._draw = draw

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        """The merged answer, as it came; a comparison begins beside it, but never ahead of callers who wait."""
        result = await self._fetcher.fetch(call, alias, on_sent, number)
        if isinstance(result, dict) and (pairs := self._chosen(call)) and not _is_error(result):
            if self._client_pool.has_spare_room:
                comparer = self._comparer
                comparer.start(comparer.compare(call, alias, result, pairs, comparer.original))
            else:
                self._comparer.count(SKIPPED, len(pairs))
        return result

    def _chosen(self, call: MergedCall) -> Pairs:
        """Whose answers are compared: all of a query that is watched because it was wrong lately, some of one drawn."""
        watched = self._comparer.is_watched(leader(call))
        if not watched and not is_sampled(self._share, self._draw()):
            return ()
        pairs = [(literal, members[0]) for literal, members in call.requests_by_value.items()]
        return pairs if watched else choose_answers(pairs, self._answers, self._draw())


def _is_error(shares: Slices) -> bool:
    """Whether it is an error that everybody shares: its originals are what sharing spares an upstream in trouble."""
    return any(isinstance(share, Slice) and share.rows < 0 for share in shares.values())


class ShadowMode:
    """Mode shadow: every request is answered by its original; merging goes on beside it, and is compared."""

    def __init__(self, settings: MergeSettings, comparer: ShadowComparer) -> None:
        self._comparer = comparer
        self._clock = comparer.state.context.clock
        self._max_body = settings.max_key_body
        self._copies: dict[PendingRequest, AnswerCopy] = {}

    @contextmanager
    def beside(
        self, member: PendingRequest, ask: Callable[[PendingRequest], Awaitable[Reply]]
    ) -> "Iterator[AnswerCopy | None]":
        """Merge ``member`` with ``ask`` while its original is under way; what that is answered is told to the copy."""
        if self._comparer.closed or not self._comparer.budget.reserve(OVERHEAD):
            self._comparer.count(SKIPPED, 1)
            yield None
            return
        copy = self._copies[member] = AnswerCopy(self._comparer.budget, self._max_body)
        task = self._comparer.start(self._follow(member, copy, ask))
        try:
            yield copy
        except BaseException as error:
            copy.end(FAILED if isinstance(error, FaultError) else SKIPPED)
            task.cancel()
            raise
        copy.end()

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        """The merged answer for nobody but the comparison."""
        result = await self._comparer.fetcher.fetch(call, alias, on_sent)
        if isinstance(result, dict):
            self._comparer.start(self._compare(call, alias, result))
        return FallbackReason("load") if is_busy(result) else result

    async def _compare(self, call: MergedCall, alias: bytes, shares: Slices) -> None:
        pairs = [(literal, member) for literal, members in call.requests_by_value.items() for member in members]
        try:
            await self._comparer.compare(call, alias, shares, pairs, self._original)
        finally:
            for member in call.requests:
                self._forget(member)

    async def _original(self, member: PendingRequest) -> ComparedAnswer | str:
        copy = self._copies.get(member)
        return SKIPPED if copy is None else await copy.whole()

    async def _follow(
        self, member: PendingRequest, copy: "AnswerCopy", ask: Callable[[PendingRequest], Awaitable[Reply]]
    ) -> None:
        """Wait with the others, as in mode rewrite; who would go alone has its original under way already."""
        reply: Reply | None = None
        try:
            reply = await ask(member)
            if isinstance(reply, SendAlone):
                self._forget(member)
                await copy.whole()
        finally:
            if isinstance(reply, SendAlone):
                reply.slot.release(self._clock() - member.arrived if copy.answered else None)
            if not isinstance(reply, BufferedAnswer):
                self._forget(member)

    def _forget(self, member: PendingRequest) -> None:
        copy = self._copies.pop(member, None)
        if copy is not None:
            copy.drop()


class AnswerCopy:
    """What a caller is answered, kept as it goes by: until it is too much."""

    def __init__(self, held: ByteBudget, limit: int) -> None:
        self.answered = False
        """Whether the caller has its whole answer."""
        self._held = held
        self._limit = limit
        self._size = OVERHEAD
        self._line: StatusLine | None = None
        self._fields: tuple[HeaderField, ...] = ()
        self._pieces: list[bytes] = []
        self._result = ""
        self._ended = asyncio.Event()

    def begin(self, line: StatusLine, fields: tuple[HeaderField, ...], data: bytes) -> None:
        """The answer's head, and the body as far as it is there."""
        self._line, self._fields = line, fields
        self.add(data)

    def add(self, piece: bytes) -> None:
        """A further piece of the body."""
        if self._result:
            return
        if self._size + len(piece) > OVERHEAD + self._limit or not self._held.reserve(len(piece)):
            self.drop()
            return
        self._size += len(piece)
        self._pieces.append(piece)

    def end(self, result: str = "") -> None:
        """That was all; ``result`` says why it is not the whole answer."""
        self.answered = not result
        self._result = self._result or result
        self._ended.set()

    def drop(self) -> None:
        """Nobody compares it any more."""
        self._result = self._result or SKIPPED
        self._held.release(self._size)
        self._size = 0
        self._pieces.clear()

    async def whole(self) -> ComparedAnswer | str:
        """The answer, once it is there; a result where it is not."""
        await self._ended.wait()
        if self._result or self._line is None:
            return self._result or FAILED
        return as_compared(self._line, self._fields, b"".join(self._pieces))
