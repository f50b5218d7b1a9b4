"""Spans are sent beside everything else: bounded, counted, and given up in time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from proxy.observe.otlp_sender import Sender, _Counted, _Gate, _resource, traces_url
from proxy.settings.observability import OtlpSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"),
    ],
)
def test_an_address_alone_has_otlps_own_path(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url


class Held(SpanExporter):
    """Answers when it is told to."""

    def __init__(self, result: Any = SpanExportResult.SUCCESS) -> None:
        self.result = result
        self.go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go.wait(20)
        if isinstance(self.result, Exception):
            raise self.result
        found: SpanExportResult = self.result
        return found

    def shutdown(self) -> None:
        self.go.set()


def send(held: Held, spans: int, room: int) -> tuple[_Counted, _Gate]:
    """Make ``spans`` while nothing gets through, then let all through."""
    counted = _Counted(held)
    gate = _Gate(counted, room)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(gate)
    for _ in range(spans):
        provider.get_tracer("t").start_span("s").end()
    held.go.set()
    provider.shutdown()
    return counted, gate


def test_every_span_is_sent_or_counted_as_dropped() -> None:
    counted, gate = send(Held(), spans=100, room=10)
    assert counted.sent + gate.dropped == 100
    assert 10 <= counted.sent <= 20


@pytest.mark.parametrize("result", [SpanExportResult.FAILURE, OSError("no")])
def test_what_the_collector_did_not_take_is_counted(result: object) -> None:
    counted, gate = send(Held(result), spans=5, room=100)
    assert (counted.failed, counted.sent, gate.dropped) == (5, 0, 0)
    assert counted.failing


def test_what_was_given_up_is_not_sent_any_more() -> None:
    held = Held()
    counted = _Counted(held)
    counted.give_up()
    assert held.go.is_set()
    assert counted.export(()) is SpanExportResult.FAILURE


async def test_an_end_without_spans_is_an_end() -> None:
    sender = Sender(OtlpSettings(endpoint="http://127.0.0.1:1"), "1")
    await sender.close()
    assert set(sender.counts().values()) == {0}


def test_the_service_is_called_fanin_unless_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _resource("1.2").attributes["service.name"] == "fanin"
    assert _resource("1.2").attributes["service.version"] == "1.2"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,deployment.environment.name=test")
    assert _resource("1.2").attributes["service.name"] == "shop"
    assert _resource("1.2").attributes["deployment.environment.name"] == "test"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "other")
    assert _resource("1.2").attributes["service.name"] == "other"
