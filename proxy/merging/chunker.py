"""Over-long lists in chunks, bounded in number and bytes. If one chunk cannot be used, none is.

``proxy.path.chunking`` decides how to cut a list, what to trust, and how to concatenate the answers.
"""

import asyncio
import secrets

import msgspec

from proxy.errors.codes import FaultError
from proxy.merging.batcher import scheduler_registry
from proxy.merging.chunks import ChunkedListRequest, ChunkedRead
from proxy.merging.fetch import COUNT
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone, Slot
from proxy.model import FallbackReason, Outcome, PendingRequest, Slice
from proxy.observe.events import FellBack
from proxy.path.batching import BatchScheduler
from proxy.path.chunking import chunk_list
from proxy.settings.model import Settings
from proxy.upstream.state import UpstreamState

_LINE = len(b"GET  HTTP/1.1\r\n")


class ChunkedReply(msgspec.Struct, frozen=True, eq=False):
    """What became of a request with a long list."""

    reply: Reply | None = None
    """None: nothing was sent, the request goes on as it is."""
    bypass_reason: str | None = None
    """Why it was not sent in chunks, where that is known."""
    head_size: int = 0
    """Bytes of the request head that upstream would be sent."""
    calls: int = 1
    """Upstream calls that its answer takes."""
    seconds: float = 0.0
    """How long chunks were fetched that could not be used."""


class Chunker:
    """The over-long lists of one upstream."""

    def __init__(self, settings: Settings, state: UpstreamState) -> None:
        self._state = state
        self._context = state.context
        self._clock = state.context.clock
        self._limits = settings.rules.oversized_in_list
        self._max_body = settings.merge.max_body
        self._rewrites = settings.mode == "rewrite" and settings.rules.fan005 == "rewrite"
        self._alias = b"f" + secrets.token_hex(12).encode()
        self._schedulers = scheduler_registry(settings.merge)
        self._slots = asyncio.Semaphore(self._limits.concurrent_lists)
        self.busy = 0
        """Lists being fetched now, or waiting for their turn."""

    async def ask(self, request: PendingRequest) -> ChunkedReply:
        """The answer to a request with a long list, from chunks; ``SendAlone`` where chunks were fetched and cannot be
        used.
        """
        query, head = request.query, request.head
        target = self._context.mount.upstream_target(query.target)
        size = _LINE + len(target) + len(head.forwarded_lines) + len(b"\r\n")
        if query.bypass_reason != "too-long" or size <= self._limits.head_bytes:
            return ChunkedReply(bypass_reason=query.bypass_reason, head_size=size)
        scheduler = self._schedulers.get(query.fingerprint, head.identity_hash)
        if not self._rewrites or scheduler is None or scheduler.paused(self._clock()):
            reason = "oversized" if not self._rewrites else "busy" if scheduler is None else "paused"
            return ChunkedReply(bypass_reason=reason, head_size=size)
        chunks = chunk_list(query, head, self._alias, self._longest(request))
        if isinstance(chunks, str):
            return ChunkedReply(bypass_reason=chunks, head_size=size)
        read = ChunkedRead(self._state, ChunkedListRequest(request, chunks, self._alias, self._max_body))
        self.busy += 1
        try:
            return await self._read(scheduler, read, request, size)
        finally:
            self.busy -= 1

    def _longest(self, request: PendingRequest) -> int:
        """Bytes of a chunk's target as the client would write it."""
        target = request.query.target
        mount = len(self._context.mount.upstream_target(target)) - len(target)
        return self._limits.head_bytes - _LINE - len(request.head.merged_lines) - len(COUNT) - len(b"\r\n") - mount

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
        scheduler.record_failure(self._clock())
        self._context.events.emit(FellBack(result.reason, result.detail, request.query.relation, 1))
        alone = SendAlone(Slot(), is_fallback=True)
        return ChunkedReply(alone, head_size=size, calls=read.calls + 1, seconds=seconds)

    async def _fetch(self, read: ChunkedRead) -> Slice | FallbackReason:
        """Half of the client's time is for the chunks, so that the other half is left for the original."""
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
