"""Metrics that counted events, and what a scrape of them shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.gauges import READ
from proxy.observe.metrics import Metrics
from proxy.observe.series import Reading
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from proxy.model import Span, Trace
    from proxy.observe.events import (
        Event,
    )

LINE = "GET /creators?id=eq.{}"


GAUGES = [Reading(name, series, {} if series.labels else 0.0) for name, series in READ.items()]


OPEN_METRICS = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""The Accept header of Prometheus."""


def scrape(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Sample name and sorted label values to value."""
    body, _ = metrics.now().render("text/plain")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def counting(*events: Event, labels: int = 200) -> Metrics:
    metrics = Metrics(labels, lambda: GAUGES)
    for event in events:
        metrics(event)
    return metrics


def counted(*events: Event, labels: int = 200) -> dict[tuple[str, ...], float]:
    return scrape(counting(*events, labels=labels))


def changed(original: Span, **values: object) -> Span:
    return msgspec.structs.replace(original, **values)


def trace(*spans: Span, **values: object) -> Trace:
    return msgspec.structs.replace(parallel([LINE.format(1)]), spans=spans, **values)
