"""Spans for a tracing back end: one for each request, one for each upstream call, and which call answered whom.

Names and attributes are OpenTelemetry's (https://opentelemetry.io/docs/specs/semconv/http/http-spans/), fanin's own
begin with ``fanin.``. No value of a request is in them.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from proxy.observe.confirmed_names import METHODS, ConfirmedNames, is_confirmed
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, RequestAnswered, UpstreamCalled, Warned
from proxy.observe.otlp_sender import Sender
from proxy.settings.model import Settings

MOST = 4096
"""Calls that wait for the word of those they answered."""
PATIENCE = 5.0
"""Seconds after which nobody's word is waited for any more: whoever has not told left without its answer."""

Attributes = dict[str, AttributeValue]
W3C = TraceContextTextMapPropagator()


class _Group:
    """The calls of one number, and the requests that they answered."""

    def __init__(self, now: float) -> None:
        self.since = now
        self.calls: list[tuple[UpstreamCalled, float]] = []
        """Each with the time of its end."""
        self.answered: list[SpanContext] = []
        self.expected = 1

    @property
    def complete(self) -> bool:
        return bool(self.calls) and len(self.answered) >= self.expected


class SpanExporter:
    """An observer that makes spans. ``warn`` is told when the collector does not take them."""

    def __init__(
        self, settings: Settings, version: str, warn: Callable[[Warned], None], clock: Callable[[], float]
    ) -> None:
        self._sender = Sender(settings.otlp, version)
        self._warn = warn
        self._clock = clock
        self._names = ConfirmedNames()
        self._groups: OrderedDict[int, _Group] = OrderedDict()
        self._told = False
        self._here = _address(f"http://{settings.listen}")
        self._there = _address(settings.upstream)

    def __call__(self, event: Event) -> None:
        if isinstance(event, RequestAnswered):
            self._answered(event)
        elif isinstance(event, UpstreamCalled):
            self._called(event)
        else:
            return
        self._give_up_waiting(self._clock() - PATIENCE)
        self._tell()

    def counts(self) -> dict[tuple[str, ...], float]:
        """All spans so far, by what became of them."""
        return self._sender.counts()

    async def close(self) -> None:
        """Send what there is."""
        self._give_up_waiting(float("inf"))
        await self._sender.close()

    def _answered(self, event: RequestAnswered) -> None:
        span, ended = event.span, self._wall(event.span.end)
        self._names.learn([span])
        parent = W3C.extract({"traceparent": event.parent.decode("ascii", "replace")}) if event.parent else Context()
        made = self._sender.tracer.start_span(
            self._name(span.method, span.relation, span.status),
            context=parent,
            kind=SpanKind.SERVER,
            start_time=ended - round(1e9 * (span.end - span.start)),
        )
        if made.is_recording():
            made.set_attributes(self._of_request(event))
        if span.status >= 500 or event.fault:
            made.set_status(Status(StatusCode.ERROR))
        made.end(ended)
        if span.call:
            group = self._group(span.call)
            group.expected = span.shared
            group.answered.append(made.get_span_context())
            self._finish(span.call, group)

    def _called(self, event: UpstreamCalled) -> None:
        if not event.call or event.kind == "shadow":
            self._make(event, self._clock(), [])
            return
        group = self._group(event.call)
        group.calls.append((event, self._clock()))
        self._finish(event.call, group)

    # Which call answered whom.

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
            self._make(called, ended, group.answered)

    def _give_up_waiting(self, before: float) -> None:
        while self._groups:
            number, group = next(iter(self._groups.items()))
            if group.since > before and len(self._groups) <= MOST:
                return
            self._release(number)

    def _make(self, called: UpstreamCalled, ended: float, answered: list[SpanContext]) -> None:
        """The span of a call: within the first request that it answered, with links to all when it answered several.

        Where the callers' traces are not sampled, it is not either.
        """
        sampled = [context for context in answered if context.trace_flags.sampled]
        first = (sampled or answered)[:1]
        end = self._wall(ended)
        made = self._sender.tracer.start_span(
            self._name(called.method, called.relation, called.status),
            context=set_span_in_context(NonRecordingSpan(first[0]), Context()) if first else Context(),
            kind=SpanKind.CLIENT,
            links=[Link(context) for context in answered] if len(answered) > 1 else None,
            start_time=end - round(1e9 * called.seconds),
        )
        if made.is_recording():
            made.set_attributes(self._of_call(called, len(answered)))
        if called.status in (NO_ANSWER, CANCELLED) or called.status >= 400:
            made.set_status(Status(StatusCode.ERROR))
        made.end(end)

    # What is told.

    def _of_request(self, event: RequestAnswered) -> Attributes:
        span = event.span
        told = (
            self._here
            | _http(span.method, span.status)
            | {
                "http.response.body.size": span.size,
                "fanin.outcome": span.outcome.value,
                "fanin.fingerprint": self._names.of(span),
                "fanin.shared": span.shared,
            }
        )
        more = {"fanin.call": span.call, "fanin.bypass_reason": span.bypass_reason, "fanin.rule": event.saves}
        more |= {"fanin.trace": event.trace, "fanin.caller": span.caller, "fanin.retry": span.retry}
        told |= {name: value for name, value in more.items() if value}
        if span.rows >= 0:
            told["db.response.returned_rows"] = span.rows
        if is_confirmed(span) and span.relation:
            told["db.collection.name"] = span.relation
        if event.fault or span.status >= 500:
            told["error.type"] = event.fault or str(span.status)
        return told

    def _of_call(self, called: UpstreamCalled, answered: int) -> Attributes:
        told = (
            self._there
            | _http(called.method, called.status)
            | {
                "db.system.name": "postgresql",
                "fanin.kind": called.kind,
            }
        )
        if called.call:
            told["fanin.call"] = called.call
        if answered > 1:
            told["db.operation.batch.size"] = answered
        if _is_known(called.method, called.relation, called.status):
            told["db.collection.name"] = called.relation
        if called.status == NO_ANSWER:
            told["error.type"] = "no answer"
        elif called.status == CANCELLED:
            told["error.type"] = "cancelled"
        elif called.status >= 400:
            told["error.type"] = str(called.status)
        return told

    def _name(self, method: str, relation: str, status: int) -> str:
        known = method if method in METHODS else "HTTP"
        return f"{known} {relation}" if _is_known(method, relation, status) else known

    def _wall(self, moment: float) -> int:
        """Nanoseconds since 1970 of a moment of the clock."""
        return time.time_ns() - round(1e9 * (self._clock() - moment))

    def _tell(self) -> None:
        failing = self._sender.failing
        if failing and not self._told:
            remedy = "Check otlp.endpoint and the collector; traffic is not held up. See fanin_otlp_spans_total."
            self._warn(Warned("the collector does not take spans", remedy))
        self._told = failing


def _http(method: str, status: int) -> Attributes:
    told: Attributes = {"http.request.method": method if method in METHODS else "_OTHER"}
    if status > 0:
        told["http.response.status_code"] = status
    return told


def _is_known(method: str, relation: str, status: int) -> bool:
    """Whether upstream took ``relation`` for a name."""
    return bool(relation) and 200 <= status < 300 and method != "OPTIONS"


def _address(url: str) -> Attributes:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return {"url.scheme": "http", "server.address": parts.path, "network.transport": "unix"}
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"url.scheme": parts.scheme, "server.address": parts.hostname or "", "server.port": port}
