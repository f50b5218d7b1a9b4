"""The cache (FAN006): a read is answered from the whole answer to an equal one, while that is fresh and nobody wrote.

Whoever finds no answer is sent as always, and its answer is kept; equal reads that come meanwhile wait for it.
"""

import asyncio
import secrets
import time
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from proxy.errors.codes import WAITED_CODES, FaultError
from proxy.merging.coalescer import SHARED_FAULTS
from proxy.merging.waiters import BufferedAnswer
from proxy.model import FallbackReason, Outcome, PendingRequest, RequestHead, Slice
from proxy.path.answer_cache import AnswerCache, CachedAnswer, is_kept
from proxy.path.coalescing import may_be_cached
from proxy.path.memo import asks_for_fresh
from proxy.postgrest.names import forms
from proxy.postgrest.request.token_expiry import token_expiry
from proxy.postgrest.response.echoes import shareable_lines
from proxy.postgrest.response.headers import SAME_HEADERS
from proxy.upstream.overload import fault_for_each
from proxy.upstream.state import UpstreamState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.http1.head import HeaderField, StatusLine


class Fill:
    """One read that was sent, whose answer is to be kept, and for which equal reads wait."""

    def __init__(
        self, key: bytes, request: PendingRequest, stamp: CachedAnswer, give_up: "Callable[[Fill], None]"
    ) -> None:
        """``give_up`` is called when the answer is too large to be kept."""
        self.give_up = give_up
        self.key = key
        self.request = request
        self.stamp = stamp
        """The answer to keep, still without its bytes."""
        self.slice: Slice | None = None
        """The answer as a merged or shared call gave it."""
        self.line: StatusLine | None = None
        self.fields: Sequence[HeaderField] = ()
        """The head of an answer that is streamed; its body is kept by the request."""
        self.error: FaultError | None = None
        """What the others get too, if it got no answer."""
        self.was_answered = False
        """Whether it got a whole answer, as new as itself."""
        self.failed = False
        """Whether it got another one, or none; both are false if its client disconnected."""
        self.ended = asyncio.Event()


class CachedReads:
    """The kept answers of one fanin, and the reads in flight that fill them. All policies share them."""

    def __init__(self, max_bytes: int) -> None:
        self.answers = AnswerCache(max_bytes)
        self.fills: dict[bytes, Fill] = {}
        self._hash = blake2b(digest_size=32, key=secrets.token_bytes(32))

    def key_of(self, request: PendingRequest) -> bytes:
        """Equal only for requests that are byte-equal in target, identity, and what a gateway may depend on."""
        own = self._hash.copy()
        target, identity = request.query.target, request.head.coalescing_identity
        own.update(b"%d %b\r\n%b" % (len(target), target, identity))
        return own.digest()

    def purge(self, relation: str, schema: str) -> int:
        """Forget the answers that may depend on a relation, which may be named without the first ``schema``. Their
        number. Reads in flight do not fill them.
        """
        names = frozenset(forms(relation, schema))
        for key, fill in tuple(self.fills.items()):
            if fill.stamp.may_read(names):
                del self.fills[key]
                fill.ended.set()
        return self.answers.purge(names)

    def clear(self) -> None:
        """Forget all answers. Reads in flight do not fill them any more, and nobody new waits for these."""
        self.answers.clear()
        for fill in self.fills.values():
            fill.ended.set()
        self.fills.clear()


