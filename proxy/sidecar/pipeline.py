"""The request pipeline: from a parsed request to the written answer. Only this module knows all steps.

Tests: tests/e2e/exactness/test_merge.py.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import msgspec

from proxy.analysis.spans import counts_as_query
from proxy.errors.codes import FaultError
from proxy.errors.response import response_of
from proxy.merging.kept.trace_memory import TraceMemories, TraceVisit
from proxy.merging.lone_reads import LoneReads
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone, StreamedAnswer
from proxy.model import Outcome, PendingRequest, Query
from proxy.observe.events import RequestAnswered
from proxy.path.batches.chunking import with_long_list
from proxy.path.batches.writes import MERGED_WRITES
from proxy.path.reading.fingerprint import MAX_CACHED_BYTES, read_query
from proxy.path.reading.identity import traceparent_of, with_peer
from proxy.path.reading.target_cache import TargetCache
from proxy.postgrest.request.in_list import shortened
from proxy.postgrest.response.echoes import with_own_values
from proxy.recording.codec import salt_of
from proxy.server.server import Answering, ClientRequest
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.sidecar.cached_reads import answer_or_fill
from proxy.sidecar.caller_roles import CallerRoles
from proxy.sidecar.forwarding import Forwarder
from proxy.sidecar.merged_writes import reply_to_write
from proxy.sidecar.policy import RequestPolicy
from proxy.sidecar.request_context import LiteralHasher, RequestContext, SpanOptions
from proxy.sidecar.waiting_request import AnswerSteps, WaitingRequest
from proxy.traces.grouping import OpenTrace, TraceGrouper
from proxy.upstream.state import UpstreamState

UNIX_PEER = "unix:"
"""Stands in X-Forwarded-For for the address of a client of a unix socket, as in nginx."""
READS = (b"GET", b"HEAD", b"OPTIONS")
RULE_BY_OUTCOME = {Outcome.MERGED: "FAN001", Outcome.SHARED: "FAN003", Outcome.CHUNKED: "FAN005"} | {
    Outcome.PREFETCHED: "FAN002",
    Outcome.CACHED: "FAN006",
}
"""By outcome: the rule whose rewrite answered the request."""


class RequestTraces(msgspec.Struct, frozen=True):
    """The open traces, and what is remembered of them."""

    grouper: TraceGrouper
    memories: TraceMemories


class Pipeline:
    """Answers requests: concurrently for all connections, in order within one."""

    def __init__(
        self,
        settings: Settings,
        policies: ByRequest[RequestPolicy],
        state: UpstreamState,
        traces: RequestTraces,
        key: bytes,
    ) -> None:
        self._policies = policies
        self._max_url = settings.merge.max_url
        options = (state.context.mount.mount, settings.catalog.schemas[0], self._max_url)
        self._targets = TargetCache(
            lambda method, target, head: read_query(method, target, head, *options),
            min(self._max_url, MAX_CACHED_BYTES),
        )
        self._forwarder = Forwarder(settings, state)
        self._observer = state.observer
        self._state = state
        self._order_proofs, self._drops = state.order_proofs, state.drops
        self._lone_reads = LoneReads(state, lambda request: request.query.fingerprint)
        self._events = state.context.events
        self._clock = state.context.clock
        self._traces, self._memories = traces.grouper, traces.memories
        self._remembers = any(policy.prefetcher is not None for policy in policies.all)
        self._key = key
        self._appends_peer = settings.forwarded == "append"
        self._traced = settings.mode != "pass"
        hasher, records = LiteralHasher(salt_of(key)), settings.record.file is not None
        self._span_options = SpanOptions(
            hasher, records, settings.show_values, CallerRoles(hasher) if records else None
        )
        self._function_of = state.context.mount.function_of
        self._makes_spans = bool(settings.otlp.endpoint)
        self._steps = AnswerSteps(self._serve_waiting, self._handle, self._close)
        self._row_keys = settings.detect.row_keys == "on" or (settings.detect.row_keys == "auto" and settings.debug)

    def handle(self, request: ClientRequest) -> Answering | None:
        """Answer ``request``. True if its connection can carry another one; None if it waits without a task."""
        if self._appends_peer:
            head = with_peer(request.head, (request.client.peer or UNIX_PEER).encode(), self._key)
            request = msgspec.structs.replace(request, head=head)
        query = self._read(request)
        context = RequestContext(request, query, query.bypass_reason)
        if self._row_keys and query.relation and request.line.method in (b"GET", b"POST"):
            context.answer.key_bytes = bytearray()
        if request.client.is_between_requests and query.bypass_reason is None and self._waits(context):
            return None
        return self._handle(context) if request.line.method in READS else self._handle_write(context)

    def _waits(self, context: RequestContext) -> bool:
        """Whether the request waits for the answer of a merged call now, without a task.

        Not if more than one way to answer it has to be tried, or its answer or its trace is kept.
        """
        request, query = context.request, context.query
        policy = self._policies.of(query.relation, request.head.route)
        if self._remembers or not policy.merges or request.head.websocket or not request.body.done:
            return False
        pending = PendingRequest(query, request.head, request.arrived)
        if query.long_list is not None or (policy.cacher is not None and policy.cacher.accepts(pending)):
            return False
        scheduler = policy.merger.scheduler_of(pending)
        if scheduler is None:
            return False
        self._begin(context)
        WaitingRequest(context, policy, pending, self._steps).enter(scheduler)
        return True

    async def _handle_write(self, context: RequestContext) -> bool:
        query = context.query
        self._traces.writes.add(query.relation)
        self._order_proofs.record_sent(self._clock())
        changed = self._state.relations_changed(query)
        self._drops.record_sent(changed)
        self._state.drop_causes[_drop_cause(query)] += 1
        try:
            return await self._handle(context)
        finally:
            self._traces.writes.add(query.relation)
            self._order_proofs.record_ended(self._clock(), context.is_write_settled)
            self._drops.record_ended(changed, self._clock(), context.is_write_settled and not context.is_write_unknown)

    async def _handle(
        self, context: RequestContext, policy: RequestPolicy | None = None, reply: Reply | None = None
    ) -> bool:
        """Answer the request; ``reply`` is what it has waited for, under ``policy``."""
        request = context.request
        if reply is None:
            self._begin(context)
        try:
            if policy is not None and reply is not None:
                return await self._deliver(context, policy, reply)
            return await self._answer(context)
        except FaultError as error:
            return self._fail(context, error)
        except asyncio.CancelledError:
            context.outcome = Outcome.GONE
            raise
        except (ConnectionError, TimeoutError):  # the client disconnected, or accepted no byte for timeouts.write_stall
            context.outcome = Outcome.GONE
            request.client.abort()
            return False
        except Exception as error:
            return self._fail_by_bug(context, error)
        finally:
            self._close(context)

    def _begin(self, context: RequestContext) -> None:
        """Have the request join its trace."""
        request, query = context.request, context.query
        context.writes = self._traces.writes.before(query.relation)
        if not self._traced or request.head.websocket:
            return
        trace = context.trace = self._traces.begin(request.head, request.client.peer, request.arrived)
        if trace is not None:
            if self._remembers and trace.explicit and request.line.method in (b"GET", b"HEAD", b"POST"):
                self._remember(context, trace)
            trace.queries += counts_as_query(query.method.decode("ascii"), request.head.retry, query.bypass_reason)

    def _remember(self, context: RequestContext, trace: OpenTrace) -> None:
        """Count the request as one of its trace, and keep its answer for those that ask for values in it."""
        request = context.request
        pending = PendingRequest(context.query, request.head, request.arrived)
        context.visit = TraceVisit(self._memories.of(trace, trace.route), pending)
        if request.line.method != b"HEAD":
            context.answer.remembered = bytearray()

    def _read(self, request: ClientRequest) -> Query:
        line, max_url = request.line, self._max_url
        if len(line.target) <= max_url:
            return self._targets.read(line.method, line.target, request.head)
        short, place = shortened(line.target, max_url)
        return with_long_list(self._targets.read(line.method, short, request.head), line.target, place)

    # Ways to answer, in the order in which they are tried.

    def _answer(self, context: RequestContext) -> Awaitable[bool]:
        request, query = context.request, context.query
        if request.head.websocket and request.line.method == b"GET":
            return self._forwarder.tunnel(context)
        policy = self._policies.of(query.relation, request.head.route)
        pending = PendingRequest(query, request.head, request.arrived)
        if policy.cacher is not None and policy.cacher.accepts(pending):
            return answer_or_fill(
                context, policy.cacher, self._serve, lambda: self._answer_by_call(context, policy, pending)
            )
        return self._answer_by_call(context, policy, pending)

    async def _answer_by_call(self, context: RequestContext, policy: RequestPolicy, pending: PendingRequest) -> bool:
        query = pending.query
        reply = None
        if policy.writes is not None and query.method in MERGED_WRITES:
            reply = await reply_to_write(context, policy.writes, self._targets)
            return await self._deliver(context, policy, reply)
        if query.long_list is not None:
            reply = await self._chunked(context, policy, pending)
        if reply is None and policy.merges and query.bypass_reason is None:
            reply = await self._merged(context, policy, pending)
        if reply is None:
            context.bypass_reason = context.bypass_reason or "mode"
            if policy.coalescer.accepts(pending):
                reply = await policy.coalescer.reply_to(pending, context.bypass_reason)
        if reply is not None:
            return await self._deliver(context, policy, reply)
        if query.bypass_reason is not None:
            return await self._forwarder.forward(context, "original")
        if policy.shadow is None:
            with self._lone_reads.watching(pending) as context.differing_headers:
                return await self._forwarder.forward(context, "original")
        with policy.shadow.merge_in_background(pending, policy.merger.reply_to) as context.copy:
            return await self._forwarder.forward(context, "original")

    def _merged(self, context: RequestContext, policy: RequestPolicy, pending: PendingRequest) -> Awaitable[Reply]:
        """The reply to a read that may share a call, or that was fetched ahead."""
        if context.visit is not None and policy.prefetcher is not None:
            return policy.prefetcher.reply_to(context.visit)
        return policy.merger.reply_to(pending)

    async def _chunked(self, context: RequestContext, policy: RequestPolicy, pending: PendingRequest) -> Reply | None:
        """The reply to a query with a long list; None if no chunk was sent."""
        chunked = await policy.chunker.reply_to(pending)
        context.bypass_reason = chunked.bypass_reason
        upstream = context.upstream
        upstream.head_size, upstream.parts, upstream.seconds = chunked.head_size, chunked.calls, chunked.seconds
        return chunked.reply

    async def _deliver(self, context: RequestContext, policy: RequestPolicy, reply: Reply) -> bool:
        if isinstance(reply, BufferedAnswer):
            return self._serve(context, reply)
        if isinstance(reply, SendAlone):
            return await self._send_alone(context, policy, reply)
        context.upstream.call = reply.call
        context.saved_by = "FAN003" if reply.call else ""
        if isinstance(reply, StreamedAnswer):
            return await self._forwarder.pass_on(context, reply)
        return self._fail(context, reply.error)

    def _serve_waiting(self, context: RequestContext, served: BufferedAnswer) -> bool:
        """Serve a request that waited without a task."""
        try:
            return self._serve(context, served)
        except Exception as error:
            return self._fail_by_bug(context, error)
        finally:
            self._close(context)

    def _serve(self, context: RequestContext, served: BufferedAnswer) -> bool:
        if context.fill is not None:
            context.fill.slice = served.slice
        own_slice = served.slice
        if own_slice.echoes:
            own_slice = with_own_values(own_slice, context.request.head)
        answer, upstream = context.answer, context.upstream
        context.outcome, context.saved_by = served.outcome, RULE_BY_OUTCOME[served.outcome]
        if context.query.method in MERGED_WRITES:
            context.saved_by = "FAN004"
        upstream.call, upstream.shared, upstream.seconds = served.call, served.shared, served.seconds
        upstream.unused_calls = served.unused_calls
        context.age, context.is_stale = served.age, served.is_stale
        answer.status, answer.rows = int(own_slice.head[9:12]), own_slice.rows
        answer.total = own_slice.rows if context.request.head.exact_count else -1
        answer.add(own_slice.body)
        answer.began = True
        last = context.request.last
        headers = self._forwarder.fanin_headers(context, last)
        context.request.client.write(b"".join((own_slice.head, headers, b"\r\n", own_slice.body)))
        return not last

    async def _send_alone(self, context: RequestContext, policy: RequestPolicy, alone: SendAlone) -> bool:
        began = self._clock()
        seconds = None
        try:
            waited = began - context.request.arrived
            if alone.is_fallback:
                context.outcome, context.fallback_reason = Outcome.FALLBACK, alone.fallback
                context.upstream.unused_calls = alone.unused_calls
                async with _place_among(policy.fallbacks, policy.settings.timeouts.queue):
                    waited = self._clock() - context.request.arrived
                    keep = await self._forwarder.forward(context, "fallback", waited)
            else:
                context.bypass_reason, context.differing_headers = alone.reason, alone.differing_headers
                keep = await self._forwarder.forward(context, "original", waited)
            seconds = self._clock() - began
            return keep
        finally:
            alone.slot.release(seconds)

    # Errors and spans.

    def _fail_by_bug(self, context: RequestContext, error: Exception) -> bool:
        self._events.bug("a request could not be handled", error)
        return self._fail(context, FaultError("FANIN599"))

    def _fail(self, context: RequestContext, error: FaultError) -> bool:
        """Send fanin's own error if no byte of the answer was sent; otherwise abort the connection, so that the client
        sees that the answer is incomplete.
        """
        context.outcome, context.fault = Outcome.FAILED, error.fault.code
        request = context.request
        if context.answer.began:
            request.client.abort()
            return False
        context.answer.status = error.fault.status
        keep = request.body.done and not request.last
        cors = self._observer.cors(request.head.origin)
        request.client.write(response_of(error, cors, keep=keep, method=request.line.method))
        return keep

    def _close(self, context: RequestContext) -> None:
        """Emit the request's event. A bug in fanin here does not fail the request."""
        now, trace = self._clock(), context.trace
        try:
            if context.visit is not None:
                self._end_visit(context, context.visit, now)
            number = 0 if trace is None else len(trace.spans) + 1
            span = context.span(number, now, self._span_options, self._state.max_rows.known(now))
            if trace is not None:
                self._traces.end(trace, span, now)
        except Exception as error:
            self._events.bug("a request could not be traced", error)
            return
        hop = max(0.0, now - context.request.arrived - context.upstream.seconds)
        name = context.request.head.trace or "" if trace is None else trace.id
        parent, function = self._for_spans(context) if self._makes_spans else (b"", "")
        self._events.emit(RequestAnswered(span, hop, name, context.fault, context.saved_by, parent, function))

    def _for_spans(self, context: RequestContext) -> tuple[bytes, str]:
        """What only OTLP spans show of a request: its ``traceparent``, and the function that it calls."""
        function = self._function_of(context.query.target, context.query.path_end)
        return traceparent_of(context.request.head.forwarded_lines), function.decode("utf-8", "replace")

    def _end_visit(self, context: RequestContext, visit: TraceVisit, now: float) -> None:
        visit.end(now)
        answer = context.answer
        whole = answer.status in (200, 206) and context.outcome not in (Outcome.GONE, Outcome.FAILED)
        if whole and answer.remembered and answer.rows:
            visit.remember(bytes(answer.remembered), answer.coding, context.outcome)
            self._memories.keep_bound(now)


def _drop_cause(query: Query) -> str:
    return "write" if query.relation else "outside" if query.bypass_reason == "outside-mount" else "function"


@asynccontextmanager
async def _place_among(places: asyncio.Semaphore, seconds: float) -> AsyncIterator[None]:
    """One of ``places``. FaultError FANIN507 after ``seconds``, as for a connection of a pool."""
    try:
        async with asyncio.timeout(seconds):
            await places.acquire()
    except TimeoutError:
        raise FaultError("FANIN507") from None
    try:
        yield
    finally:
        places.release()
