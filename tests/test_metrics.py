"""Counters add up, labels are bounded, every series has its help text."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.model import Outcome
from proxy.observe.events import (
    CANCELLED,
    NO_ANSWER,
    Answered,
    Called,
    Closed,
    Compared,
    Event,
    Left,
    Paused,
    Replayed,
    Saved,
    Turned,
)
from proxy.observe.metrics import COUNTERS, FROM_ZERO, HISTOGRAMS, SERIES, Buckets, Metrics
from tests.rules.traces import parallel, span

LINE = "GET /creators?id=eq.{}"
GAUGES = dict.fromkeys(set(SERIES) - set(COUNTERS) - set(HISTOGRAMS) - {"calls_saved", "upstream_up"}, 0.0)


def scrape(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Sample name and sorted label values to value."""
    body, _ = metrics.render("text/plain")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def counted(*events: Event, labels: int = 200) -> dict[tuple[str, ...], float]:
    metrics = Metrics(labels, lambda: GAUGES)
    for event in events:
        metrics(event)
    return scrape(metrics)


def test_every_series_has_a_help_text_and_is_rendered() -> None:
    body, content_type = Metrics(5, lambda: GAUGES).render("")
    for name, text in SERIES.items():
        assert len(text) > 20, name
        assert f"# HELP fanin_{name}" in body.decode(), name
    assert content_type.startswith("text/plain")


def test_requests_are_counted_by_relation_method_outcome_and_status_class() -> None:
    seen = counted(*(Answered(span(LINE.format(n), n), 0.001) for n in range(3)))
    assert seen["fanin_requests_total", "2xx", "GET", "passed", "creators"] == 3
    assert seen["fanin_hop_seconds_count", "passed"] == 3


def test_a_relation_gets_a_label_only_after_a_2xx() -> None:
    wrong = span(LINE.format(1), 1)
    missing = type(wrong)(**{name: getattr(wrong, name) for name in wrong.__struct_fields__} | {"status": 404})
    seen = counted(Answered(missing, 0.0))
    assert ("fanin_requests_total", "4xx", "GET", "passed", "other") in seen


def test_relations_beyond_the_cap_share_a_label_and_are_counted() -> None:
    seen = counted(*(Answered(span(f"GET /t{n}?id=eq.1", 1), 0.0) for n in range(5)), labels=2)
    assert seen["fanin_requests_total", "2xx", "GET", "passed", "other"] == 3
    assert seen["fanin_label_overflow_total", "relation"] == 3


def test_an_unknown_method_is_counted_as_other() -> None:
    seen = counted(Answered(span("BREW /t?id=eq.1", 1), 0.0))
    assert seen["fanin_requests_total", "2xx", "other", "passed", "t"] == 1


def test_upstream_is_down_after_a_call_without_answer_and_up_after_the_next_answer() -> None:
    metrics = Metrics(5, lambda: GAUGES)
    metrics(Called("t", "original", 0.1, NO_ANSWER))
    assert not metrics.upstream_is_up
    metrics(Called("t", "original", 0.1, CANCELLED))
    assert not metrics.upstream_is_up
    metrics(Called("t", "original", 0.1, 500))
    assert metrics.upstream_is_up


def test_calls_saved_go_down_when_a_merge_was_in_vain() -> None:
    seen = counted(Saved("FAN001", "t", 9), Saved("FAN001", "t", -1))
    assert seen["fanin_calls_saved", "t", "FAN001"] == 8


def test_a_closed_trace_counts_its_queries_without_retries_and_its_calls() -> None:
    trace = parallel([LINE.format(n) for n in range(4)])
    seen = counted(Closed(trace, ()))
    assert seen["fanin_trace_queries_sum", "explicit", "GET /export"] == 4
    assert seen["fanin_trace_upstream_calls_sum", "explicit", "GET /export"] == 4


def test_windows_replays_and_turned_down_connections_are_counted() -> None:
    seen = counted(Left(3, 0.002), Left(1, 0.0), Replayed("ties", "", "t", 3), Turned("FANIN109"))
    assert seen["fanin_batch_wait_seconds_count", "true"] == 1
    assert seen["fanin_batch_wait_seconds_count", "false"] == 1
    assert seen["fanin_replays_total", "ties"] == 1
    assert seen["fanin_turned_down_total", "FANIN109"] == 1


def test_counters_of_known_labels_are_there_at_zero_before_anything_happened() -> None:
    seen = counted()
    assert seen["fanin_shadow_total", "mismatch"] == seen["fanin_pauses_total", "mismatch"] == 0
    for name, values in FROM_ZERO.items():
        assert len(COUNTERS[name]) == 1
        assert {(f"fanin_{name}_total", value): 0.0 for value in values}.items() <= seen.items()


def test_pauses_and_comparisons_are_counted_by_reason_and_result() -> None:
    seen = counted(Paused("ties"), Paused("ties"), Compared("match", 7), Compared("mismatch", 1), Compared("match", 2))
    assert seen["fanin_pauses_total", "ties"] == 2
    assert seen["fanin_shadow_total", "match"] == 9
    assert seen["fanin_shadow_total", "mismatch"] == 1


def test_the_refusal_of_a_request_is_counted_once() -> None:
    refused = span("GET /t?id=eq.1&limit=1", 1)
    values = {name: getattr(refused, name) for name in refused.__struct_fields__}
    seen = counted(Answered(type(refused)(**values | {"refusal": "limit", "outcome": Outcome.PASSED}), 0.0))
    assert seen["fanin_refusals_total", "limit"] == 1


@pytest.mark.parametrize(("value", "bucket"), [(1.0, 0), (1.5, 1), (2.0, 1), (9.0, 2)])
def test_a_value_falls_into_the_first_bucket_that_holds_it(value: float, bucket: int) -> None:
    buckets = Buckets((1.0, 2.0))
    buckets.add(value)
    assert buckets.counts[bucket] == 1
    assert buckets.cumulative()[-1] == ("+Inf", 1.0)
