"""Sends the metric ``db.client.operation.duration`` to a collector by OTLP over HTTP, from a thread of its own.

https://opentelemetry.io/docs/specs/semconv/db/database-metrics/
"""

from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.semconv.metrics.db_metrics import DB_CLIENT_OPERATION_DURATION
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.util.types import AttributeValue

BOUNDARIES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""Seconds: the buckets that the semantic conventions name."""


class DurationMetric:
    """The histogram of the durations of upstream calls. OTEL_METRIC_EXPORT_INTERVAL says how often it is sent."""

    def __init__(self, url: str, resource: Resource, version: str) -> None:
        self._exporter = _QuietExporter(OTLPMetricExporter(url))
        reader = PeriodicExportingMetricReader(self._exporter)
        self._provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("fanin", version, schema_url=Schemas.V1_44_0.value)
        self._histogram = meter.create_histogram(
            DB_CLIENT_OPERATION_DURATION,
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )

    @property
    def failing(self) -> bool:
        """Whether the last export failed."""
        return self._exporter.failing

    def record(self, seconds: float, attributes: dict[str, AttributeValue]) -> None:
        """Count one call that took ``seconds``."""
        self._histogram.record(seconds, attributes)

    def close(self, timeout: float) -> None:
        """Send what was counted, for at most ``timeout`` seconds. It blocks."""
        self._provider.shutdown(timeout_millis=1000 * timeout)

    def give_up(self) -> None:
        """Send nothing more, and end the wait before a retry."""
        self._exporter.give_up()


class _QuietExporter(MetricExporter):
    """Exports, and only notes a failure."""

    def __init__(self, exporter: OTLPMetricExporter) -> None:
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)
        self.failing = False
        self._exporter = exporter
        self._has_given_up = False

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        try:
            result = MetricExportResult.FAILURE if self._has_given_up else self._exporter.export(metrics_data)
        except Exception:
            result = MetricExportResult.FAILURE
        self.failing = result is not MetricExportResult.SUCCESS
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        self._exporter.shutdown()

    def give_up(self) -> None:
        self._has_given_up = True
        self._exporter.shutdown()


def metrics_url(endpoint: str) -> str:
    """The URL for metrics; empty if the endpoint's path is of traces only."""
    path = urlsplit(endpoint).path.strip("/")
    if not path:
        return endpoint.rstrip("/") + "/v1/metrics"
    base, found, rest = endpoint.rpartition("v1/traces")
    return f"{base}v1/metrics" if found and not rest.strip("/") else ""
