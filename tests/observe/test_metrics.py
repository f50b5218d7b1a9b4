"""Counters add up, labels are bounded, and counters with known labels start at 0."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest

from proxy.findings.model import Finding, Fix
from proxy.model import Outcome
from proxy.observe.events import (
    CANCELLED,
    NO_ANSWER,
    AnswersCompared,
    Event,
    FellBack,
    HealthChecked,
    MergingPaused,
    RequestAnswered,
    RequestRefused,
    SettingsReloaded,
    TraceClosed,
    UpstreamCalled,
    Warned,
    WindowClosed,
)
from proxy.observe.metrics import Metrics
from tests.observe.factories import GAUGES, LINE, OPEN_METRICS, changed, counted, counting, scrape, trace
from tests.rules.traces import parallel, span


def test_every_event_is_counted_somewhere() -> None:
    assert set(counting()._readers) == set(get_args(Event))


async def test_a_scrape_contains_all_counts_up_to_then() -> None:
    metrics = counting(RequestAnswered(span(LINE.format(1), 1), 0.0, "one"))
    scraping = asyncio.ensure_future(metrics.scrape(OPEN_METRICS))
    await asyncio.sleep(0)  # it began
    metrics(RequestAnswered(span(LINE.format(2), 2), 0.0, "two"))
    body, content_type = await scraping
    assert b'fanin_requests_total{code="2xx",method="GET",outcome="passed",relation="public.creators"} 1.0\n' in body
    assert b'trace_id="one"' in body
    assert content_type.startswith("application/openmetrics-text")


def test_requests_are_counted_by_relation_method_outcome_and_status_class() -> None:
    seen = counted(*(RequestAnswered(span(LINE.format(n), n), 0.001) for n in range(3)))
    assert seen["fanin_requests_total", "2xx", "GET", "passed", "public.creators"] == 3
    assert seen["fanin_hop_seconds_count", "passed"] == 3


def test_a_relation_gets_a_label_only_with_its_first_2xx() -> None:
    missing = changed(span(LINE.format(1), 1), status=404)
    seen = counted(RequestAnswered(missing, 0.0), UpstreamCalled("public.creators", "original", 0.1, 404))
    assert ("fanin_requests_total", "4xx", "GET", "passed", "other") in seen
    assert ("fanin_upstream_calls_total", "original", "other") in seen
    seen = counted(UpstreamCalled("public.creators", "merged", 0.1, 200), RequestAnswered(missing, 0.0))
    assert seen["fanin_upstream_calls_total", "merged", "public.creators"] == 1
    assert seen["fanin_requests_total", "4xx", "GET", "passed", "public.creators"] == 1


def test_a_preflight_gives_no_relation_a_label() -> None:
    preflight = changed(span(LINE.format(1), 1), method="OPTIONS")
    seen = counted(RequestAnswered(preflight, 0.0), UpstreamCalled("public.creators", "original", 0.1, 200, "OPTIONS"))
    assert seen["fanin_requests_total", "2xx", "OPTIONS", "passed", "other"] == 1
    assert seen["fanin_upstream_calls_total", "original", "other"] == 1


def test_relations_beyond_the_cap_share_a_label_and_are_counted() -> None:
    seen = counted(*(RequestAnswered(span(f"GET /t{n}?id=eq.1", 1), 0.0) for n in range(5)), labels=2)
    assert seen["fanin_requests_total", "2xx", "GET", "passed", "other"] == 3
    assert seen["fanin_label_overflow_total", "relation"] == 3


def test_routes_beyond_the_cap_share_a_label_and_are_counted() -> None:
    closed = [TraceClosed(trace(span(LINE.format(1), 1), route=f"r{n}"), ()) for n in range(4)]
    seen = counted(*closed, labels=3)
    assert seen["fanin_trace_queries_count", "explicit", "r0"] == 1
    assert seen["fanin_trace_queries_count", "explicit", "other"] == 1
    assert seen["fanin_label_overflow_total", "route"] == 1


def test_an_unknown_method_is_counted_as_other() -> None:
    seen = counted(RequestAnswered(span("BREW /t?id=eq.1", 1), 0.0))
    assert seen["fanin_requests_total", "2xx", "other", "passed", "public.t"] == 1


def test_fanins_errors_and_clients_retries_have_their_own_counters() -> None:
    failed = changed(span(LINE.format(1), 1), status=503, outcome=Outcome.FAILED)
    again = span(LINE.format(1), 2, retry=True)
    seen = counted(RequestAnswered(failed, 0.0, fault="FANIN505"), RequestAnswered(again, 0.0))
    assert seen["fanin_faults_total", "FANIN505"] == 1
    assert seen["fanin_client_retries_total", "public.creators"] == 1


def test_the_duration_of_a_websocket_is_not_measured() -> None:
    seen = counted(
        RequestAnswered(changed(span("GET /socket", 1), status=101), 3600.0), UpstreamCalled("", "tunnel", 3600.0, 101)
    )
    assert ("fanin_request_duration_seconds_count", "passed") not in seen
    assert ("fanin_upstream_duration_seconds_count", "tunnel") not in seen
    assert seen["fanin_upstream_calls_total", "tunnel", ""] == 1
    assert sum(value for (name, *_), value in seen.items() if name == "fanin_requests_total") == 1


def test_upstream_is_down_after_a_call_without_answer_and_up_after_the_next_answer() -> None:
    metrics = Metrics(5, lambda: GAUGES)
    for status, up in ((NO_ANSWER, 0), (CANCELLED, 0), (500, 1), (CANCELLED, 1), (NO_ANSWER, 0)):
        metrics(UpstreamCalled("t", "original", 0.1, status))
        assert scrape(metrics)["fanin_upstream_up",] == up


def test_calls_saved_decrease_after_a_merged_call_that_saved_nothing() -> None:
    merged = [RequestAnswered(span("GET /t?id=eq.1", n), 0.0, saves="FAN001") for n in range(9)]
    vain = UpstreamCalled("public.t", "merged", 0.1, 500, costs="FAN001")
    seen = counted(UpstreamCalled("public.t", "merged", 0.1, 200, costs="FAN001"), *merged, vain)
    assert seen["fanin_calls_saved", "public.t", "FAN001"] == 7


def test_a_closed_trace_counts_its_queries_and_the_calls_that_answered_them() -> None:
    spans = [changed(span(LINE.format(n), n), call=7) for n in range(3)] + [span(LINE.format(4), 4)]
    seen = counted(TraceClosed(trace(*spans), ()))
    assert seen["fanin_trace_queries_sum", "explicit", "GET /export"] == 4
    assert seen["fanin_trace_upstream_calls_sum", "explicit", "GET /export"] == 2


def test_retries_preflights_and_requests_outside_the_mount_are_not_queries_of_a_trace() -> None:
    strange = changed(span(LINE.format(3), 3), bypass_reason="outside-mount")
    more = (span(LINE.format(1), 1, retry=True), span("OPTIONS /creators", 2), strange)
    seen = counted(TraceClosed(trace(span(LINE.format(9), 9), *more), ()))
    assert seen["fanin_trace_queries_sum", "explicit", "GET /export"] == 1
    assert seen["fanin_trace_upstream_calls_sum", "explicit", "GET /export"] == 2, "of the query and of the retry"
    assert not [key for key in counted(TraceClosed(trace(*more), ())) if key[0] == "fanin_trace_queries_count"]


@pytest.mark.parametrize(
    ("explicit", "mixed", "kind"), [(True, False, "explicit"), (False, False, "inferred"), (False, True, "mixed")]
)
def test_traces_are_counted_by_kind(explicit: bool, mixed: bool, kind: str) -> None:
    closed = trace(span(LINE.format(1), 1), explicit=explicit, mixed=mixed, truncated=True)
    seen = counted(TraceClosed(closed, ()))
    assert seen["fanin_trace_queries_count", kind, "GET /export"] == 1
    assert seen["fanin_traces_truncated_total", kind] == 1


def test_findings_are_counted_by_rule_and_relation() -> None:
    texts = dict.fromkeys(Finding.__struct_fields__, "x") | {"code": "FAN001", "relation": "public.creators"}
    finding = Finding(**texts | {"evidence": (), "fix": Fix("", "", "")})  # type: ignore[arg-type]
    seen = counted(
        RequestAnswered(span(LINE.format(1), 1), 0.0), TraceClosed(parallel([LINE.format(1)]), (finding, finding))
    )
    assert seen["fanin_findings_total", "public.creators", "FAN001"] == 2


def test_windows_fallbacks_and_rejected_connections_are_counted() -> None:
    seen = counted(
        WindowClosed(3, 0.002), WindowClosed(1, 0.0), FellBack("ties", "", "t", 3), RequestRefused("FANIN109")
    )
    assert seen["fanin_batch_wait_seconds_count", "true"] == 1
    assert seen["fanin_batch_wait_seconds_count", "false"] == 1
    assert seen["fanin_batch_size_sum",] == 4
    assert seen["fanin_fallbacks_total", "ties"] == 1
    assert seen["fanin_turned_down_total", "FANIN109"] == 1


def test_pauses_and_comparisons_are_counted_by_reason_and_result() -> None:
    seen = counted(
        MergingPaused("ties"),
        MergingPaused("ties"),
        AnswersCompared("match", 7),
        AnswersCompared("mismatch", 1),
        AnswersCompared("match", 2),
    )
    assert seen["fanin_pauses_total", "ties"] == 2
    assert seen["fanin_shadow_total", "match"] == 9
    assert seen["fanin_shadow_total", "mismatch"] == 1


def test_bugs_and_advice_are_counted_separately() -> None:
    seen = counted(Warned("a", "b"), Warned("a", "b", ValueError()), Warned("c", "d"))
    assert seen["fanin_warnings_total", "advice"] == 2
    assert seen["fanin_warnings_total", "bug"] == 1


def test_the_bypass_reason_of_a_request_is_counted_once() -> None:
    refused = changed(span("GET /t?id=eq.1&limit=1", 1), bypass_reason="limit", outcome=Outcome.PASSED)
    seen = counted(RequestAnswered(refused, 0.0))
    assert seen["fanin_bypassed_total", "limit"] == 1


# Exemplars.


def test_reloads_are_counted_by_result() -> None:
    seen = counted(SettingsReloaded(("mode",)), SettingsReloaded(()), SettingsReloaded(None))
    assert (seen["fanin_reloads_total", "ok"], seen["fanin_reloads_total", "failed"]) == (2, 1)


@pytest.mark.parametrize(
    ("events", "ok"),
    [
        ((), 1),
        ((SettingsReloaded(None),), 0),
        ((SettingsReloaded(None), SettingsReloaded(())), 1),
        ((SettingsReloaded(("mode",)), SettingsReloaded(None)), 0),
    ],
)
def test_last_reload_ok_is_0_until_a_reload_succeeds(events: tuple[Event, ...], ok: int) -> None:
    assert counted(*events)["fanin_last_reload_ok",] == ok


def test_a_health_check_sets_upstream_up() -> None:
    for up in (False, True):
        metrics = counting(UpstreamCalled("t", "original", 0.1, NO_ANSWER if up else 200), HealthChecked(up))
        assert metrics.now().values["upstream_up"] == {(): int(up)}
