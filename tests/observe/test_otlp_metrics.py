"""The metric goes to the collector of the spans; a failure is noted and raises nothing."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.resources import Resource

from proxy.observe.otlp_metrics import DurationMetric, metrics_url


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://c:4318", "http://c:4318/v1/metrics"),
        ("https://c/otlp/v1/traces", "https://c/otlp/v1/metrics"),
        ("https://c/other", ""),
    ],
)
def test_metrics_go_to_the_same_collector(endpoint: str, url: str) -> None:
    assert metrics_url(endpoint) == url


def test_a_collector_that_is_not_there_is_noted_and_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    metric = DurationMetric("http://127.0.0.1:1/v1/metrics", Resource({}), "1")
    assert not metric.failing
    metric.record(0.5, {"db.system.name": "postgresql"})
    metric.close(20)
    assert metric.failing


def test_after_give_up_nothing_is_sent() -> None:
    metric = DurationMetric("http://127.0.0.1:1/v1/metrics", Resource({}), "1")
    metric.give_up()
    metric.record(0.5, {})
    metric.close(5)
    assert metric.failing
