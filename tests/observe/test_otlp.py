"""Events become spans: calls are linked to the requests that they answered, in any order of events, within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from proxy.observe.events import CANCELLED, NO_ANSWER, RequestAnswered, UpstreamCalled, Warned
from proxy.observe.otlp import MAX_GROUPS, MAX_WAIT, SpanExporter
from proxy.settings.loading import load
from tests.rules.traces import span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from proxy.observe.events import Event

LINE = "GET /creators?id=eq.1"


class Exporter:
    """A SpanExporter with a manual clock, whose spans stay in memory."""

    def __init__(self, upstream: str = "http://db:3000") -> None:
        self.now = 100.0
        self.warned: list[Warned] = []
        settings = load({"otlp.endpoint": "http://127.0.0.1:1", "upstream": upstream}).settings
        self.spans = SpanExporter(settings, "1", self.warned.append, lambda: self.now)
        self._kept = InMemorySpanExporter()
        self.spans._sender._provider._active_span_processor._span_processors = ()
        self.spans._sender._provider.add_span_processor(SimpleSpanProcessor(self._kept))

    def emit(self, *events: Event) -> Exporter:
        for event in events:
            self.spans(event)
        return self

    def of(self, kind: SpanKind) -> list[ReadableSpan]:
        return [otel_span for otel_span in self._kept.get_finished_spans() if otel_span.kind is kind]

    @property
    def served(self) -> list[ReadableSpan]:
        return self.of(SpanKind.SERVER)

    @property
    def called(self) -> list[ReadableSpan]:
        return self.of(SpanKind.CLIENT)


def answered(call: int, shared: int = 1, status: int = 200) -> RequestAnswered:
    return RequestAnswered(replace(span(LINE, 1, start=99.0, end=100.0), call=call, shared=shared, status=status), 0.0)


def called(call: int, kind: str = "original", status: int = 200) -> UpstreamCalled:
    return UpstreamCalled("creators", kind, 0.5, status, call=call)


def id_of(otel_span: ReadableSpan) -> int:
    assert otel_span.context is not None
    return int(otel_span.context.span_id)


def parent_of(otel_span: ReadableSpan) -> int | None:
    return None if otel_span.parent is None else otel_span.parent.span_id


@pytest.mark.parametrize("events", [(called(1), answered(1)), (answered(1), called(1))])
def test_a_call_is_a_child_of_the_request_that_it_answered_in_any_order_of_events(events: tuple[Event, ...]) -> None:
    exporter = Exporter().emit(*events)
    (request,), (call,) = exporter.served, exporter.called
    assert parent_of(call) == id_of(request)
    assert not call.links
    assert call.start_time is not None
    assert call.end_time is not None
    assert call.end_time - call.start_time == 500_000_000


def test_a_call_waits_for_all_requests_that_it_answers_and_links_to_each() -> None:
    exporter = Exporter().emit(called(1, "merged"), *(answered(1, shared=3) for _ in range(2)))
    assert not exporter.called
    exporter.emit(answered(1, shared=3))
    (call,) = exporter.called
    assert [link.context.span_id for link in call.links] == [id_of(otel_span) for otel_span in exporter.served]
    assert parent_of(call) == id_of(exporter.served[0])


def test_the_calls_of_a_chunked_list_are_children_of_its_request() -> None:
    exporter = Exporter().emit(called(1, "part"), called(1, "part"), called(1, "part"), answered(1))
    assert [parent_of(call) for call in exporter.called] == [id_of(exporter.served[0])] * 3


def test_concurrent_calls_are_not_mixed_up() -> None:
    exporter = Exporter().emit(called(1), called(2), answered(2), answered(1))
    assert [parent_of(call) for call in exporter.called] == [id_of(otel_span) for otel_span in exporter.served]


@pytest.mark.parametrize("kind", ["types", "shadow"])
def test_a_call_that_answers_no_request_is_a_root_span(kind: str) -> None:
    (call,) = Exporter().emit(called(0 if kind == "types" else 7, kind)).called
    assert call.parent is None
    assert call.attributes is not None
    assert call.attributes["fanin.kind"] == kind


def test_a_call_waits_a_limited_time_for_requests_whose_client_left() -> None:
    exporter = Exporter().emit(called(1, "merged"), answered(1, shared=3), called(2, "merged"))
    exporter.now += MAX_WAIT
    exporter.emit(answered(3))
    assert len(exporter.called) == 2
    assert [len(call.links) for call in exporter.called] == [0, 0]
    assert parent_of(exporter.called[0]) == id_of(exporter.served[0])
    assert exporter.called[1].parent is None


def test_the_number_of_waiting_calls_is_bounded() -> None:
    exporter = Exporter().emit(*(called(n + 1) for n in range(MAX_GROUPS + 3)))
    assert len(exporter.called) == 3


async def test_close_makes_spans_of_all_waiting_calls() -> None:
    exporter = Exporter().emit(called(1))
    await exporter.spans.close()
    assert len(exporter.called) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(404, "404"), (503, "503"), (NO_ANSWER, "no_answer"), (CANCELLED, "cancelled"), (200, None)]
)
def test_a_failed_call_has_an_error_type(status: int, error: str | None) -> None:
    (call,) = Exporter().emit(called(0, status=status)).called
    assert call.attributes is not None
    assert call.attributes.get("error.type") == error
    assert (call.status.status_code is StatusCode.ERROR) == (error is not None)


def test_a_4xx_is_not_an_error_of_the_server_span() -> None:
    first, second = Exporter().emit(answered(0, status=404), answered(0, status=500)).served
    assert first.status.status_code is StatusCode.UNSET
    assert second.status.status_code is StatusCode.ERROR


@pytest.mark.parametrize(
    ("upstream", "address"),
    [
        ("http://db:3000/base", ("http", "db", 3000)),
        ("https://x.supabase.co", ("https", "x.supabase.co", 443)),
        ("unix:/run/postgrest.sock", ("http", "/run/postgrest.sock", None)),
    ],
)
def test_a_call_has_the_address_of_upstream(upstream: str, address: tuple[str, str, int | None]) -> None:
    (call,) = Exporter(upstream).emit(called(0)).called
    attributes = call.attributes
    assert attributes is not None
    assert (attributes["url.scheme"], attributes["server.address"], attributes.get("server.port")) == address


def test_a_name_that_postgrest_never_accepted_is_in_no_span() -> None:
    refused = replace(span("SECRET /secret?secret=eq.1", 1), status=404, method="SECRET", call=1)
    exporter = Exporter().emit(
        RequestAnswered(refused, 0.0), UpstreamCalled("secret", "original", 0.1, 404, "SECRET", call=1)
    )
    for otel_span in (*exporter.served, *exporter.called):
        assert "secret" not in f"{otel_span.name} {dict(otel_span.attributes or {})}".lower()


@pytest.mark.parametrize("parent", [b"", b"nonsense", b"00-" + b"0" * 32 + b"-1-01", b"\xff"])
def test_without_a_valid_traceparent_a_request_starts_a_trace(parent: bytes) -> None:
    (request,) = Exporter().emit(replace(answered(0), parent=parent)).served
    assert request.parent is None
