"""The exposition has every series with its help text, escaped labels, and traces as exemplars."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families

from proxy.admin.gauges import SERIES
from proxy.observe.events import (
    RequestAnswered,
    TraceClosed,
)
from proxy.observe.exposition import SLICE, Exposition
from proxy.observe.metrics import Metrics
from proxy.observe.series import COUNTED
from tests.observe.factories import GAUGES, LINE, OPEN_METRICS, changed, counting, trace
from tests.rules.traces import span


def exemplars(metrics: Metrics) -> dict[str, tuple[str, float]]:
    """Trace and value of the exemplars, by series."""
    body, _ = metrics.now().render(OPEN_METRICS)
    return {
        sample.name: (sample.exemplar.labels["trace_id"], sample.exemplar.value)
        for family in openmetrics_families(body.decode())  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.exemplar is not None
    }


@pytest.mark.parametrize("accept", ["", "text/plain", OPEN_METRICS])
def test_every_series_has_a_help_text_and_is_rendered(accept: str) -> None:
    body, content_type = Metrics(5, lambda: GAUGES).now().render(accept)
    for name, series in SERIES.items():
        assert len(series.help) > 20, name
        assert f"# HELP fanin_{name}" in body.decode(), name
    assert content_type.startswith("application/openmetrics-text" if "openmetrics" in accept else "text/plain")


@pytest.mark.parametrize("accept", ["text/plain", OPEN_METRICS])
def test_a_thread_that_renders_many_series_pauses_between_few_of_them(accept: str) -> None:
    pauses: list[None] = []
    labels = COUNTED["bypassed"].labels
    values = {"bypassed": {(f"reason {number}",) * len(labels): 1.0 for number in range(10_000)}}
    body, _ = Exposition(COUNTED, values, {}).render(accept, lambda: pauses.append(None))
    assert body.count(b'reason="reason ') == 10_000
    assert len(pauses) >= 2 * 10_000 / SLICE


def test_a_scrape_contains_the_metrics_of_the_process() -> None:
    body, _ = Metrics(5, lambda: GAUGES).now().render("")
    assert b"\nprocess_resident_memory_bytes " in body
    assert b"\nprocess_open_fds " in body


def test_openmetrics_has_the_trace_of_a_slow_request_as_exemplar() -> None:
    slow = changed(span(LINE.format(1), 1), start=0.0, end=3.0)
    quick = changed(span(LINE.format(2), 2), start=0.0, end=0.004)
    metrics = counting(RequestAnswered(quick, 0.0, "quick"), RequestAnswered(slow, 0.0, "a-slow-one"))
    assert exemplars(metrics)["fanin_request_duration_seconds_bucket"] == ("a-slow-one", 3.0)
    assert b"a-slow-one" not in metrics.now().render("text/plain")[0]


def test_a_trace_with_many_queries_is_an_exemplar() -> None:
    metrics = counting(TraceClosed(trace(*(span(LINE.format(n), n) for n in range(1, 151)), id="page"), ()))
    assert exemplars(metrics)["fanin_trace_queries_bucket"] == ("page", 150.0)
    assert exemplars(metrics)["fanin_trace_upstream_calls_bucket"] == ("page", 150.0)


@pytest.mark.parametrize("name", ["x" * 101, "é", 'quo"te', "back\\", "line\nbreak", "tab\t", "\x1b[2J"])
def test_a_trace_id_that_needs_escapes_is_not_an_exemplar(name: str) -> None:
    assert not exemplars(counting(RequestAnswered(span(LINE.format(1), 1), 0.0, name)))


@pytest.mark.parametrize("name", ["x" * 100, "}# 1", "a b, c=d", "0af7651916cd43dd8448eb211c80319c"])
def test_any_other_trace_id_is_an_exemplar_unchanged(name: str) -> None:
    shown = exemplars(counting(RequestAnswered(span(LINE.format(1), 1), 0.0, name)))
    assert shown["fanin_request_duration_seconds_bucket"] == (name, 0.01)


def test_label_values_from_clients_are_escaped() -> None:
    closed = trace(span(LINE.format(1), 1), route='a"b\\c\nd')
    for accept in ("", OPEN_METRICS):
        body, _ = counting(TraceClosed(closed, ())).now().render(accept)
        assert b'route="a\\"b\\\\c\\nd"' in body
