"""Request pipeline: from parsed request to written response. The only file that knows every step."""

import asyncio

import msgspec

from proxy.errors.codes import FaultError
from proxy.errors.response import response_of
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone, StreamedAnswer
from proxy.model import Outcome, PendingRequest, Query
from proxy.observe.events import RequestAnswered
from proxy.path.chunking import with_long_list
from proxy.path.fingerprint import read_query
from proxy.path.identity import traceparent_of, with_peer
from proxy.path.target_cache import TargetCache
from proxy.postgrest.request.in_list import shortened
from proxy.recording.codec import salt_of
from proxy.server.server import ClientRequest
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.sidecar.forwarding import Forwarder
from proxy.sidecar.policy import Policy
from proxy.sidecar.request_context import LiteralHasher, RequestContext, SpanOptions
from proxy.traces.grouping import OpenTrace, TraceGrouper
from proxy.upstream.state import UpstreamState

SAVES = {Outcome.MERGED: "FAN001", Outcome.SHARED: "FAN003", Outcome.CHUNKED: "FAN005"}
"""By outcome, the rule whose calls answered."""


class Pipeline:
    """Handles requests one after another per connection, all connections at once."""

    def __init__(
        self, settings: Settings, policies: ByRequest[Policy], state: UpstreamState, traces: TraceGrouper, key: bytes
    ) -> None:
        self._policies = policies
        self._longest = settings.merge.max_url
        where = (state.context.mount.mount, settings.catalog.schemas[0], self._longest)
        self._targets = TargetCache(
            lambda method, target, head: read_query(method, target, head, *where), self._longest
        )
        self._forwarder = Forwarder(settings, state)
        self._observer = state.observer
        self._events = state.context.events
        self._clock = state.context.clock
        self._traces = traces
        self._key = key
        self._appends_peer = settings.forwarded == "append"
        self._traced = settings.mode != "pass"
        self._span_options = SpanOptions(
            LiteralHasher(salt_of(key)), settings.record.file is not None, settings.show_values
        )
        self._takes_parents = bool(settings.otlp.endpoint)
        self._row_keys = settings.detect.row_keys == "on" or (settings.detect.row_keys == "auto" and settings.debug)

    async def handle(self, request: ClientRequest) -> bool:
        """Answer ``request``; True when its connection can carry another."""
        if self._appends_peer:
            head = with_peer(request.head, request.client.peer.encode(), self._key)
            request = msgspec.structs.replace(request, head=head)
        query = self._read(request)
        context = RequestContext(request, query, query.bypass_reason)
        if self._row_keys and query.relation and request.line.method in (b"GET", b"POST"):
            context.answer.key_bytes = bytearray()
        trace = None
        if self._traced and not request.head.websocket:
            trace = context.trace = self._traces.begin(request.head, request.client.peer, request.arrived)
        try:
            return await self._answer(context)
        except FaultError as error:
            return self._fail(context, error)
        except asyncio.CancelledError:
            context.outcome = Outcome.GONE
            raise
        except (ConnectionError, TimeoutError):  # it left, or took no byte for timeouts.write_stall
            context.outcome = Outcome.GONE
            request.client.abort()
            return False
        except Exception as error:
            self._events.bug("a request could not be handled", error)
            return self._fail(context, FaultError("FANIN599"))
        finally:
            self._close(context, trace)

    def _read(self, request: ClientRequest) -> Query:
        line, longest = request.line, self._longest
        if len(line.target) <= longest:
            return self._targets.read(line.method, line.target, request.head)
        short, place = shortened(line.target, longest)
        return with_long_list(self._targets.read(line.method, short, request.head), line.target, place)

    # The ways to an answer, in the order in which they are tried.

    async def _answer(self, context: RequestContext) -> bool:
        request, query = context.request, context.query
        if request.head.websocket and request.line.method == b"GET":
            return await self._forwarder.tunnel(context)
        policy = self._policies.of(query.relation, request.head.route)
        pending = PendingRequest(query, request.head, request.arrived)
        reply = None
        if query.long_list is not None:
            reply = await self._chunked(context, policy, pending)
        if reply is None and policy.merges and query.bypass_reason is None:
            reply = await policy.merger.ask(pending)
        if reply is None:
            context.bypass_reason = context.bypass_reason or "mode"
            if policy.coalescer.takes(pending):
                reply = await policy.coalescer.ask(pending, context.bypass_reason)
        if reply is not None:
            return await self._deliver(context, policy, reply)
        if policy.shadow is None or query.bypass_reason is not None:
            return await self._forwarder.forward(context, "original")
        with policy.shadow.beside(pending, policy.merger.ask) as context.copy:
            return await self._forwarder.forward(context, "original")

    async def _chunked(self, context: RequestContext, policy: Policy, pending: PendingRequest) -> Reply | None:
        """The answer to a query with a long list; None where no chunk was fetched."""
        chunked = await policy.chunker.ask(pending)
        context.bypass_reason = chunked.bypass_reason
        upstream = context.upstream
        upstream.head_size, upstream.parts, upstream.seconds = chunked.head_size, chunked.calls, chunked.seconds
        return chunked.reply

    async def _deliver(self, context: RequestContext, policy: Policy, reply: Reply) -> bool:
        if isinstance(reply, BufferedAnswer):
            return self._serve(context, reply)
        if isinstance(reply, SendAlone):
            return await self._send_alone(context, policy, reply)
        context.upstream.call = reply.call
        context.saved_by = "FAN003" if reply.call else ""
        if isinstance(reply, StreamedAnswer):
            return await self._forwarder.pass_on(context, reply)
        return self._fail(context, reply.error)

    def _serve(self, context: RequestContext, served: BufferedAnswer) -> bool:
        own, answer, upstream, client = served.slice, context.answer, context.upstream, context.request.client
        context.outcome, context.saved_by, upstream.seconds = served.outcome, SAVES[served.outcome], served.seconds
        upstream.call, upstream.shared = served.call, served.shared
        answer.status, answer.rows = int(own.head[9:12]), own.rows
        answer.total = own.rows if context.request.head.exact_count else -1
        answer.add(own.body)
        answer.began = True
        last = context.request.last
        client.write(b"".join((own.head, self._forwarder.fanin_headers(context, last), b"\r\n", own.body)))
        return not last

    async def _send_alone(self, context: RequestContext, policy: Policy, alone: SendAlone) -> bool:
        began = self._clock()
        seconds = None
        try:
            waited = began - context.request.arrived
            if alone.is_fallback:
                context.outcome = Outcome.FALLBACK
                async with policy.fallbacks:
                    waited = self._clock() - context.request.arrived
                    keep = await self._forwarder.forward(context, "fallback", waited)
            else:
                context.bypass_reason = alone.reason
                keep = await self._forwarder.forward(context, "original", waited)
            seconds = self._clock() - began
            return keep
        finally:
            alone.slot.release(seconds)

    # Errors and spans.

    def _fail(self, context: RequestContext, error: FaultError) -> bool:
        """Send fanin's own error if the answer has not begun; else cut the connection, so that the client notices."""
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

    def _close(self, context: RequestContext, trace: OpenTrace | None) -> None:
        """Emit what happened. A bug of ours here does not fail the request."""
        now = self._clock()
        try:
            number = 0 if trace is None else len(trace.spans) + 1
            span = context.span(number, now, self._span_options, self._observer.max_rows)
            if trace is not None:
                self._traces.end(trace, span, now)
        except Exception as error:
            self._events.bug("a request could not be traced", error)
            return
        hop = max(0.0, now - context.request.arrived - context.upstream.seconds)
        name = context.request.head.trace or "" if trace is None else trace.id
        parent = traceparent_of(context.request.head.forwarded_lines) if self._takes_parents else b""
        self._events.emit(RequestAnswered(span, hop, name, context.fault, context.saved_by, parent))
