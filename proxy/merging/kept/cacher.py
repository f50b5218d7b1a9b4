"""The cache (FAN006): a read is answered from the whole answer to an equal one, while that is fresh and nobody wrote.

Whoever finds no answer is sent as always, and its answer is kept; equal reads that come meanwhile wait for it.
"""

import time

import msgspec

from proxy.errors.codes import WAITED_CODES, FaultError
from proxy.merging.coalescer import SHARED_FAULTS
from proxy.merging.kept.fills import CachedReads, Fill
from proxy.merging.kept.shared_answers import SharedAnswers
from proxy.merging.waiters import BufferedAnswer
from proxy.model import FallbackReason, Outcome, PendingRequest, RequestHead, Slice
from proxy.observe.events import CacheUsed
from proxy.path.batches.coalescing import may_be_cached
from proxy.path.kept.answer_cache import CachedAnswer, is_kept
from proxy.path.kept.conditions import is_decidable, matches, not_modified, tag_in, tags_of, unconditional
from proxy.path.kept.memo import asks_for_fresh
from proxy.path.kept.remembered import MAX_ANSWER
from proxy.postgrest.request.token_expiry import token_expiry
from proxy.postgrest.response.echoes import shareable_lines
from proxy.postgrest.response.headers import SAME_HEADERS
from proxy.settings.tables import CacheSettings
from proxy.upstream.calls import CallLabels
from proxy.upstream.overload import fault_for_each
from proxy.upstream.state import UpstreamState

NOT_MODIFIED, FIRST_SERVER_ERROR = 304, 500


