"""The line that every request walks. The only file that knows it whole."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from proxy.errors.codes import FaultError
from proxy.errors.response import response_of
from proxy.http1.chunked import LAST_CHUNK, framed
from proxy.http1.framing import CHUNKED, UNTIL_CLOSE
from proxy.http1.head import HeaderField, StatusLine, first_value
from proxy.merging.waiters import BufferedAnswer, FailedCall, Reply, SendAlone, StreamedAnswer
from proxy.model import Outcome, PendingRequest, Query
from proxy.observe.events import RequestAnswered, Warned
from proxy.path.chunking import with_long_list
from proxy.path.fingerprint import read_query
from proxy.path.identity import parent_of, with_peer
from proxy.path.target_cache import TargetCache
from proxy.postgrest.request.in_list import shortened
from proxy.postgrest.response.content_range import rows_and_total
from proxy.recording.codec import salt_of
from proxy.server.head_cache import answer_lines
from proxy.server.server import ClientRequest
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.sidecar.policy import Policy, UpstreamState
from proxy.sidecar.request_context import LiteralHasher, RequestContext, SpanOptions
from proxy.traces.grouping import OpenTrace, TraceGrouper
from proxy.transport.tunnel import tunnel
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.client import UpstreamAnswer, UpstreamConnection, UpstreamRequest

if TYPE_CHECKING:
    from proxy.upstream.pool import ConnectionPool

SAVES = {Outcome.MERGED: "FAN001", Outcome.SHARED: "FAN003", Outcome.CHUNKED: "FAN005"}
"""By outcome, the rule whose calls answered."""
UseAnswer = Callable[[RequestContext, UpstreamAnswer], Awaitable[bool]]
"""What is done with an answer; True when the client's connection can carry another request."""


