"""Makes OpenTelemetry spans of events: one per request and one per upstream call, linked to the requests it answered.

Each call is also counted in the metric ``db.client.operation.duration``. ``otlp_attributes`` has names and attributes.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from proxy.observe.events import CANCELLED, NO_ANSWER, Event, RequestAnswered, UpstreamCalled, Warned
from proxy.observe.otlp_attributes import Capped, Describer
from proxy.observe.otlp_sender import Sender
from proxy.settings.model import Settings

MAX_GROUPS = 4096
"""Maximum number of calls that wait for the events of the requests they answered."""
MAX_WAIT = 5.0
"""Seconds that a call waits for these events: a request without an event by then has lost its client."""

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
        self,
        settings: Settings,
        version: str,
        warn: Callable[[Warned], None],
        clock: Callable[[], float],
        mount: Callable[[], str] = lambda: "/",
    ) -> None:
        self._sender = Sender(settings.otlp, version)
        self._warn = warn
        self._clock = clock
        self._describe = Describer(settings, mount, clock)
        self._collections = Capped(settings.limits.relations)
        self._groups: OrderedDict[int, _Group] = OrderedDict()
        self._warned: set[str] = set()
        """What does not arrive, and was warned of."""

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
        self._describe.names.learn([span])
        name, attributes = self._describe.request_start(event)
        parent = W3C.extract({"traceparent": event.parent.decode("ascii", "replace")}) if event.parent else Context()
        otel_span = self._sender.tracer.start_span(
            name,
            context=parent,
            kind=SpanKind.SERVER,
            attributes=attributes,
            start_time=ended - round(1e9 * (span.end - span.start)),
        )
        if otel_span.is_recording():
            otel_span.set_attributes(self._describe.request_more(event))
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
        self._count(called)
        end = self._wall(ended)
        name, attributes = self._describe.call_start(called)
        otel_span = self._sender.tracer.start_span(
            name,
            context=set_span_in_context(NonRecordingSpan(first[0]), Context()) if first else Context(),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            links=[Link(context) for context in answered] if len(answered) > 1 else None,
            start_time=end - round(1e9 * called.seconds),
        )
        if otel_span.is_recording():
            otel_span.set_attributes(self._describe.call_more(called, len(answered)))
        if called.status in (NO_ANSWER, CANCELLED) or called.status >= 400:
            otel_span.set_status(Status(StatusCode.ERROR))
        otel_span.end(end)

    # Times and failures.

    def _wall(self, moment: float) -> int:
        """A moment of the monotonic clock, in nanoseconds since 1970."""
        return time.time_ns() - round(1e9 * (self._clock() - moment))

    def _count(self, called: UpstreamCalled) -> None:
        """Count a call in the metric."""
        if self._sender.durations is None:
            return
        attributes = self._describe.metric(called, self._collections)
        if attributes is not None:
            self._sender.durations.record(called.seconds, attributes)

    def _warn_of_failure(self) -> None:
        """Warn once per series of failed exports."""
        durations = self._sender.durations
        self._warn_if(
            self._sender.failing,
            "spans",
            "Check otlp.endpoint and the collector; requests are not delayed. See fanin_otlp_spans_total.",
        )
        self._warn_if(
            durations is not None and durations.failing,
            "metrics",
            "Check otlp.endpoint and the collector, or set otlp.metrics to false; requests are not delayed.",
        )

    def _warn_if(self, failing: bool, what: str, remedy: str) -> None:
        if failing and what not in self._warned:
            self._warn(Warned(f"the collector does not accept {what}", remedy))
            self._warned.add(what)
        elif not failing:
            self._warned.discard(what)