class Cacher:
    """Answers reads from the cache with one set of settings."""

    def __init__(self, fresh: float, state: UpstreamState, reads: CachedReads) -> None:
        self._fresh = fresh
        self._state = state
        self._drops = state.drops
        self._clock = state.context.clock
        self._gateway = state.context.gateway
        self._reads = reads
        self._counts = reads.answers.requests

    def accepts(self, request: PendingRequest) -> bool:
        """Whether ``request`` may be answered from the cache, and its answer be kept."""
        if not may_be_cached(request) or asks_for_fresh(request.head):
            return False
        hazard = self._state.hazard_of(request)
        return hazard is None or hazard.may_share

    async def lookup(self, request: PendingRequest) -> BufferedAnswer | Fill | None:
        """The kept answer, after waiting for it if an equal read is in flight; or a ``Fill``: the read is sent, and
        ``end`` is called when it was answered; or None: it is sent, and its answer is not kept. FaultError if the read
        that it waits for failed as it would too.
        """
        reads, key = self._reads, self._reads.key_of(request)
        has_waited = False
        while True:
            now = self._clock()
            entry = reads.answers.get(key, self._fresh, self._drops, now)
            if entry is not None:
                return self._answer(entry, now, "shared" if has_waited else "served")
            fill = reads.fills.get(key)
            if fill is None and not has_waited:
                return self._begin(key, request, now)
            if fill is None or not self._may_use(fill.stamp, now):
                self._counts["passed"] += 1
                return None
            await fill.ended.wait()
            if fill.error is not None:
                raise fill.error
            has_waited = fill.was_answered or fill.failed

    def end(self, fill: Fill, body: bytes | None, rows: int) -> None:
        """Keep the answer to a read that was sent, if it may be kept. ``body``: what was streamed; None if it was not
        complete, or too large. Those who wait go on.
        """
        reads, now = self._reads, self._clock()
        if reads.fills.get(fill.key) is not fill:
            return  # everything was forgotten meanwhile, or its answer is too large
        answer = self._kept(fill, body, rows) if fill.was_answered else None
        if answer is not None:
            until = now + token_expiry(fill.request.head.forwarded_lines) - time.time()
            entry = msgspec.structs.replace(fill.stamp, slice=answer, until=until)
            kept = reads.answers.put(fill.key, entry, self._drops, now)
            self._counts["filled" if kept else "not-kept"] += 1
        else:
            self._counts["not-kept"] += 1
            if fill.was_answered:
                reads.answers.refuse(fill.key, now + self._fresh)
        self._release(fill)

    def _give_up(self, fill: Fill) -> None:
        """The answer is too large to be kept: those who wait are sent themselves."""
        if self._reads.fills.get(fill.key) is fill:
            self._counts["not-kept"] += 1
            self._reads.answers.refuse(fill.key, self._clock() + self._fresh)
            fill.was_answered = True
            self._release(fill)

    def fail(self, fill: Fill, error: FaultError) -> None:
        """The read got no answer; those who wait get the same error if they would get it alone too."""
        fill.failed = True
        if error.fault.code in SHARED_FAULTS:
            fill.error = fault_for_each(error.fault.code) if error.fault.code in WAITED_CODES else error

    def _release(self, fill: Fill) -> None:
        del self._reads.fills[fill.key]
        fill.ended.set()

    def _may_use(self, entry: CachedAnswer, now: float) -> bool:
        return entry.is_fresh(self._fresh, now) and entry.is_current(self._drops, now)

    def _begin(self, key: bytes, request: PendingRequest, now: float) -> Fill | None:
        """The clock is read before the read is sent, so that its answer is taken to be older than it is."""
        read = self._state.relations_read(request)
        stamp = CachedAnswer(Slice(b"", b"", -1), request.query.relation, now, self._drops.reading, read)
        if self._reads.answers.refuses(key, now) or not stamp.is_current(self._drops, now):
            self._counts["passed"] += 1
            return None
        fill = self._reads.fills[key] = Fill(key, request, stamp, self._give_up)
        return fill

    def _answer(self, entry: CachedAnswer, now: float, result: str) -> BufferedAnswer:
        self._counts[result] += 1
        age = now - entry.at
        own = entry.slice
        aged = msgspec.structs.replace(own, head=b"%bAge: %d\r\n" % (own.head, age))
        return BufferedAnswer(aged, 0, 1, Outcome.CACHED, 0.0, age=age)

    def _kept(self, fill: Fill, body: bytes | None, rows: int) -> Slice | None:
        """The answer as it is kept; None if it is not."""
        answer = fill.slice if fill.slice is not None else self._streamed(fill, body, rows)
        return answer if answer is not None and is_kept(answer.head) else None

    def _streamed(self, fill: Fill, body: bytes | None, rows: int) -> Slice | None:
        """The answer that was streamed, with the header lines that all its callers may receive."""
        if body is None or fill.line is None or fill.line.status != 200 or fill.line.minor != 1:
            return None
        head = fill.request.head
        others: list[RequestHead] = [head, msgspec.structs.replace(head, forwarded_lines=b"")]
        lines = shareable_lines(fill.fields, SAME_HEADERS, self._gateway, others)
        if isinstance(lines, FallbackReason):
            return None
        length = b"Content-Length: %d\r\n" % len(body)
        own = b"\r\n".join([fill.line.line, *(field.line for field in lines.lines), length])
        return Slice(own, body, rows, echoes=lines.echoes)
