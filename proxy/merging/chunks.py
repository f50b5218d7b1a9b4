"""The calls for one over-long list: its chunks, and calls that prove that all rows are there and in order.

Tests: tests/e2e/faults/test_oversized_faults.py.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from proxy.http1.head import Response, first_value
from proxy.merging.fetch import COUNT
from proxy.model import FallbackReason, PendingRequest, Slice
from proxy.path.batches.chunking import ChunkedList, PartAnswer, are_in_order, boundary_literals, concatenate, read_part
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.problem import read_error_body
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.state import UpstreamState


class UnusableAnswerError(Exception):
    """An answer cannot be used, for the fallback reason ``reason``."""

    def __init__(self, reason: FallbackReason) -> None:
        super().__init__(reason)
        self.reason = reason


class ChunkedListRequest(msgspec.Struct, frozen=True, eq=False):
    """A request with an over-long list, and the chunks of that list."""

    request: PendingRequest
    chunks: ChunkedList
    alias: bytes
    """Name of the hidden column in the chunks' rows."""
    max_body: int
    """The most bytes that the chunks' bodies may have together."""


class ChunkedRead:
    """One list in progress. ``calls`` is how many calls were sent so far; they all have the same ``number``."""

    def __init__(self, state: UpstreamState, list_request: ChunkedListRequest) -> None:
        self.calls = 0
        self.number = next(state.numbers)
        self._context = state.context
        self._max_rows = state.max_rows
        self._clock = state.context.clock
        self._list_request = list_request
        self._chunks = list_request.chunks
        self._bytes_left = list_request.max_body

    @property
    def literals(self) -> int:
        """Number of values in the list."""
        return sum(map(len, self._chunks.parts))

    async def fetch(self, concurrent: int) -> Slice | FallbackReason:
        """The concatenated answer, with at most ``concurrent`` calls at a time. Raises FaultError when a call fails,
        after all other calls are cancelled.
        """
        try:
            chunks = await self._fetch_chunks(concurrent)
            await self._check_total(chunks)
            await self._check_order(chunks)
        except UnusableAnswerError as error:
            return error.reason
        return concatenate(self._chunks, chunks)

    async def _fetch_chunks(self, concurrent: int) -> list[PartAnswer]:
        slots = asyncio.Semaphore(concurrent)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._fetch_in_slot(slots, literals)) for literals in self._chunks.parts]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _fetch_in_slot(self, slots: asyncio.Semaphore, literals: Sequence[bytes]) -> PartAnswer:
        async with slots:
            return await self._fetch_chunk(literals)

    async def _fetch_chunk(self, literals: Sequence[bytes]) -> PartAnswer:
        """All rows of ``literals``. The call asks for an exact count where max-rows may remove rows."""
        target = self._chunks.target(literals)
        counted = not self._max_rows.proves_whole(len(literals))
        answer = await self._get(b"GET", target, COUNT if counted else b"")
        if not counted and answer.line.status == 200 and not self._max_rows.proves_whole(_rows(answer)[0]):
            counted = True
            self._bytes_left += len(answer.body)
            answer = await self._get(b"GET", target, COUNT)
        return self._read_chunk(literals, answer, counted)

    def _read_chunk(self, literals: Sequence[bytes], answer: Response, counted: bool) -> PartAnswer:
        rows, total = _rows(answer)
        if counted and answer.line.status == 206 and total is not None and rows < total:
            self._max_rows.record_cut(rows, self._clock())
            raise UnusableAnswerError(FallbackReason("incomplete"))
        if answer.line.status != 200:
            raise UnusableAnswerError(FallbackReason("status", read_error_body(answer.body).code))
        if counted and total != rows:
            raise UnusableAnswerError(FallbackReason("incomplete"))
        self._max_rows.record_rows(rows)
        chunk = self._read_part(literals, answer)
        if isinstance(chunk, FallbackReason):
            raise UnusableAnswerError(chunk)
        if len(chunk.rows) != rows:
            raise UnusableAnswerError(FallbackReason("shape"))
        return chunk

    def _read_part(self, literals: Sequence[bytes], answer: Response) -> PartAnswer | FallbackReason:
        asked = self._list_request
        return read_part(self._chunks, literals, asked.alias, answer, self._context.gateway, asked.request.head)

    async def _check_total(self, chunks: Sequence[PartAnswer]) -> None:
        """Check that max-rows would let the rows of all chunks through in one answer. A chunk shows that if it has them
        all.
        """
        sizes, max_rows = [len(chunk.rows) for chunk in chunks], self._max_rows
        rows = sum(sizes)
        if rows in sizes or max_rows.allows(rows):
            return
        if max_rows.known(self._clock()) is None:
            answer = await self._get(b"HEAD", self._chunks.probe(rows), b"")
            if answer.line.status == 200 and _rows(answer)[0] == rows:
                return
        raise UnusableAnswerError(FallbackReason("incomplete"))

    async def _check_order(self, chunks: Sequence[PartAnswer]) -> None:
        """Check that upstream orders the values at the chunks' ends as the chunks are ordered, whatever their type."""
        boundaries = boundary_literals(chunks) if self._chunks.ordered else ()
        if boundaries and not are_in_order(boundaries, await self._fetch_chunk(boundaries)):
            raise UnusableAnswerError(FallbackReason("order"))

    async def _get(self, method: bytes, target: bytes, extra_lines: bytes) -> Response:
        async with self._call(method, target, extra_lines) as answer:
            pieces = []
            async for piece in answer.pieces():
                self._bytes_left -= len(piece)
                if self._bytes_left < 0:
                    raise UnusableAnswerError(FallbackReason("too-large"))
                pieces.append(piece)
            return Response(answer.line, answer.fields, b"".join(pieces))

    def _call(self, method: bytes, target: bytes, extra_lines: bytes) -> ObservedCall:
        """A call with the request's own head and ``extra_lines``."""
        pending = self._list_request.request
        query = pending.query
        labels = CallLabels("part", method, query.relation, "FAN005", number=self.number, fingerprint=query.fingerprint)
        request = self._context.request(method, target, pending.head.merged_lines + extra_lines, self._on_sent)
        return self._context.call(request, labels)

    def _on_sent(self) -> None:
        self.calls += 1


def _rows(answer: Response) -> tuple[int, int | None]:
    """The rows that the answer's Content-Range states, and their total where it was counted."""
    return rows_and_total(first_value(answer.fields, b"content-range"))
