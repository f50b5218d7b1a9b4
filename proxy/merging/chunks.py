"""The calls for one over-long list: its chunks, and those that prove that they are whole and in order."""

import asyncio
from collections.abc import Sequence

import msgspec

from proxy.http1.head import Response, first_value
from proxy.merging.fetch import COUNT
from proxy.model import FallbackReason, PendingRequest, Slice
from proxy.path.chunking import ChunkedList, PartAnswer, are_in_order, boundary_literals, concatenate, read_part
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.problem import read_error_body
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.state import UpstreamState


class UnusableAnswerError(Exception):
    """An answer cannot be used, for the fallback reason ``why``."""

    def __init__(self, why: FallbackReason) -> None:
        super().__init__(why)
        self.why = why


class ChunkedListRequest(msgspec.Struct, frozen=True, eq=False):
    """A request with an over-long list, and how the list is cut."""

    request: PendingRequest
    chunks: ChunkedList
    alias: bytes
    """Name of the hidden column in the chunks' rows."""
    max_body: int
    """Bytes that the chunks' bodies may have together."""


class ChunkedRead:
    """One list being fetched. ``calls`` is how many were sent so far; all have one ``number``."""

    def __init__(self, state: UpstreamState, asked: ChunkedListRequest) -> None:
        self.calls = 0
        self.number = next(state.numbers)
        self._context = state.context
        self._max_rows = state.max_rows
        self._clock = state.context.clock
        self._asked = asked
        self._chunks = asked.chunks
        self._bytes_left = asked.max_body

    @property
    def literals(self) -> int:
        """How many the list has."""
        return sum(map(len, self._chunks.parts))

    async def fetch(self, concurrent: int) -> Slice | FallbackReason:
        """The concatenated answer; ``concurrent`` chunks at once. FaultError when a call fails: all others are
        cancelled then.
        """
        try:
            chunks = await self._all(concurrent)
            await self._prove_total(chunks)
            await self._prove_order(chunks)
        except UnusableAnswerError as error:
            return error.why
        return concatenate(self._chunks, chunks)

    async def _all(self, concurrent: int) -> list[PartAnswer]:
        slots = asyncio.Semaphore(concurrent)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._when_free(slots, literals)) for literals in self._chunks.parts]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _when_free(self, slots: asyncio.Semaphore, literals: Sequence[bytes]) -> PartAnswer:
        async with slots:
            return await self._chunk(literals)

    async def _chunk(self, literals: Sequence[bytes]) -> PartAnswer:
        """The rows of ``literals``, all of them; asked for with a count where max-rows may cut them."""
        target = self._chunks.target(literals)
        counted = not self._max_rows.proves_whole(len(literals), self._clock())
        answer = await self._get(b"GET", target, COUNT if counted else b"")
        if (
            not counted
            and answer.line.status == 200
            and not self._max_rows.proves_whole(_rows(answer)[0], self._clock())
        ):
            counted = True
            self._bytes_left += len(answer.body)
            answer = await self._get(b"GET", target, COUNT)
        return self._judge(literals, answer, counted)

    def _judge(self, literals: Sequence[bytes], answer: Response, counted: bool) -> PartAnswer:
        rows, total = _rows(answer)
        if counted and answer.line.status == 206 and total is not None and rows < total:
            self._max_rows.record_cut(rows, self._clock())
            raise UnusableAnswerError(FallbackReason("incomplete"))
        if answer.line.status != 200:
            raise UnusableAnswerError(FallbackReason("status", read_error_body(answer.body).code))
        if counted and total != rows:
            raise UnusableAnswerError(FallbackReason("incomplete"))
        self._max_rows.record_rows(rows, self._clock())
        chunk = read_part(self._chunks, literals, self._asked.alias, answer, self._context.gateway)
        if isinstance(chunk, FallbackReason):
            raise UnusableAnswerError(chunk)
        if len(chunk.rows) != rows:
            raise UnusableAnswerError(FallbackReason("shape"))
        return chunk

    async def _prove_total(self, chunks: Sequence[PartAnswer]) -> None:
        """Prove that max-rows would not have cut the rows of all chunks together, which no chunk shows alone."""
        rows, max_rows = sum(len(chunk.rows) for chunk in chunks), self._max_rows
        if len(chunks) == 1 or max_rows.allows(rows, self._clock()):
            return
        if max_rows.known(self._clock()) is None:
            answer = await self._get(b"HEAD", self._chunks.probe(rows), b"")
            if answer.line.status == 200 and _rows(answer)[0] == rows:
                max_rows.record_rows(rows, self._clock())
                return
        raise UnusableAnswerError(FallbackReason("incomplete"))

    async def _prove_order(self, chunks: Sequence[PartAnswer]) -> None:
        """Prove that upstream orders the chunks as their literals are ordered here, whatever the column's type."""
        keys = boundary_literals(chunks) if self._chunks.ordered else ()
        if keys and not are_in_order(keys, await self._chunk(keys)):
            raise UnusableAnswerError(FallbackReason("order"))

    async def _get(self, method: bytes, target: bytes, more: bytes) -> Response:
        async with self._call(method, target, more) as answer:
            pieces = []
            async for piece in answer.pieces():
                self._bytes_left -= len(piece)
                if self._bytes_left < 0:
                    raise UnusableAnswerError(FallbackReason("too-large"))
                pieces.append(piece)
            return Response(answer.line, answer.fields, b"".join(pieces))

    def _call(self, method: bytes, target: bytes, more: bytes) -> ObservedCall:
        """A call with the request's own head."""
        pending = self._asked.request
        labels = CallLabels("part", method, pending.query.relation, costs="FAN005", number=self.number)
        request = self._context.request(method, target, pending.head.merged_lines + more, self._on_sent)
        return self._context.call(request, labels)

    def _on_sent(self) -> None:
        self.calls += 1


def _rows(answer: Response) -> tuple[int, int | None]:
    """Rows by the answer's own Content-Range, and the total if it was counted."""
    return rows_and_total(first_value(answer.fields, b"content-range"))
