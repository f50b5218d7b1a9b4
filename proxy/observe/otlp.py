"""Makes OpenTelemetry spans of events: one per request and one per upstream call, linked to the requests it answered.

Names and attributes follow https://opentelemetry.io/docs/specs/semconv/http/http-spans/; fanin's own attributes begin
with ``fanin.``. Spans contain no values of requests.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from proxy.analysis.spans import has_confirmed_names
from proxy.observe.confirmed_names import METHODS, ConfirmedNames
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, RequestAnswered, UpstreamCalled, Warned
from proxy.observe.otlp_sender import Sender
from proxy.settings.model import Settings

MAX_GROUPS = 4096
"""Maximum number of calls that wait for the events of the requests they answered."""
MAX_WAIT = 5.0
"""Seconds that a call waits for these events: a request without an event by then has lost its client."""

Attributes = dict[str, AttributeValue]
W3C = TraceContextTextMapPropagator()


class _Group:
    """The upstream calls with one call number, and the requests that they answered."""

    def __init__(self, now: float) -> None:
        self.since = now
        self.calls: list[tuple[UpstreamCalled, float]] = []
        """Each call with its end."""
        self.answered: list[SpanContext] = []
        self.expected = 1

    @property
    def complete(self) -> bool:
        return bool(self.calls) and len(self.answered) >= self.expected


class SpanExporter:
    """An observer that makes spans. It calls ``warn`` when the collector does not accept them."""

    def __init__(
        self, settings: Settings, version: str, warn: Callable[[Warned], None], clock: Callable[[], float]
    ) -> None:
        self._sender = Sender(settings.otlp, version)
        self._warn = warn
        self._clock = clock
        self._names = ConfirmedNames()
        self._groups: OrderedDict[int, _Group] = OrderedDict()
        self._has_warned = False
        self._own_address = _address(f"http://{settings.listen}")
        self._upstream_address = _address(settings.upstream)

    def __call__(self, event: Event) -> None:
        if isinstance(event, RequestAnswered):
            self._answered(event)
        elif isinstance(event, UpstreamCalled):
            self._called(event)
        else:
            return
        self._release_older_than(self._clock() - MAX_WAIT)
        self._warn_of_failure()

    @property
    def held_bytes(self) -> int:
        """Estimated bytes of the spans that wait to be sent."""
        return self._sender.held_bytes

    def counts(self) -> dict[tuple[str, ...], float]:
        """Number of spans by result: sent, failed, dropped."""
        return self._sender.counts()

    async def close(self) -> None:
        """Make and send all remaining spans."""
        self._release_older_than(float("inf"))
        await self._sender.close()

    def _answered(self, event: RequestAnswered) -> None:
        span, ended = event.span, self._wall(event.span.end)
        self._names.learn([span])
        parent = W3C.extract({"traceparent": event.parent.decode("ascii", "replace")}) if event.parent else Context()
        otel_span = self._sender.tracer.start_span(
            self._name(span.method, span.relation, span.status),
            context=parent,
            kind=SpanKind.SERVER,
            start_time=ended - round(1e9 * (span.end - span.start)),
        )
        if otel_span.is_recording():
            otel_span.set_attributes(self._request_attributes(event))
        if span.status >= 500 or event.fault:
            otel_span.set_status(Status(StatusCode.ERROR))
        otel_span.end(ended)
        if span.call:
            group = self._group(span.call)
            group.expected = span.shared
            group.answered.append(otel_span.get_span_context())
            self._finish(span.call, group)

    def _called(self, event: UpstreamCalled) -> None:
        if not event.call or event.kind == "shadow":
            self._make_call_span(event, self._clock(), [])
            return
        group = self._group(event.call)
        group.calls.append((event, self._clock()))
        self._finish(event.call, group)

    # Groups of calls and the requests that they answered.

    def _group(self, number: int) -> _Group:
        group = self._groups.get(number)
        if group is None:
            group = self._groups[number] = _Group(self._clock())
        return group

    def _finish(self, number: int, group: _Group) -> None:
        if group.complete:
            self._release(number)

    def _release(self, number: int) -> None:
        group = self._groups.pop(number)
        for called, ended in group.calls:
            self._make_call_span(called, ended, group.answered)

    def _release_older_than(self, before: float) -> None:
        while self._groups:
            number, group = next(iter(self._groups.items()))
            if group.since > before and len(self._groups) <= MAX_GROUPS:
                return
            self._release(number)

    def _make_call_span(self, called: UpstreamCalled, ended: float, answered: list[SpanContext]) -> None:
        """The span of a call, as a child of the first request that it answered, with links to all of several.

        It is sampled if the trace of a request is.
        """
        sampled = [context for context in answered if context.trace_flags.sampled]
        first = (sampled or answered)[:1]
        end = self._wall(ended)
        otel_span = self._sender.tracer.start_span(
            self._name(called.method, called.relation, called.status),
            context=set_span_in_context(NonRecordingSpan(first[0]), Context()) if first else Context(),
            kind=SpanKind.CLIENT,
            links=[Link(context) for context in answered] if len(answered) > 1 else None,
            start_time=end - round(1e9 * called.seconds),
        )
        if otel_span.is_recording():
            otel_span.set_attributes(self._call_attributes(called, len(answered)))
        if called.status in (NO_ANSWER, CANCELLED) or called.status >= 400:
            otel_span.set_status(Status(StatusCode.ERROR))
        otel_span.end(end)

    # Names and attributes.

    def _request_attributes(self, event: RequestAnswered) -> Attributes:
        span = event.span
        attributes = (
            self._own_address
            | _http(span.method, span.status)
            | {
                "http.response.body.size": span.size,
                "fanin.outcome": span.outcome.value,
                "fanin.fingerprint": self._names.fingerprint_of(span),
                "fanin.shared": span.shared,
            }
        )
        optional = {"fanin.call": span.call, "fanin.bypass_reason": span.bypass_reason, "fanin.rule": event.saves}
        optional["fanin.fallback_reason"] = span.fallback_reason
        optional |= {"fanin.trace": event.trace, "fanin.caller": span.caller, "fanin.retry": span.retry}
        attributes |= {name: value for name, value in optional.items() if value}
        if span.rows >= 0:
            attributes["db.response.returned_rows"] = span.rows
        if has_confirmed_names(span) and span.relation:
            attributes["db.collection.name"] = span.relation
        if event.fault or span.status >= 500:
            attributes["error.type"] = event.fault or str(span.status)
        return attributes

    def _call_attributes(self, called: UpstreamCalled, answered: int) -> Attributes:
        attributes = (
            self._upstream_address
            | _http(called.method, called.status)
            | {
                "db.system.name": "postgresql",
                "fanin.kind": called.kind,
            }
        )
        if called.call:
            attributes["fanin.call"] = called.call
        if answered > 1:
            attributes["db.operation.batch.size"] = answered
        if _is_confirmed(called.method, called.relation, called.status):
            attributes["db.collection.name"] = called.relation
        if called.status == NO_ANSWER:
            attributes["error.type"] = "no answer"
        elif called.status == CANCELLED:
            attributes["error.type"] = "cancelled"
        elif called.status >= 400:
            attributes["error.type"] = str(called.status)
        return attributes

    def _name(self, method: str, relation: str, status: int) -> str:
        known_method = method if method in METHODS else "HTTP"
        return f"{known_method} {relation}" if _is_confirmed(method, relation, status) else known_method

    def _wall(self, moment: float) -> int:
        """A moment of the monotonic clock, in nanoseconds since 1970."""
        return time.time_ns() - round(1e9 * (self._clock() - moment))

    def _warn_of_failure(self) -> None:
        """Warn once per series of failed exports."""
        failing = self._sender.failing
        if failing and not self._has_warned:
            remedy = "Check otlp.endpoint and the collector; requests are not delayed. See fanin_otlp_spans_total."
            self._warn(Warned("the collector does not accept spans", remedy))
        self._has_warned = failing


def _http(method: str, status: int) -> Attributes:
    attributes: Attributes = {"http.request.method": method if method in METHODS else "_OTHER"}
    if status > 0:
        attributes["http.response.status_code"] = status
    return attributes


def _is_confirmed(method: str, relation: str, status: int) -> bool:
    """Whether PostgREST has accepted ``relation`` as a name."""
    return bool(relation) and 200 <= status < 300 and method != "OPTIONS"


def _address(url: str) -> Attributes:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return {"url.scheme": "http", "server.address": parts.path, "network.transport": "unix"}
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"url.scheme": parts.scheme, "server.address": parts.hostname or "", "server.port": port}
