"""Both formats of /metrics have every series, escape what clients wrote, and OpenMetrics has exemplars."""

from __future__ import annotations

import pytest

from proxy.admin.gauges import SERIES
from proxy.observe.events import (
    RequestAnswered,
    TraceClosed,
)
from proxy.observe.metrics import Metrics
from tests.observe.factories import GAUGES, LINE, OPEN_METRICS, changed, counting, exemplars, trace
from tests.rules.traces import span


@pytest.mark.parametrize("accept", ["", "text/plain", OPEN_METRICS])
def test_every_series_has_a_help_text_and_is_rendered(accept: str) -> None:
    body, content_type = Metrics(5, lambda: GAUGES).now().render(accept)
    for name, series in SERIES.items():
        assert len(series.help) > 20, name
        assert f"# HELP fanin_{name}" in body.decode(), name
    assert content_type.startswith("application/openmetrics-text" if "openmetrics" in accept else "text/plain")


def test_the_process_itself_is_shown() -> None:
    body, _ = Metrics(5, lambda: GAUGES).now().render("")
    assert b"\nprocess_resident_memory_bytes " in body
    assert b"\nprocess_open_fds " in body


def test_openmetrics_shows_the_trace_of_what_took_long() -> None:
    slow = changed(span(LINE.format(1), 1), start=0.0, end=3.0)
    quick = changed(span(LINE.format(2), 2), start=0.0, end=0.004)
    metrics = counting(RequestAnswered(quick, 0.0, "quick"), RequestAnswered(slow, 0.0, "a-slow-one"))
    assert exemplars(metrics)["fanin_request_duration_seconds_bucket"] == ("a-slow-one", 3.0)
    assert b"a-slow-one" not in metrics.now().render("text/plain")[0]


def test_the_trace_with_many_queries_is_shown() -> None:
    metrics = counting(TraceClosed(trace(*(span(LINE.format(n), n) for n in range(1, 151)), id="page"), ()))
    assert exemplars(metrics)["fanin_trace_queries_bucket"] == ("page", 150.0)
    assert exemplars(metrics)["fanin_trace_upstream_calls_bucket"] == ("page", 150.0)


@pytest.mark.parametrize("name", ["x" * 101, "é", 'quo"te', "back\\", "line\nbreak", "tab\t", "\x1b[2J"])
def test_a_trace_id_that_could_break_the_exposition_is_not_shown(name: str) -> None:
    assert not exemplars(counting(RequestAnswered(span(LINE.format(1), 1), 0.0, name)))


@pytest.mark.parametrize("name", ["x" * 100, "}# 1", "a b, c=d", "0af7651916cd43dd8448eb211c80319c"])
def test_any_other_trace_id_is_shown_as_it_is(name: str) -> None:
    shown = exemplars(counting(RequestAnswered(span(LINE.format(1), 1), 0.0, name)))
    assert shown["fanin_request_duration_seconds_bucket"] == (name, 0.01)


def test_labels_that_clients_fill_are_escaped_in_the_exposition() -> None:
    made = trace(span(LINE.format(1), 1), route='a"b\\c\nd')
    for accept in ("", OPEN_METRICS):
        body, _ = counting(TraceClosed(made, ())).now().render(accept)
        assert b'route="a\\"b\\\\c\\nd"' in body
