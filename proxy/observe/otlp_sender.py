"""Sends spans to a collector by OTLP over HTTP, in a thread of its own: the loop never waits for it."""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_SPAN_LINK_COUNT_LIMIT
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from proxy.settings.observability import OtlpSettings

MOST_LINKS = 2000
"""Requests that one call's span names, unless OTEL_SPAN_LINK_COUNT_LIMIT says otherwise."""


class Sender:
    """A tracer, and what became of its spans."""

    def __init__(self, settings: OtlpSettings, version: str) -> None:
        # Its errors quote the collector's address and answer; that it fails is told by `failing`.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._end = settings.flush_timeout
        self._exporter = _Counted(OTLPSpanExporter(traces_url(settings.endpoint)))
        self._gate = _Gate(self._exporter, settings.queue)
        limits = SpanLimits(max_links=None if OTEL_SPAN_LINK_COUNT_LIMIT in os.environ else MOST_LINKS)
        self._provider = TracerProvider(resource=_resource(version), span_limits=limits, shutdown_on_exit=False)
        self._provider.add_span_processor(self._gate)
        self.tracer = self._provider.get_tracer("fanin", version)

    @property
    def failing(self) -> bool:
        """Whether the last attempt was in vain."""
        return self._exporter.failing

    def counts(self) -> dict[tuple[str, ...], float]:
        """All spans so far, by what became of them."""
        exporter = self._exporter
        return {("sent",): exporter.sent, ("failed",): exporter.failed, ("dropped",): self._gate.dropped}

    async def close(self) -> None:
        """Send what still waits, for ``otlp.flush_timeout`` seconds at most, even if the collector hangs."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def shut() -> None:
            self._provider.shutdown()
            try:
                loop.call_soon_threadsafe(ended.set)
            except RuntimeError:
                pass  # the loop is gone: it was given up

        threading.Thread(target=shut, name="otlp end", daemon=True).start()
        try:
            async with asyncio.timeout(self._end):
                await ended.wait()
        except TimeoutError:
            self._exporter.give_up()


class _Counted(SpanExporter):
    """Counts what it sends. Called by the batch processor's thread alone, but for ``give_up``."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.sent = 0
        self.failed = 0
        self.taken = 0
        """Spans that have left the queue."""
        self.failing = False
        self._exporter = exporter
        self._over = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        try:
            result = SpanExportResult.FAILURE if self._over else self._exporter.export(spans)
        except Exception:
            result = SpanExportResult.FAILURE
        self.failing = result is not SpanExportResult.SUCCESS
        if self.failing:
            self.failed += len(spans)
        else:
            self.sent += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def give_up(self) -> None:
        """Nothing more is sent, and what waits before it is tried again is not."""
        self._over = True
        self._exporter.shutdown()


class _Gate(SpanProcessor):
    """Lets no more spans wait than there is room for. The batch processor would not say how many it lost."""

    def __init__(self, exporter: _Counted, room: int) -> None:
        self.dropped = 0
        self._exporter = exporter
        self._room = room
        self._passed = 0
        # Its own bound is never reached: spans that it has taken out are counted a moment later.
        self._batches = BatchSpanProcessor(exporter, max_queue_size=2 * room, max_export_batch_size=min(512, room))

    def on_end(self, span: ReadableSpan) -> None:
        if not (span.context and span.context.trace_flags.sampled):
            return
        if self._passed - self._exporter.taken >= self._room:
            self.dropped += 1
            return
        self._passed += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batches.force_flush(timeout_millis)


def traces_url(endpoint: str) -> str:
    """Where traces go: an address alone has OTLP's own path."""
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + "/v1/traces"


def _resource(version: str) -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES hold."""
    told = Resource.create({SERVICE_VERSION: version})
    named = not str(told.attributes[SERVICE_NAME]).startswith("unknown_service")
    return told if named else told.merge(Resource({SERVICE_NAME: "fanin"}))
