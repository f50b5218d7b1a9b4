"""Sends a request upstream unchanged and streams the answer to the client: for all requests that are not merged.

Tests: tests/e2e/exactness/test_bytes.py.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from proxy.http1.chunked import LAST_CHUNK, frame_data
from proxy.http1.framing import CHUNKED, UNTIL_CLOSE, canonical_response
from proxy.http1.head import HeaderField, StatusLine, first_value
from proxy.merging.waiters import StreamedAnswer
from proxy.postgrest.response.content_range import rows_and_total
from proxy.server.client_connection import ClientConnection
from proxy.server.head_cache import answer_lines
from proxy.server.server import ClientRequest
from proxy.settings.model import Settings
from proxy.sidecar.request_context import RequestContext
from proxy.transport.tunnel import tunnel
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.client import UpstreamPool
from proxy.upstream.location import through_fanin
from proxy.upstream.messages import UpstreamAnswer, UpstreamRequest
from proxy.upstream.state import UpstreamState
from proxy.upstream.timeouts import CallPath

UseAnswer = Callable[[RequestContext, UpstreamAnswer], Awaitable[bool]]
"""Uses an answer. True if the client's connection can carry another request."""


class Forwarder:
    """Forwards requests. Its async methods return whether the client's connection can carry another request."""

    def __init__(self, settings: Settings, state: UpstreamState) -> None:
        self._stall = settings.timeouts.write_stall
        self._state = state
        self._context = state.context
        self._clock = state.context.clock
        self._debug = settings.debug
        self._upstream_name = state.context.client.address.authority if settings.upstream_host == "upstream" else b""
        self._headers = settings.headers == "on" or (settings.headers == "auto" and settings.debug)

    def forward(self, context: RequestContext, kind: str, already_waited: float = 0.0) -> Awaitable[bool]:
        """Forward the request over the pool for its path. ``kind`` is the label of a call on the mount;
        ``already_waited`` is the part of the timeout for the head, in seconds, that the client has waited.
        """
        client, inside = self._context.client, self._context.mount.on_mount(context.request.line.target)
        call = self._upstream_request(context.request, self._path_of(context.request, inside), already_waited)
        pool = client.calls if inside else client.others
        return self._exchange(context, pool, call, kind if inside else "outside", self.relay)

    async def pass_on(self, context: RequestContext, streamed: StreamedAnswer) -> bool:
        """Stream the answer of a shared call that only this request may get."""
        began = self._clock()
        context.answer.status, context.upstream.waited = streamed.answer.status, streamed.seconds
        try:
            return await self.relay(context, streamed.answer, streamed.data)
        finally:
            streamed.finish()
            context.upstream.seconds = streamed.seconds + self._clock() - began

    async def tunnel(self, context: RequestContext) -> bool:
        """Forward a WebSocket upgrade. After upstream's 101, copy bytes in both directions."""
        call = self._upstream_request(context.request, "upgrade", 0.0, b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
        call = msgspec.structs.replace(call, keep_alive=False, upgrade=True)
        return await self._exchange(context, self._context.client.tunnels, call, "tunnel", self._upgraded)

    def fanin_headers(self, context: RequestContext, last: bool) -> bytes:
        """fanin's own header lines: X-Fanin… if the settings want them, and ``Connection: close`` if ``last``."""
        closing = b"Connection: close\r\n" if last else b""
        if not self._headers:
            return closing
        return context.fanin_headers(self._clock(), self._debug).encode() + closing

    async def relay(self, context: RequestContext, answer: UpstreamAnswer, first: bytes = b"") -> bool:
        """Stream an answer to the client. ``first`` is the part of its body that was read already."""
        request, client, client_answer = context.request, context.request.client, context.answer
        framing = answer.body.framing
        chunked = framing == CHUNKED and request.line.minor == 1
        keep = framing != UNTIL_CLOSE and answer.line.minor == 1 and (chunked or framing != CHUNKED)
        last = not keep or request.last or not request.body.done
        fields = answer.fields
        if self._upstream_name and not self._context.mount.on_mount(request.line.target):
            fields = through_fanin(fields, self._upstream_name)
        if answer.head.as_received and fields is answer.fields and request.line.minor == 1:
            head = answer.head.as_received + b"\r\n"
        else:
            head = answer_lines(answer.line.line, fields, drop_chunked=request.line.minor == 0)
        data = first + answer.ready()
        self._observe(context, answer, data)
        pending = head + self.fanin_headers(context, last) + b"\r\n" + frame_data(data, chunked)
        client_answer.began = True
        client_answer.add(data)
        if not answer.body.done:
            client.write(pending)
            pending = b""
            async for piece in answer.pieces():
                client_answer.add(piece)
                if context.copy is not None:
                    context.copy.add(piece)
                client.write(frame_data(piece, chunked))
                await self._drain(context)
        client.write(pending + (LAST_CHUNK if chunked else b""))
        return not last

    async def _drain(self, context: RequestContext) -> None:
        """Wait for the client; not while others wait for the answer that it gets, which is held as a whole."""
        if context.fill is not None:
            if context.answer.remembered is not None:
                return
            context.fill.give_up(context.fill)
        await context.request.client.drain(self._stall)

    def _observe(self, context: RequestContext, answer: UpstreamAnswer, data: bytes) -> None:
        """Learn from an answer before it is passed on. ``data`` is the part of its body that has arrived."""
        head, body = context.request.head, data if answer.body.done else None
        context.answer.rows = self._state.observer.observe(context.query, head, answer.line, answer.fields, body)
        if context.copy is not None:
            context.copy.begin(answer.line, answer.fields, data)
        if context.fill is not None and answer.body.framing != UNTIL_CLOSE:
            context.fill.line, context.fill.fields = answer.line, answer.fields
        if context.answer.remembered is not None:
            context.answer.coding = first_value(answer.fields, b"content-encoding") or b""
        if head.exact_count:
            total = rows_and_total(first_value(answer.fields, b"content-range"))[1]
            context.answer.total = -1 if total is None else total

    async def _exchange(
        self,
        context: RequestContext,
        pool: UpstreamPool,
        request: UpstreamRequest,
        kind: str,
        use: UseAnswer,
    ) -> bool:
        query, number = context.query, next(self._state.numbers)
        labels = CallLabels(
            kind,
            query.method,
            query.relation,
            number=number,
            fingerprint=query.fingerprint if query.relation else "",
            function=b"" if query.relation else self._context.mount.function_of(query.target, query.path_end),
        )
        call = ObservedCall(self._context, pool, request, labels)
        try:
            async with call as answer:
                context.answer.status, context.upstream.waited = answer.status, call.seconds
                return await use(context, answer)
        finally:
            context.upstream.seconds += call.seconds
            if call.sent:
                context.upstream.call = labels.number

    def _upstream_request(
        self, request: ClientRequest, path: CallPath, already_waited: float, extra_lines: bytes = b""
    ) -> UpstreamRequest:
        line, client = request.line, request.client
        target = self._context.mount.upstream_target(line.target)
        first_line = b"%b %b HTTP/1.%d\r\n" % (line.method, target, line.minor)
        lines = request.head.forwarded_lines
        if path == "outside" and request.head.name_lines:
            lines = lines.removeprefix(request.head.name_lines)
        head = b"".join((first_line, lines, extra_lines, b"\r\n"))
        body = None if request.head.body_framing == 0 else request.body
        is_http11 = line.minor == 1
        return UpstreamRequest(
            line.method,
            head,
            body,
            partial(self._send_interim, client) if is_http11 else None,  # HTTP/1.0 has no 1xx (RFC 9110 §15.2)
            keep_alive=is_http11,
            already_waited=already_waited,
            path=path,
            retry=request.head.retry,
        )

    async def _send_interim(
        self, client: ClientConnection, status: StatusLine, fields: tuple[HeaderField, ...]
    ) -> None:
        """Pass an answer with a status below 200 on to ``client``."""
        lines = canonical_response(status, fields)
        client.write(answer_lines(status.line, lines) + b"\r\n")
        await client.drain(self._stall)

    def _path_of(self, request: ClientRequest, inside: bool) -> CallPath:
        """Which timeouts apply; ``inside``: whether the target is on the mount."""
        if not inside:
            return "outside"
        return "rpc" if self._context.mount.is_function(request.line.target) else "relation"

    async def _upgraded(self, context: RequestContext, answer: UpstreamAnswer) -> bool:
        client = context.request.client
        if answer.status != 101:
            return await self.relay(context, answer)
        context.answer.began = True
        lines = b"".join(field.line + b"\r\n" for field in answer.fields)
        client.write(answer.line.line + b"\r\n" + lines + b"\r\n")
        client.tunnelled = True
        await tunnel(client, answer.connection, self._stall)
        return False
