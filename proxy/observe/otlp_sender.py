"""Sends spans and a metric to a collector by OTLP over HTTP, in threads, so that the event loop never waits."""

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
from opentelemetry.semconv.schemas import Schemas

from proxy.observe.otlp_metrics import DurationMetric, metrics_url
from proxy.settings.observability import OtlpSettings

MAX_LINKS = 2000
"""Maximum number of links of a span to requests, unless OTEL_SPAN_LINK_COUNT_LIMIT is set."""


class Sender:
    """A tracer, the counts of its spans by result, and the metric of durations (None if it is not sent)."""

    def __init__(self, settings: OtlpSettings, version: str) -> None:
        # The library's errors contain the collector's address and answer; `failing` reports failures instead.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._flush_timeout = settings.flush_timeout
        self._exporter = _CountingExporter(OTLPSpanExporter(traces_url(settings.endpoint)))
        resource, url = _resource(version), metrics_url(settings.endpoint) if settings.metrics else ""
        self.durations = DurationMetric(url, resource, version) if url else None
        self._queue = _BoundedQueue(self._exporter, settings.queue, settings.queue_bytes)
        limits = SpanLimits(max_links=None if OTEL_SPAN_LINK_COUNT_LIMIT in os.environ else MAX_LINKS)
        self._provider = TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)
        self._provider.add_span_processor(self._queue)
        self.tracer = self._provider.get_tracer("fanin", version, schema_url=Schemas.V1_44_0.value)

    @property
    def failing(self) -> bool:
        """Whether the last export failed."""
        return self._exporter.failing

    def counts(self) -> dict[tuple[str, ...], float]:
        """Number of spans by result: sent, failed, dropped."""
        exporter = self._exporter
        return {("sent",): exporter.sent, ("failed",): exporter.failed, ("dropped",): self._queue.dropped}

    @property
    def held_bytes(self) -> int:
        """Estimated bytes of the spans that wait to be sent."""
        return self._queue.held_bytes

    async def close(self) -> None:
        """Send the queued spans, for at most ``otlp.flush_timeout`` seconds, even if the collector hangs."""
        loop, flushed = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            if self.durations is not None:
                self.durations.close(self._flush_timeout)
            try:
                loop.call_soon_threadsafe(flushed.set)
            except RuntimeError:
                pass  # the loop is closed: the timeout has passed

        threading.Thread(target=shut_down, name="otlp flush", daemon=True).start()
        try:
            async with asyncio.timeout(self._flush_timeout):
                await flushed.wait()
        except TimeoutError:
            self._exporter.give_up()
            if self.durations is not None:
                self.durations.give_up()


class _CountingExporter(SpanExporter):
    """Counts exported spans by result. Only the batch processor's thread calls it, except for ``give_up``."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.sent = 0
        self.failed = 0
        self.dequeued = 0
        """Number of spans that have left the queue."""
        self.dequeued_bytes = 0
        """Their estimated bytes."""
        self.failing = False
        self._exporter = exporter
        self._has_given_up = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.dequeued += len(spans)
        self.dequeued_bytes += sum(map(_size_of, spans))
        try:
            result = SpanExportResult.FAILURE if self._has_given_up else self._exporter.export(spans)
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
        """Send no more spans, and end the wait before a retry."""
        self._has_given_up = True
        self._exporter.shutdown()


class _BoundedQueue(SpanProcessor):
    """Queues at most ``size`` spans and ``max_bytes`` estimated bytes, and counts those that it drops, which the batch
    processor does not.
    """

    def __init__(self, exporter: _CountingExporter, size: int, max_bytes: int) -> None:
        self.dropped = 0
        self._exporter = exporter
        self._size = size
        self._max_bytes = max_bytes
        self._queued = self._queued_bytes = 0
        """Number of spans queued so far, and their estimated bytes."""
        # Twice the size: `dequeued` lags behind the batch processor, whose own limit must never be reached.
        self._batches = BatchSpanProcessor(exporter, max_queue_size=2 * size, max_export_batch_size=min(512, size))

    def on_end(self, span: ReadableSpan) -> None:
        if not (span.context and span.context.trace_flags.sampled):
            return
        size = _size_of(span)
        if self._queued - self._exporter.dequeued >= self._size or self.held_bytes + size > self._max_bytes:
            self.dropped += 1
            return
        self._queued += 1
        self._queued_bytes += size
        self._batches.on_end(span)

    @property
    def held_bytes(self) -> int:
        """Estimated bytes of the spans that wait."""
        return self._queued_bytes - self._exporter.dequeued_bytes

    def shutdown(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batches.force_flush(timeout_millis)


def _size_of(span: ReadableSpan) -> int:
    """Estimated bytes of a span: of its texts, its links, and 4 kB for all else."""
    texts = sum(len(value) for value in (span.attributes or {}).values() if isinstance(value, str))
    return 4_000 + texts + 500 * len(span.links)


def traces_url(endpoint: str) -> str:
    """The URL for traces: an endpoint without a path gets OTLP's default path."""
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + "/v1/traces"


def _resource(version: str) -> Resource:
    """The service name is fanin unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES sets it."""
    resource = Resource.create({SERVICE_VERSION: version})
    is_named = not str(resource.attributes[SERVICE_NAME]).startswith("unknown_service")
    return resource if is_named else resource.merge(Resource({SERVICE_NAME: "fanin"}))