class Pipeline:
    """Handles requests one after another per connection, all connections at once."""

    def __init__(
        self, settings: Settings, terms: ByRequest[Policy], memory: UpstreamState, traces: TraceGrouper, key: bytes
    ) -> None:
        self._settings = settings
        self._terms = terms
        self._route = memory.mount
        self._longest = settings.merge.max_url
        words = (memory.mount.mount, settings.catalog.schemas[0], self._longest)
        self._queries = TargetCache(
            lambda method, target, head: read_query(method, target, head, *words), self._longest
        )
        self._upstream = memory.upstream
        self._lessons = memory.observer
        self._numbers = memory.numbers
        self._events = memory.events
        self._clock = memory.clock
        self._traces = traces
        self._key = key
        self._appends = settings.forwarded == "append"
        self._traced = settings.mode != "pass"
        self._keeping = SpanOptions(LiteralHasher(salt_of(key)), settings.record.file is not None, settings.show_values)
        self._takes_parents = bool(settings.otlp.endpoint)
        self._headers = settings.headers == "on" or (settings.headers == "auto" and settings.debug)
        self._shows = settings.detect.row_keys == "on" or (settings.detect.row_keys == "auto" and settings.debug)

    async def handle(self, request: ClientRequest) -> bool:
        """Answer ``request``; True when its connection can carry another."""
        if self._appends:
            head = with_peer(request.head, request.client.peer.encode(), self._key)
            request = msgspec.structs.replace(request, head=head)
        query = self._read(request)
        visit = RequestContext(request, query, query.bypass_reason)
        if self._shows and visit.query.relation and request.line.method in (b"GET", b"POST"):
            visit.key_bytes = bytearray()
        trace = None
        if self._traced and not request.head.websocket:
            trace = visit.trace = self._traces.begin(request.head, request.client.peer, request.arrived)
        try:
            return await self._answer(visit)
        except FaultError as error:
            return self._fail(visit, error)
        except asyncio.CancelledError:
            visit.outcome = Outcome.GONE
            raise
        except (ConnectionError, TimeoutError):  # it left, or took no byte for timeouts.write_stall
            visit.outcome = Outcome.GONE
            request.client.abort()
            return False
        except Exception as error:
            self._events.emit(Warned("a request could not be handled", "This is a bug: report it.", error))
            return self._fail(visit, FaultError("FANIN599"))
        finally:
            self._close(visit, trace)

    def _read(self, request: ClientRequest) -> Query:
        line, longest = request.line, self._longest
        if len(line.target) <= longest:
            return self._queries.read(line.method, line.target, request.head)
        short, place = shortened(line.target, longest)
        return with_long_list(self._queries.read(line.method, short, request.head), line.target, place)

    async def _answer(self, visit: RequestContext) -> bool:
        request, query = visit.request, visit.query
        if request.head.websocket and request.line.method == b"GET":
            return await self._tunnel(visit)
        terms = self._terms.of(query.relation, request.head.route)
        if query.long_list is not None and (reply := await terms.chunker.ask(visit)) is not None:
            return await self._end(visit, reply, terms)
        member = PendingRequest(query, request.head, request.arrived)
        if query.bypass_reason is None and terms.merges:
            return await self._end(visit, await terms.merger.ask(member), terms)
        visit.bypass_reason = visit.bypass_reason or "mode"
        if terms.coalescer.takes(member):
            return await self._end(visit, await terms.coalescer.ask(member, visit.bypass_reason), terms)
        if terms.shadow is None or query.bypass_reason is not None:
            return await self._forward(visit, None)
        with terms.shadow.beside(member, terms.merger.ask) as visit.copy:
            return await self._forward(visit, None)

    async def _end(self, visit: RequestContext, reply: Reply, terms: Policy) -> bool:
        if isinstance(reply, BufferedAnswer):
            return self._serve(visit, reply)
        if isinstance(reply, SendAlone):
            return await self._go_alone(visit, reply, terms)
        visit.call = reply.call
        visit.saved_by = "FAN003" if reply.call else ""
        if isinstance(reply, FailedCall):
            return self._fail(visit, reply.error)
        return await self._pass_on(visit, reply)

    # Together with others.

    def _serve(self, visit: RequestContext, served: BufferedAnswer) -> bool:
        share = served.slice
        visit.outcome, visit.saved_by, visit.upstream_seconds = served.outcome, SAVES[served.outcome], served.seconds
        visit.call, visit.shared = served.call, served.shared
        visit.status, visit.rows = int(share.head[9:12]), share.rows
        visit.total = share.rows if visit.request.head.counted else -1
        visit.show(share.body)
        visit.began_answer = True
        last = visit.request.last
        visit.request.client.write(b"".join((share.head, self._extra(visit, last), b"\r\n", share.body)))
        return not last

    async def _pass_on(self, visit: RequestContext, own: StreamedAnswer) -> bool:
        began = self._clock()
        visit.status, visit.waited = own.answer.status, own.seconds
        try:
            return await self._relay(visit, own.answer, own.data)
        finally:
            own.done()
            visit.upstream_seconds = own.seconds + self._clock() - began

    # Alone.

    async def _go_alone(self, visit: RequestContext, ticket: SendAlone, terms: Policy) -> bool:
        began = self._clock()
        try:
            if ticket.is_fallback:
                visit.outcome = Outcome.FALLBACK
                async with terms.fallbacks:
                    keep = await self._forward(visit, ticket)
            else:
                visit.bypass_reason = ticket.reason
                keep = await self._forward(visit, ticket)
        except BaseException:
            ticket.done(None)
            raise
        ticket.done(self._clock() - began)
        return keep

    async def _forward(self, visit: RequestContext, ticket: SendAlone | None) -> bool:
        """Stream the request up and the answer down, as they are."""
        request, upstream = visit.request, self._upstream
        inside = self._route.on_mount(request.line.target)
        kind = "fallback" if ticket is not None and ticket.is_fallback else "original"
        outgoing = self._outgoing(request)
        if ticket is not None:
            outgoing = msgspec.structs.replace(outgoing, already_waited=self._clock() - request.arrived)
        lane = upstream.calls if inside else upstream.others
        return await self._exchange(visit, lane, outgoing, kind if inside else "outside", self._relay)

    async def _exchange(
        self,
        visit: RequestContext,
        lane: "ConnectionPool[UpstreamConnection]",
        outgoing: UpstreamRequest,
        kind: str,
        use: UseAnswer,
    ) -> bool:
        note = CallLabels(kind, visit.query.method, visit.query.relation, number=next(self._numbers))
        call = ObservedCall(self._upstream, lane, outgoing, note, self._events, self._clock)
        try:
            async with call as answer:
                visit.status, visit.waited = answer.status, call.seconds
                return await use(visit, answer)
        finally:
            visit.upstream_seconds += call.seconds
            if call.sent:
                visit.call = note.number

    def _outgoing(self, request: ClientRequest, more: bytes = b"") -> UpstreamRequest:
        line, client = request.line, request.client
        target = self._route.upstream_target(line.target)
        first_line = b"%b %b HTTP/1.%d\r\n" % (line.method, target, line.minor)
        head = b"".join((first_line, request.head.forward, more, b"\r\n"))

        def interim(status: StatusLine, fields: tuple[HeaderField, ...]) -> None:
            client.write(answer_lines(status.line, fields) + b"\r\n")

        body = None if request.head.framing == 0 else request.body
        modern = line.minor == 1  # an HTTP/1.0 client knows no 1xx (RFC 9110 §15.2)
        return UpstreamRequest(line.method, head, body, interim if modern else None, keep=modern)

    async def _relay(self, visit: RequestContext, answer: UpstreamAnswer, begun: bytes = b"") -> bool:
        """Stream an answer down, of whose body ``begun`` was read before."""
        request, client = visit.request, visit.request.client
        framing = answer.body.framing
        chunked = framing == CHUNKED and request.line.minor == 1
        keep = framing != UNTIL_CLOSE and answer.line.minor == 1 and (chunked or framing != CHUNKED)
        last = not keep or request.last or not request.body.done
        head = answer_lines(answer.line.line, answer.fields, drop_chunked=framing == CHUNKED and not chunked)
        data = begun + answer.body.ready()
        whole = data if answer.body.done else None
        visit.rows = self._lessons.observe(visit.query, request.head, answer.line, answer.fields, whole)
        if visit.copy is not None:
            visit.copy.begin(answer.line, answer.fields, data)
        pending = head + self._extra(visit, last) + b"\r\n" + framed(data, chunked)
        visit.began_answer = True
        visit.show(data)
        if request.head.counted:
            total = rows_and_total(first_value(answer.fields, b"content-range"))[1]
            visit.total = -1 if total is None else total
        stall = self._settings.timeouts.write_stall
        if not answer.body.done:
            client.write(pending)
            pending = b""
            async for piece in answer.pieces():
                visit.show(piece)
                if visit.copy is not None:
                    visit.copy.add(piece)
                client.write(framed(piece, chunked))
                await client.drain(stall)
        client.write(pending + (LAST_CHUNK if chunked else b""))
        return not last

    # WebSockets.

    async def _tunnel(self, visit: RequestContext) -> bool:
        call = self._outgoing(visit.request, b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
        call = msgspec.structs.replace(call, keep=False, upgrade=True)
        return await self._exchange(visit, self._upstream.tunnels, call, "tunnel", self._upgraded)

    async def _upgraded(self, visit: RequestContext, answer: UpstreamAnswer) -> bool:
        client = visit.request.client
        if answer.status != 101:
            return await self._relay(visit, answer)
        visit.began_answer = True
        lines = b"".join(field.line + b"\r\n" for field in answer.fields)
        client.write(answer.line.line + b"\r\n" + lines + b"\r\n")
        client.tunnelled = True
        await tunnel(client, answer.connection, self._settings.timeouts.write_stall)
        return False

    # Errors, headers, spans.

    def _fail(self, visit: RequestContext, error: FaultError) -> bool:
        """Say what went wrong, if the answer has not begun; else cut the connection, so that the client notices."""
        visit.outcome, visit.fault = Outcome.FAILED, error.fault.code
        request = visit.request
        if visit.began_answer:
            request.client.abort()
            return False
        visit.status = error.fault.status
        keep = request.body.done and not request.last
        cors = self._lessons.cors(request.head.origin)
        request.client.write(response_of(error, cors, keep=keep, method=request.line.method))
        return keep

    def _extra(self, visit: RequestContext, last: bool) -> bytes:
        """Header lines of our own: X-Fanin… where they are wanted, and Connection when this answer is the last."""
        closing = b"Connection: close\r\n" if last else b""
        if not self._headers:
            return closing
        return visit.fanin_headers(self._clock(), self._settings.debug).encode() + closing

    def _close(self, visit: RequestContext, trace: OpenTrace | None) -> None:
        """Tell what happened; a fault of ours in the telling is no fault of the request."""
        now = self._clock()
        try:
            number = 0 if trace is None else len(trace.spans) + 1
            span = visit.span(number, now, self._keeping, self._lessons.max_rows)
            if trace is not None:
                self._traces.end(trace, span, now)
        except Exception as error:
            self._events.emit(Warned("a request could not be traced", "This is a bug: report it.", error))
            return
        hop = max(0.0, now - visit.request.arrived - visit.upstream_seconds)
        name = visit.request.head.trace or "" if trace is None else trace.id
        parent = parent_of(visit.request.head.forward) if self._takes_parents else b""
        self._events.emit(RequestAnswered(span, hop, name, visit.fault, visit.saved_by, parent))
