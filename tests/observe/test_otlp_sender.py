"""Spans are sent in a separate thread, queued up to a limit, counted by result, and dropped after the flush timeout."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from proxy.observe.otlp_sender import Sender, _BoundedQueue, _CountingExporter, _resource, traces_url
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
def test_an_endpoint_without_a_path_gets_the_default_path(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url


class BlockedExporter(SpanExporter):
    """Blocks each export until ``go`` is set."""

    def __init__(self, result: Any = SpanExportResult.SUCCESS) -> None:
        self.result = result
        self.go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go.wait(20)
        if isinstance(self.result, Exception):
            raise self.result
        result: SpanExportResult = self.result
        return result

    def shutdown(self) -> None:
        self.go.set()


def send(
    blocked: BlockedExporter, spans: int, size: int, max_bytes: int = 10**9
) -> tuple[_CountingExporter, _BoundedQueue]:
    """Make ``spans`` spans while exports are blocked, then unblock them."""
    exporter = _CountingExporter(blocked)
    queue = _BoundedQueue(exporter, size, max_bytes)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(queue)
    for _ in range(spans):
        provider.get_tracer("t").start_span("s", attributes={"fanin.fingerprint": "n" * 6000}).end()
    blocked.go.set()
    provider.shutdown()
    return exporter, queue


def test_every_span_is_sent_or_counted_as_dropped() -> None:
    exporter, queue = send(BlockedExporter(), spans=100, size=10)
    assert exporter.sent + queue.dropped == 100
    assert 10 <= exporter.sent <= 20


def test_spans_with_long_texts_are_bounded_in_bytes() -> None:
    exporter, queue = send(BlockedExporter(), spans=100, size=1000, max_bytes=100_000)
    assert exporter.sent + queue.dropped == 100
    assert exporter.sent == 10
    assert queue.held_bytes == 0


@pytest.mark.parametrize("result", [SpanExportResult.FAILURE, OSError("no")])
def test_failed_exports_are_counted(result: object) -> None:
    exporter, queue = send(BlockedExporter(result), spans=5, size=100)
    assert (exporter.failed, exporter.sent, queue.dropped) == (5, 0, 0)
    assert exporter.failing


def test_after_give_up_no_span_is_sent() -> None:
    blocked = BlockedExporter()
    exporter = _CountingExporter(blocked)
    exporter.give_up()
    assert blocked.go.is_set()
    assert exporter.export(()) is SpanExportResult.FAILURE


async def test_close_without_spans_returns() -> None:
    sender = Sender(OtlpSettings(endpoint="http://127.0.0.1:1"), "1")
    await sender.close()
    assert set(sender.counts().values()) == {0}


def test_the_service_name_is_fanin_unless_the_environment_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _resource("1.2").attributes["service.name"] == "fanin"
    assert _resource("1.2").attributes["service.version"] == "1.2"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,deployment.environment.name=test")
    assert _resource("1.2").attributes["service.name"] == "shop"
    assert _resource("1.2").attributes["deployment.environment.name"] == "test"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "other")
    assert _resource("1.2").attributes["service.name"] == "other"
