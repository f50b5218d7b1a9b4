"""Carries over-long lists out in parts, bounded in number and bytes; a doubt in any part is a doubt in all.

How to cut, what to believe and how to put it together is decided by the room ``concatenate``.
"""

import asyncio
from collections.abc import Callable

import msgspec

from proxy.errors.codes import FaultError
from proxy.merging.chunks import ChunkedRead, UpstreamContext
from proxy.merging.fetch import COUNT
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone
from proxy.model import FallbackReason, Outcome, Query, RequestHead, Slice
from proxy.observe.events import FellBack, Warned
from proxy.path.batching import BatchScheduler, BatchSettings, SchedulerRegistry
from proxy.path.chunking import chunk_list
from proxy.settings.model import Settings
from proxy.sidecar.request_context import RequestContext

_LINE = len(b"GET  HTTP/1.1\r\n")


class Chunker:
    """The over-long lists of one upstream."""

    def __init__(self, settings: Settings, line: UpstreamContext, next_number: Callable[[], int]) -> None:
        self._line = line
        self._next_number = next_number
        self._bounds = settings.rules.oversized_in_list
        self._rewrites = settings.mode == "rewrite" and settings.rules.fan005 == "rewrite"
        pace = msgspec.convert(settings.merge.model_dump(include=set(BatchSettings.__struct_fields__)), BatchSettings)
        self._gates = SchedulerRegistry(settings.merge.max_tracked, lambda: BatchScheduler(pace))
        self._turns = asyncio.Semaphore(self._bounds.concurrent_lists)
        self.busy = 0
        """Lists that are cut now, or wait for their turn."""

    async def ask(self, visit: RequestContext) -> Reply | None:
        """The chunked answer to a query with a long list, or the word to go alone after parts were sent in vain.

        None where nothing was sent: the query goes on as it is, and ``visit`` knows why.
        """
        query, head = visit.query, visit.request.head
        target = self._line.route.upstream_target(query.target)
        visit.head_size = _LINE + len(target) + len(head.forward) + len(b"\r\n")
        if query.bypass_reason != "too-long" or visit.head_size <= self._bounds.head_bytes:
            return None
        gate = self._gates.get(query.fingerprint, head.identity_hash)
        if not self._rewrites or gate is None or gate.paused(self._line.clock()):
            visit.bypass_reason = "oversized" if not self._rewrites else "busy" if gate is None else "paused"
            return None
        found = chunk_list(query, head, self._line.alias, self._longest(query, head))
        if isinstance(found, str):
            visit.bypass_reason = found
            return None
        self.busy += 1
        try:
            return await self._fetch_chunked(
                visit, gate, ChunkedRead(self._line, found, query.relation, head, self._next_number())
            )
        finally:
            self.busy -= 1

    def _longest(self, query: Query, head: RequestHead) -> int:
        """Bytes of a part's target as the client would write it."""
        mount = len(self._line.route.upstream_target(query.target)) - len(query.target)
        return self._bounds.head_bytes - _LINE - len(head.merged) - len(COUNT) - len(b"\r\n") - mount

    async def _fetch_chunked(self, visit: RequestContext, gate: BatchScheduler, parts: ChunkedRead) -> Reply:
        began = self._line.clock()
        result = await self._fetch(parts)
        seconds, visit.bypass_reason = self._line.clock() - began, None
        if isinstance(result, Slice):
            gate.record_merge(parts.literals, result.rows, len(result.body))
            visit.parts = parts.calls
            return BufferedAnswer(result, parts.number, 1, Outcome.CHUNKED, seconds)
        gate.record_failure(self._line.clock())
        self._line.events.emit(FellBack(result.reason, result.detail, visit.query.relation, 1))
        visit.parts, visit.upstream_seconds = parts.calls + 1, seconds
        return SendAlone(None, _nobody, is_fallback=True)

    async def _fetch(self, parts: ChunkedRead) -> Slice | FallbackReason:
        """Half of the caller's time is for the parts, so that the other half is left for the original."""
        try:
            async with asyncio.timeout(self._line.upstream.timeouts.upstream_head / 2), self._turns:
                return await parts.fetch(self._bounds.concurrent_chunks)
        except TimeoutError:
            return FallbackReason("deadline")
        except FaultError as error:
            return FallbackReason("connection", error.fault.code)
        except Exception as error:
            self._line.events.emit(Warned("a list could not be fetched in parts", "This is a bug: report it.", error))
            return FallbackReason("bug")


def _nobody(_: BatchScheduler, __: float | None) -> None:
    """No window waits for an original that goes alone."""
