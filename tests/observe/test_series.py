"""Every declared series has a name by convention, and every counter is moved by some event."""

from __future__ import annotations

from proxy.admin.gauges import SERIES
from proxy.findings.model import Finding, Fix
from proxy.observe.events import (
    AnswersCompared,
    CacheUsed,
    FellBack,
    HeaderDiffered,
    HealthChecked,
    MemoUsed,
    MergingPaused,
    NotificationsResumed,
    RequestAnswered,
    RequestRefused,
    SettingsReloaded,
    TraceClosed,
    UpstreamCalled,
    UpstreamRecovered,
    Warned,
    WindowClosed,
)
from proxy.observe.metrics import Metrics
from proxy.observe.series import COUNTED
from tests.observe.factories import GAUGES, LINE, changed, counted, counting, scrape, trace
from tests.rules.traces import span


def test_counters_with_known_labels_start_at_0() -> None:
    seen = counted()
    assert seen["fanin_shadow_total", "mismatch"] == seen["fanin_pauses_total", "mismatch"] == 0
    assert seen["fanin_faults_total", "FANIN505"] == seen["fanin_bypassed_total", "limit"] == 0
    for name, series in COUNTED.items():
        if series.known:
            assert len(series.labels) == 1
            assert {(f"fanin_{name}_total", value): 0.0 for value in series.known}.items() <= seen.items()


def test_every_declared_counter_is_incremented_by_an_event() -> None:
    """A counter that no event increments must not be declared."""
    answered = [changed(span(LINE.format(1), 1), bypass_reason="limit", retry=True), span("GET /b", 1)]
    texts = dict.fromkeys(Finding.__struct_fields__, "x") | {"evidence": (), "fix": Fix("", "", "")}
    finding = Finding(**texts)  # type: ignore[arg-type]
    metrics = counting(
        *(RequestAnswered(one, 0.0, fault="FANIN505", saves="FAN001") for one in answered),
        *(UpstreamCalled("t", "merged", 0.1, 200), WindowClosed(2, 0.1), FellBack("ties", "", "t", 1)),
        *(
            MergingPaused("ties"),
            UpstreamRecovered(1.0),
            NotificationsResumed(1.0),
            AnswersCompared("match", 1),
            RequestRefused("FANIN109"),
            Warned("a", "b"),
            SettingsReloaded(None),
            HealthChecked(False),
            HeaderDiffered("x-job", 20),
            MemoUsed(0.01),
            CacheUsed(0.01),
        ),
        TraceClosed(trace(span(LINE.format(1), 1), truncated=True), (finding,)),
        labels=1,
    )
    before, after = counted(), scrape(metrics)
    seen = {key[0] for key, value in after.items() if value != before.get(key)}
    for name, series in COUNTED.items():
        ending = {"counter": "_total", "histogram": "_count", "gauge": ""}[series.kind]
        assert f"fanin_{name}{ending}" in seen, name


def test_names_contain_their_unit_and_counters_end_in_total() -> None:
    body, _ = Metrics(5, lambda: GAUGES).now().render("")
    for name, series in SERIES.items():
        full = f"fanin_{name}_total" if series.kind == "counter" else f"fanin_{name}"
        assert f"# TYPE {full} {series.kind}\n" in body.decode()
        assert not any(unit in name for unit in ("_ms", "_milli", "_kb", "_mb", "_total"))
