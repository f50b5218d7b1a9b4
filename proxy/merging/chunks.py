"""The calls for one over-long list: its parts, and those that prove that they are whole and in order."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from proxy.http1.head import HeaderField, first_value
from proxy.merging.fetch import COUNT
from proxy.model import FallbackReason, RequestHead, Slice
from proxy.observe.events import Events
from proxy.path.chunking import Chunk, ChunkedList, are_in_order, boundary_literals, concatenate, read_chunk
from proxy.path.max_rows import MaxRowsEvidence
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.problem import read_error_body
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.client import Upstream, UpstreamRequest
from proxy.upstream.mount import Mount


class UnusableAnswerError(Exception):
    """What was answered cannot be used."""

    def __init__(self, doubt: FallbackReason) -> None:
        super().__init__(doubt)
        self.doubt = doubt


class UpstreamContext(msgspec.Struct, frozen=True, eq=False):
    """What all calls of all lists have in common."""

    upstream: Upstream
    route: Mount
    gateway: Gateway
    evidence: MaxRowsEvidence
    events: Events
    clock: Callable[[], float]
    alias: bytes
    """Of the hidden column."""
    max_body: int
    """Bytes that the parts of one list may have together."""


class ChunkAnswer(msgspec.Struct, frozen=True):
    """A call's whole answer."""

    status: int
    status_line: bytes
    fields: tuple[HeaderField, ...]
    body: bytes

    def rows(self) -> tuple[int, int | None]:
        """Rows by its own Content-Range, and the total if it was counted."""
        return rows_and_total(first_value(self.fields, b"content-range"))


class ChunkedRead:
    """One list under way. ``calls`` is how many were sent so far; all have one ``number``."""

    def __init__(self, line: UpstreamContext, cut: ChunkedList, relation: str, head: RequestHead, number: int) -> None:
        self.calls = 0
        self.number = number
        self._line = line
        self._cut = cut
        self._relation = relation
        self._head = head
        self._left = line.max_body

    @property
    def literals(self) -> int:
        """How many the list has."""
        return sum(map(len, self._cut.parts))

    async def fetch(self, parallel: int) -> Slice | FallbackReason:
        """The chunked answer, ``parallel`` parts at once. FaultError when a call fails; then all others are off."""
        try:
            parts = await self._all(parallel)
            await self._prove_total(parts)
            await self._prove_order(parts)
        except UnusableAnswerError as error:
            return error.doubt
        return concatenate(self._cut, parts)

    async def _all(self, parallel: int) -> list[Chunk]:
        turns = asyncio.Semaphore(parallel)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._in_turn(turns, literals)) for literals in self._cut.parts]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _in_turn(self, turns: asyncio.Semaphore, literals: Sequence[bytes]) -> Chunk:
        async with turns:
            return await self._part(literals)

    async def _part(self, literals: Sequence[bytes]) -> Chunk:
        """The rows of ``literals``, all of them; asked for with a count where max-rows may cut them."""
        evidence, target = self._line.evidence, self._cut.target(literals)
        counted = not evidence.proves(len(literals), self._line.clock())
        got = await self._get(b"GET", target, COUNT if counted else b"")
        if not counted and got.status == 200 and not evidence.proves(got.rows()[0], self._line.clock()):
            counted = True
            self._left += len(got.body)
            got = await self._get(b"GET", target, COUNT)
        return self._judge(literals, got, counted)

    def _judge(self, literals: Sequence[bytes], got: ChunkAnswer, counted: bool) -> Chunk:
        rows, total = got.rows()
        if counted and got.status == 206 and total is not None and rows < total:
            self._line.evidence.record_cut(rows, self._line.clock())
            raise UnusableAnswerError(FallbackReason("incomplete"))
        if got.status != 200:
            raise UnusableAnswerError(FallbackReason("status", read_error_body(got.body).code))
        if counted and total != rows:
            raise UnusableAnswerError(FallbackReason("incomplete"))
        self._line.evidence.record_rows(rows, self._line.clock())
        answer = (got.status_line, got.fields, got.body)
        part = read_chunk(self._cut, literals, self._line.alias, answer, self._line.gateway)
        if isinstance(part, FallbackReason):
            raise UnusableAnswerError(part)
        if len(part.rows) != rows:
            raise UnusableAnswerError(FallbackReason("shape"))
        return part

    async def _prove_total(self, parts: Sequence[Chunk]) -> None:
        """That max-rows would not have cut the rows of all parts together: no part shows that."""
        rows, evidence = sum(len(part.rows) for part in parts), self._line.evidence
        if len(parts) == 1 or evidence.allows(rows, self._line.clock()):
            return
        if evidence.known(self._line.clock()) is None:
            got = await self._get(b"HEAD", self._cut.probe(rows), b"")
            if got.status == 200 and got.rows()[0] == rows:
                evidence.record_rows(rows, self._line.clock())
                return
        raise UnusableAnswerError(FallbackReason("incomplete"))

    async def _prove_order(self, parts: Sequence[Chunk]) -> None:
        """That upstream orders the parts as their literals are ordered here, whatever the column's type."""
        keys = boundary_literals(parts) if self._cut.ordered else ()
        if keys and not are_in_order(keys, await self._part(keys)):
            raise UnusableAnswerError(FallbackReason("order"))

    async def _get(self, method: bytes, target: bytes, more: bytes) -> ChunkAnswer:
        async with self._send(method, target, more) as answer:
            pieces = []
            async for piece in answer.pieces():
                self._left -= len(piece)
                if self._left < 0:
                    raise UnusableAnswerError(FallbackReason("too-large"))
                pieces.append(piece)
            return ChunkAnswer(answer.status, answer.line.line, answer.fields, b"".join(pieces))

    def _send(self, method: bytes, target: bytes, more: bytes) -> ObservedCall:
        """A call with the request's own head."""
        line = self._line
        first_line = b"%b %b HTTP/1.1\r\n" % (method, line.route.upstream_target(target))
        head = b"".join((first_line, self._head.merged, more, b"\r\n"))
        outgoing = UpstreamRequest(method, head, on_sent=self._leaves)
        note = CallLabels("part", method, self._relation, costs="FAN005", number=self.number)
        return ObservedCall(line.upstream, line.upstream.calls, outgoing, note, line.events, line.clock)

    def _leaves(self) -> None:
        self.calls += 1
