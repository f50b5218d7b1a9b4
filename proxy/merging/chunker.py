"""Answers requests with an over-long ``in`` list from several calls, one per chunk of the list.

``proxy.path.batches.chunking`` decides how to divide a list, which answers can be used, and how to concatenate them. If
one chunk cannot be used, none is. The number of lists in progress and their bytes are bounded.

Tests: tests/e2e/limits/test_oversized.py.
"""

import asyncio
import secrets

import msgspec

from proxy.errors.codes import WAITED_CODES, FaultError
from proxy.merging.batcher import scheduler_registry
from proxy.merging.chunks import ChunkedListRequest, ChunkedRead
from proxy.merging.fetch import COUNT
from proxy.merging.waiters import BufferedAnswer, FailedCall, Reply, SendAlone, Slot
from proxy.model import FallbackReason, Outcome, PendingRequest, Slice
from proxy.observe.events import FellBack
from proxy.path.batches.batching import BatchScheduler
from proxy.path.batches.chunking import chunk_list
from proxy.settings.model import Settings
from proxy.upstream.overload import fault_for_each
from proxy.upstream.state import UpstreamState

_REQUEST_LINE = len(b"GET  HTTP/1.1\r\n")


class ChunkedReply(msgspec.Struct, frozen=True, eq=False):
    """The result for a request with a long list."""

    reply: Reply | None = None
    """None: no chunk was sent, and the request is handled like any other."""
    bypass_reason: str | None = None
    """Why the list was not sent in chunks, where that is known."""
    head_size: int = 0
    """Bytes of the head that the request has when it is sent upstream in one piece."""
    calls: int = 1
    """Upstream calls for this request, with the original if it is sent."""
    seconds: float = 0.0
    """Time that was spent on chunks that could not be used."""


class Chunker:
    """The chunked lists of one upstream."""

    def __init__(self, settings: Settings, state: UpstreamState) -> None:
        self._state = state
        self._context = state.context
        self._clock = state.context.clock
        self._limits = settings.rules.oversized_in_list
        self._max_body = settings.merge.max_body
        self._enabled = settings.mode == "rewrite" and settings.rules.fan005 == "rewrite"
        self._alias = b"f" + secrets.token_hex(12).encode()
        self._schedulers = scheduler_registry(settings.merge)
        self._slots = asyncio.Semaphore(self._limits.concurrent_lists)
        self.in_progress = 0
        """Lists in progress, including those that wait for one of ``concurrent_lists`` slots."""

    async def reply_to(self, request: PendingRequest) -> ChunkedReply:
        """Fetch a long list in chunks. The reply is ``SendAlone`` when chunks were fetched and cannot be used."""
        query, head = request.query, request.head
        target = self._context.mount.upstream_target(query.target)
        size = _REQUEST_LINE + len(target) + len(head.forwarded_lines) + len(b"\r\n")
        if query.bypass_reason != "too-long" or size <= self._limits.head_bytes:
            return ChunkedReply(bypass_reason=query.bypass_reason, head_size=size)
        hazard = self._state.hazard_of(request)
        if hazard is not None:
            return ChunkedReply(bypass_reason=hazard.reason, head_size=size)
        scheduler = self._schedulers.get(query.fingerprint, head.identity_hash)
        if not self._enabled or scheduler is None or scheduler.paused(self._clock()):
            reason = "oversized" if not self._enabled else "busy" if scheduler is None else "paused"
            return ChunkedReply(bypass_reason=reason, head_size=size)
        chunks = chunk_list(query, head, self._alias, self._max_target(request))
        if isinstance(chunks, str):
            return ChunkedReply(bypass_reason=chunks, head_size=size)
        read = ChunkedRead(self._state, ChunkedListRequest(request, chunks, self._alias, self._max_body))
        self.in_progress += 1
        try:
            return await self._read(scheduler, read, request, size)
        finally:
            self.in_progress -= 1

    def _max_target(self, request: PendingRequest) -> int:
        """The most bytes that a chunk's target may have, with the mount's path as clients write it."""
        target = request.query.target
        mount = len(self._context.mount.upstream_target(target)) - len(target)
        return (
            self._limits.head_bytes - _REQUEST_LINE - len(request.head.merged_lines) - len(COUNT) - len(b"\r\n") - mount
        )

    async def _read(
        self, scheduler: BatchScheduler, read: ChunkedRead, request: PendingRequest, size: int
    ) -> ChunkedReply:
        began = self._clock()
        result = await self._fetch(read)
        seconds = self._clock() - began
        if isinstance(result, Slice):
            scheduler.record_merge(read.literals, result.rows, len(result.body))
            reply = BufferedAnswer(result, read.number, 1, Outcome.CHUNKED, seconds)
            return ChunkedReply(reply, head_size=size, calls=read.calls)
        if result.detail in WAITED_CODES:
            self._context.events.emit(FellBack(result.reason, result.detail, request.query.relation, 1))
            return ChunkedReply(FailedCall(fault_for_each(result.detail), 0), head_size=size)
        scheduler.record_failure(self._clock())
        self._context.events.emit(FellBack(result.reason, result.detail, request.query.relation, 1))
        alone = SendAlone(Slot(), fallback=result.reason)
        return ChunkedReply(alone, head_size=size, calls=read.calls + 1, seconds=seconds)

    async def _fetch(self, read: ChunkedRead) -> Slice | FallbackReason:
        """Fetch the chunks in half of the client's time, so that the other half is left for the original."""
        try:
            async with asyncio.timeout(self._context.client.timeouts.upstream_head / 2), self._slots:
                return await read.fetch(self._limits.concurrent_chunks)
        except TimeoutError:
            return FallbackReason("deadline")
        except FaultError as error:
            return FallbackReason("connection", error.fault.code)
        except Exception as error:
            self._context.events.bug("a list could not be fetched in chunks", error)
            return FallbackReason("bug")
