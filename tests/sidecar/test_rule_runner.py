"""RuleRunner: levels, ignores, failing rules, the workload."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from proxy.analysis.rule import Rule
from proxy.findings.model import Finding, Fix
from proxy.observe.events import Event, Events, TraceClosed, Warned, WorkloadInspected
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.settings.model import Settings
from proxy.sidecar.rule_runner import MAX_FAILURES, RuleRunner
from rules import RULES
from tests.rules.traces import NoThresholds, parallel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.analysis.rule import AnyRule, RuleContext
    from proxy.analysis.workload import Workload
    from proxy.model import Trace

FAN_OUT = parallel([f"GET /videos?id=eq.{number}" for number in range(9)])
TWO_RELATIONS = parallel([f"GET /{table}?id=eq.{number}" for table in ("videos", "songs") for number in range(9)])


class RunnerHarness:
    """A rule runner, its events, and a date that the test sets."""

    def __init__(self, rules_to_run: Sequence[AnyRule] = RULES, /, **settings: Any) -> None:
        self.day = dt.date(2030, 1, 1)
        self.emitted: list[Event] = []
        events = Events()
        events.subscribe(self.emitted.append)
        self.runner = RuleRunner(rules_to_run, Settings(**settings), events, lambda: self.day)

    def findings(self, trace: Trace = FAN_OUT) -> list[str]:
        """The rules and relations of the findings in ``trace``."""
        self.runner.run(trace)
        (event,) = [event for event in self.emitted if isinstance(event, TraceClosed)][-1:]
        return [f"{finding.code} {finding.relation}" for finding in event.findings]

    def warnings(self) -> list[str]:
        """The texts of the warnings."""
        return [event.what for event in self.emitted if isinstance(event, Warned)]


def broken(trace: Trace, context: RuleContext[NoThresholds]) -> Iterator[Finding]:
    raise ValueError("a value that must not be logged")


BROKEN = Rule(code="FAN999", name="broken", safety="advice", document="", thresholds=NoThresholds, detect=broken)


def test_a_rule_runs_at_level_report_and_not_at_level_off() -> None:
    assert RunnerHarness().findings() == ["FAN001 public.videos"]
    assert RunnerHarness(rules={"fan001": "report"}).findings() == ["FAN001 public.videos"]
    assert RunnerHarness(rules={"fan001": "off"}).findings() == []


def test_a_rule_that_fails_does_not_affect_others_and_is_switched_off_if_it_repeats() -> None:
    harness = RunnerHarness([BROKEN, *RULES])
    for _ in range(MAX_FAILURES + 2):
        assert harness.findings() == ["FAN001 public.videos"]
    assert harness.warnings() == [f"rule FAN999 failed {MAX_FAILURES} times and is off"]


def test_rules_are_told_what_is_known_of_the_database() -> None:
    seen: list[DatabaseFacts] = []

    def detect(trace: Trace, context: RuleContext[NoThresholds]) -> list[Finding]:
        seen.append(context.facts)
        return []

    rule = Rule(code="FAN998", name="asks", safety="advice", document="", thresholds=NoThresholds, detect=detect)
    harness = RunnerHarness([rule])
    harness.findings()
    known = harness.runner.facts = DatabaseFacts(trigrams="extensions")
    harness.findings()
    assert seen == [DatabaseFacts(), known]


def test_a_relation_has_its_own_level_and_thresholds() -> None:
    off = {"relation": "public.videos", "rules": {"fan001": "off"}}
    rare = {"relation": "songs", "rules": {"n_plus_one": {"min_calls": 10}}}
    on = {"relation": "songs", "rules": {"fan001": "report"}}
    assert RunnerHarness(override=[off]).findings(TWO_RELATIONS) == ["FAN001 public.songs"]
    assert RunnerHarness(override=[off, rare]).findings(TWO_RELATIONS) == []
    assert RunnerHarness(rules={"fan001": "off"}, override=[on]).findings(TWO_RELATIONS) == ["FAN001 public.songs"]


def test_a_route_has_its_own_level() -> None:
    harness = RunnerHarness(override=[{"route": "GET /export", "rules": {"fan001": "off"}}])
    assert harness.findings(FAN_OUT) == []
    assert harness.findings(msgspec.structs.replace(FAN_OUT, route="GET /other")) == ["FAN001 public.videos"]


def test_an_ignored_finding_is_not_reported_and_its_ignore_is_used() -> None:
    harness = RunnerHarness(ignore=[{"rule": "FAN001", "relation": "videos", "reason": "an export"}])
    assert harness.findings(TWO_RELATIONS) == ["FAN001 public.songs"]
    harness.runner.warn_of_unused_ignores()
    assert harness.warnings() == []


def test_after_its_last_day_an_ignore_has_no_effect_and_there_is_one_warning() -> None:
    ignore = {"rule": "FAN001", "reason": "until the rewrite", "owner": "me", "until": "2030-01-02"}
    harness = RunnerHarness(ignore=[ignore])
    assert harness.findings() == []
    harness.day += dt.timedelta(days=1)
    assert harness.findings() == []
    harness.day += dt.timedelta(days=1)
    assert harness.findings() == harness.findings() == ["FAN001 public.videos"]
    assert harness.warnings() == ["ignore 1 (FAN001, owner me) expired on 2030-01-02: its findings are reported again"]


def test_there_is_one_warning_about_an_unused_ignore_after_a_day_or_at_the_end() -> None:
    unused = "ignore 1 (FAN001, songs) has matched no finding"
    ignore = [{"rule": "FAN001", "relation": "songs", "reason": "known"}]
    harness = RunnerHarness(ignore=ignore)
    harness.runner.warn_of_unused_ignores()
    assert harness.warnings() == [], "no rule has run yet"
    harness.findings()
    harness.runner.warn_of_unused_ignores()
    harness.runner.warn_of_unused_ignores()
    assert harness.warnings() == [unused]
    harness = RunnerHarness(ignore=ignore)
    for _ in range(2):
        harness.findings()
        harness.day += dt.timedelta(days=1)
    assert harness.warnings() == []
    harness.findings()
    assert harness.warnings() == [unused]


def test_new_settings_hold_from_the_next_trace_on() -> None:
    harness = RunnerHarness()
    assert harness.findings() == ["FAN001 public.videos"]
    harness.runner.apply_settings(Settings(rules={"fan001": "off"}))
    assert harness.findings() == []


def busy(workload: Workload, context: RuleContext[NoThresholds]) -> Iterator[Finding]:
    """A finding for each relation with more than one call."""
    for usage in workload:
        if usage.calls > 1:
            yield Finding(**TEXTS | {"code": "FAN999", "relation": usage.relation})  # type: ignore[arg-type]


TEXTS = dict.fromkeys(Finding.__struct_fields__, "") | {"impact": "LOW", "evidence": (), "fix": Fix("", "", "")}
BUSY = Rule(code="FAN999", name="busy", safety="advice", document="", thresholds=NoThresholds, inspect=busy)


def workload_findings(harness: RunnerHarness) -> list[str]:
    """The relations of the findings of each inspection."""
    return [
        finding.relation
        for event in harness.emitted
        if isinstance(event, WorkloadInspected)
        for finding in event.findings
    ]


def test_the_workload_is_inspected_at_intervals_and_a_finding_is_reported_once() -> None:
    harness = RunnerHarness([BUSY], detect={"interval": 10.0})
    harness.findings(TWO_RELATIONS)
    for now in (0.0, 5.0, 10.0, 20.0):
        harness.runner.inspect_workload(now)
    assert workload_findings(harness) == ["public.videos", "public.songs"]
    assert {known.finding.relation: known.count for known in harness.runner.findings} == {
        "public.videos": 3,
        "public.songs": 3,
    }


def test_ignores_apply_to_findings_about_the_workload() -> None:
    harness = RunnerHarness([BUSY], ignore=[{"relation": "songs", "reason": "known"}])
    harness.findings(TWO_RELATIONS)
    harness.runner.inspect_workload(0.0)
    assert workload_findings(harness) == ["public.videos"]
    ignored = {known.finding.relation: known.ignore for known in harness.runner.findings}
    assert ignored["public.videos"] is None
    assert ignored["public.songs"] is not None
    assert ignored["public.songs"].reason == "known"


def test_a_relation_has_its_own_level_for_the_workload() -> None:
    rule = msgspec.structs.replace(BUSY, code="FAN001")
    harness = RunnerHarness([rule], override=[{"relation": "public.videos", "rules": {"fan001": "off"}}])
    harness.findings(TWO_RELATIONS)
    harness.runner.inspect_workload(0.0)
    assert workload_findings(harness) == ["public.songs"]


def test_findings_are_stored_with_their_trace() -> None:
    harness = RunnerHarness()
    harness.findings()
    harness.findings()
    (known,) = harness.runner.findings
    assert (known.finding.code, known.count, known.trace) == ("FAN001", 2, "t")


def test_rules_run_in_steps_and_the_event_is_emitted_after_the_last_one() -> None:
    harness = RunnerHarness()
    steps = harness.runner.steps(FAN_OUT)
    assert sum(not any(isinstance(event, TraceClosed) for event in harness.emitted) for _ in steps) > len(RULES)
    (event,) = [event for event in harness.emitted if isinstance(event, TraceClosed)]
    assert [finding.code for finding in event.findings] == ["FAN001"]