class Cacher:
    """Answers reads from the cache with one set of settings."""

    def __init__(self, settings: CacheSettings, state: UpstreamState, reads: CachedReads) -> None:
        """``settings.fresh`` must have a value."""
        self._fresh = settings.fresh or 0.0
        self._usable = self._fresh + settings.stale_while_revalidate
        self._state = state
        self._drops = state.drops
        self._clock = state.context.clock
        self._gateway = state.context.gateway
        self._reads = reads
        self._counts = reads.answers.requests
        self._shared = SharedAnswers(state, reads, self._usable) if settings.shared else None

    def accepts(self, request: PendingRequest) -> bool:
        """Whether ``request`` may be answered from the cache, and its answer be kept."""
        if not may_be_cached(request) or asks_for_fresh(request.head) or not is_decidable(request.head):
            return False
        hazard = self._state.hazard_of(request)
        return hazard is None or hazard.may_share

    async def lookup(self, request: PendingRequest) -> BufferedAnswer | Fill | None:
        """The kept answer, after waiting for it if an equal read is in flight; or a ``Fill``: the read is sent, and
        ``end`` is called when it was answered; or None: it is sent, and its answer is not kept. FaultError if the read
        that it waits for failed as it would too.
        """
        reads, own_key = self._reads, self._reads.key_of(request)
        has_waited = False
        while True:
            now = self._clock()
            key = own_key if self._shared is None else self._shared.key_of(request, own_key, now)
            entry = reads.answers.get(key, self._usable, self._drops, now)
            if entry is not None:
                return self._answer(key, request, entry, now, "shared" if has_waited else "served")
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
        if self._is_open(fill):
            self._settle(fill, self._answer_to(fill, body, rows) if fill.was_answered else None)

    def fail(self, fill: Fill, error: FaultError) -> None:
        """The read got no answer; those who wait get the same error if they would get it alone too."""
        fill.failed = True
        if error.fault.code in SHARED_FAULTS:
            fill.error = fault_for_each(error.fault.code) if error.fault.code in WAITED_CODES else error

    def _give_up(self, fill: Fill) -> None:
        """The answer is too large to be kept: those who wait are sent themselves."""
        if self._is_open(fill):
            fill.was_answered = True
            self._settle(fill, None)

    def _is_open(self, fill: Fill) -> bool:
        """Whether its answer may still be kept: not everything was forgotten meanwhile, and it was not given up."""
        return self._reads.fills.get(fill.key) is fill

    def _settle(self, fill: Fill, answer: Slice | None) -> None:
        """Keep the answer, or know that it is not kept, and let go on those who wait."""
        answers, now = self._reads.answers, self._clock()
        kept = answer is not None and self._keep(fill, answer, now)
        if fill.is_refill:
            answers.refills["kept" if kept else "failed" if fill.failed else "not-kept"] += 1
            if fill.was_answered and not kept and (fill.line is None or fill.line.status < FIRST_SERVER_ERROR):
                answers.outdate(fill.key)
        else:
            self._counts["filled" if kept else "not-kept"] += 1
        is_304 = fill.line is not None and fill.line.status == NOT_MODIFIED
        if answer is None and fill.was_answered and not is_304:
            if self._shared is not None:
                self._shared.reject(fill)
            if not fill.is_refill:
                answers.refuse(fill.key, now + self._fresh)
        del self._reads.fills[fill.key]
        fill.ended.set()

    def _keep(self, fill: Fill, answer: Slice, now: float) -> bool:
        is_own = fill.key == fill.own_key
        until = now + token_expiry(fill.request.head.forwarded_lines) - time.time() if is_own else float("inf")
        if not tag_in(answer.head):
            tag = self._reads.tag_of(fill.key, answer.body)
            answer = msgspec.structs.replace(answer, head=b"%bETag: %b\r\n" % (answer.head, tag))
        entry = msgspec.structs.replace(fill.stamp, slice=answer, until=until)
        is_kept = self._reads.answers.put(fill.key, entry, self._drops, now)
        if is_kept and is_own and self._shared is not None:
            self._shared.keep(fill, entry, now)
        return is_kept

    def _may_use(self, entry: CachedAnswer, now: float) -> bool:
        return entry.is_usable(self._usable, now) and entry.is_current(self._drops, now)

    def _begin(self, key: bytes, request: PendingRequest, now: float) -> Fill | None:
        """The clock is read before the read is sent, so that its answer is taken to be older than it is."""
        fill = self._fill(key, request, now)
        if fill is None:
            self._counts["passed"] += 1
        return fill

    def _fill(self, key: bytes, request: PendingRequest, now: float) -> Fill | None:
        read = self._state.relations_read(request)
        stamp = CachedAnswer(Slice(b"", b"", -1), request.query.relation, now, self._drops.reading, read)
        if self._reads.answers.refuses(key, now) or not stamp.is_current(self._drops, now):
            return None
        fill = self._reads.fills[key] = Fill(key, request, stamp, self._give_up)
        fill.own_key = key if self._shared is None else self._reads.key_of(request)
        return fill

    def _answer(
        self, key: bytes, request: PendingRequest, entry: CachedAnswer, now: float, result: str
    ) -> BufferedAnswer:
        age = now - entry.at
        is_stale = age > self._fresh
        if is_stale:
            self._refresh(key, request, now)
        own, tags = entry.slice, tags_of(request.head)
        if tags and matches(tags, tag_in(own.head)):
            own, result = msgspec.structs.replace(own, head=not_modified(own.head), body=b"", rows=-1), "not-modified"
        self._counts["stale" if is_stale and result == "served" else result] += 1
        self._state.context.events.emit(CacheUsed(age))
        aged = msgspec.structs.replace(own, head=b"%bAge: %d\r\n" % (own.head, age))
        return BufferedAnswer(aged, 0, 1, Outcome.CACHED, 0.0, age=age, is_stale=is_stale)

    # Fetching a kept answer again, while it is used.

    def _refresh(self, key: bytes, request: PendingRequest, now: float) -> None:
        if key in self._reads.fills:
            return
        fill = self._fill(key, request, now)
        if fill is not None:
            fill.is_refill = True
            self._reads.start(self._refill(fill))

    async def _refill(self, fill: Fill) -> None:
        body, rows = None, -1
        try:
            body, rows = await self._read_again(fill)
            fill.was_answered = True
        except FaultError as error:
            self.fail(fill, error)
        except Exception as error:
            fill.failed = True
            self._state.context.events.bug("a kept answer could not be fetched again", error)
        finally:
            self.end(fill, body, rows)

    async def _read_again(self, fill: Fill) -> tuple[bytes | None, int]:
        """The body, None if it is too large, and the number of its rows."""
        query, head, context = fill.request.query, fill.request.head, self._state.context
        labels = CallLabels(
            "refill", b"GET", query.relation, "FAN006", next(self._state.numbers), fingerprint=query.fingerprint
        )
        request = context.request(b"GET", query.target, unconditional(head.forwarded_lines))
        async with context.call(msgspec.structs.replace(request, retry=True), labels) as answer:
            body = await answer.read(MAX_ANSWER)
            fill.line, fill.fields = answer.line, answer.fields
            return body, self._state.observer.observe(query, head, answer.line, answer.fields, body)

    def _answer_to(self, fill: Fill, body: bytes | None, rows: int) -> Slice | None:
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
