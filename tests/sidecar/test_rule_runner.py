"""Rules over closed traces: each is run at its level, and one that keeps failing is off."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from proxy.analysis.rule import Rule
from proxy.findings.model import Finding, Fix
from proxy.observe.events import Event, Events, TraceClosed, Warned, WorkloadInspected
from proxy.settings.model import Settings
from proxy.sidecar.rule_runner import FAILURES, RuleRunner
from rules import RULES
from tests.rules.traces import NoThresholds, parallel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.analysis.rule import AnyRule, RuleContext
    from proxy.analysis.workload import Workload
    from proxy.model import Trace

FAN_OUT = parallel([f"GET /videos?id=eq.{number}" for number in range(9)])
TWO = parallel([f"GET /{table}?id=eq.{number}" for table in ("videos", "songs") for number in range(9)])


class Court:
    """A judge, and what it said, on a day that a test sets."""

    def __init__(self, run: Sequence[AnyRule] = RULES, /, **settings: Any) -> None:
        self.day = dt.date(2030, 1, 1)
        self.said: list[Event] = []
        events = Events()
        events.subscribe(self.said.append)
        self.judge = RuleRunner(run, Settings(**settings), events, lambda: self.day)

    def found(self, trace: Trace = FAN_OUT) -> list[str]:
        """The rules and relations found in ``trace``."""
        self.judge.run(trace)
        (event,) = [event for event in self.said if isinstance(event, TraceClosed)][-1:]
        return [f"{finding.code} {finding.relation}" for finding in event.findings]

    def told(self) -> list[str]:
        """What the operator was told."""
        return [event.what for event in self.said if isinstance(event, Warned)]


def broken(trace: Trace, context: RuleContext[NoThresholds]) -> Iterator[Finding]:
    raise ValueError("a value that must not be told")


BROKEN = Rule(code="FAN999", name="broken", safety="advice", document="", thresholds=NoThresholds, detect=broken)


def test_a_rule_at_level_off_is_not_run_and_at_report_it_is() -> None:
    assert Court().found() == ["FAN001 public.videos"]
    assert Court(rules={"fan001": "report"}).found() == ["FAN001 public.videos"]
    assert Court(rules={"fan001": "off"}).found() == []


def test_a_rule_that_fails_costs_the_others_nothing_and_is_off_when_it_goes_on() -> None:
    court = Court([BROKEN, *RULES])
    for _ in range(FAILURES + 2):
        assert court.found() == ["FAN001 public.videos"]
    assert court.told() == [f"rule FAN999 failed {FAILURES} times and is off"]


def test_a_relation_is_judged_by_its_own_level_and_bounds() -> None:
    off = {"relation": "public.videos", "rules": {"fan001": "off"}}
    assert Court(override=[off]).found(TWO) == ["FAN001 public.songs"]
    assert Court(override=[off, {"relation": "songs", "rules": {"n_plus_one": {"min_calls": 10}}}]).found(TWO) == []
    assert Court(rules={"fan001": "off"}, override=[{"relation": "songs", "rules": {"fan001": "report"}}]).found(
        TWO
    ) == ["FAN001 public.songs"]


def test_a_route_is_judged_by_its_own_level() -> None:
    court = Court(override=[{"route": "GET /export", "rules": {"fan001": "off"}}])
    assert court.found(FAN_OUT) == []
    assert court.found(msgspec.structs.replace(FAN_OUT, route="GET /other")) == ["FAN001 public.videos"]


def test_a_known_finding_is_not_told_again_and_its_ignore_is_not_idle() -> None:
    court = Court(ignore=[{"rule": "FAN001", "relation": "videos", "reason": "an export"}])
    assert court.found(TWO) == ["FAN001 public.songs"]
    court.judge.warn_of_unused_ignores()
    assert court.told() == []


def test_an_ignore_ends_with_its_last_day_and_is_told_once() -> None:
    court = Court(ignore=[{"rule": "FAN001", "reason": "until the rewrite", "owner": "me", "until": "2030-01-02"}])
    assert court.found() == []
    court.day += dt.timedelta(days=1)
    assert court.found() == []
    court.day += dt.timedelta(days=1)
    assert court.found() == court.found() == ["FAN001 public.videos"]
    assert court.told() == ["ignore 1 (FAN001, owner me) ended on 2030-01-02: what it was for is told again"]


def test_an_ignore_that_matched_nothing_is_told_after_a_day_or_at_the_end_and_once() -> None:
    idle = "ignore 1 (FAN001, songs) has matched no finding"
    ignore = [{"rule": "FAN001", "relation": "songs", "reason": "known"}]
    court = Court(ignore=ignore)
    court.judge.warn_of_unused_ignores()
    assert court.told() == [], "nothing was judged yet"
    court.found()
    court.judge.warn_of_unused_ignores()
    court.judge.warn_of_unused_ignores()
    assert court.told() == [idle]
    court = Court(ignore=ignore)
    for _ in range(2):
        court.found()
        court.day += dt.timedelta(days=1)
    assert court.told() == []
    court.found()
    assert court.told() == [idle]


def test_new_settings_hold_from_the_next_trace_on() -> None:
    court = Court()
    assert court.found() == ["FAN001 public.videos"]
    court.judge.apply_settings(Settings(rules={"fan001": "off"}))
    assert court.found() == []


def busy(workload: Workload, context: RuleContext[NoThresholds]) -> Iterator[Finding]:
    """Each relation that was asked more than once."""
    for usage in workload:
        if usage.calls > 1:
            yield Finding(**TEXTS | {"code": "FAN999", "relation": usage.relation})  # type: ignore[arg-type]


TEXTS = dict.fromkeys(Finding.__struct_fields__, "") | {"impact": "LOW", "evidence": (), "fix": Fix("", "", "")}
BUSY = Rule(code="FAN999", name="busy", safety="advice", document="", thresholds=NoThresholds, inspect=busy)


def looked(court: Court) -> list[str]:
    """The relations of what each look found."""
    return [
        finding.relation for event in court.said if isinstance(event, WorkloadInspected) for finding in event.findings
    ]


def test_the_workload_is_looked_at_from_time_to_time_and_what_is_found_is_told_once() -> None:
    court = Court([BUSY], detect={"interval": 10.0})
    court.found(TWO)
    for now in (0.0, 5.0, 10.0, 20.0):
        court.judge.inspect_workload(now)
    assert looked(court) == ["public.videos", "public.songs"]
    assert {known.finding.relation: known.count for known in court.judge.findings} == {
        "public.videos": 3,
        "public.songs": 3,
    }


def test_what_is_ignored_is_ignored_in_the_workload_too() -> None:
    court = Court([BUSY], ignore=[{"relation": "songs", "reason": "known"}])
    court.found(TWO)
    court.judge.inspect_workload(0.0)
    assert looked(court) == ["public.videos"]
    ignored = {known.finding.relation: known.ignore for known in court.judge.findings}
    assert ignored["public.videos"] is None
    assert ignored["public.songs"] is not None
    assert ignored["public.songs"].reason == "known"


def test_a_relation_has_its_own_level_in_the_workload_too() -> None:
    rule = msgspec.structs.replace(BUSY, code="FAN001")
    court = Court([rule], override=[{"relation": "public.videos", "rules": {"fan001": "off"}}])
    court.found(TWO)
    court.judge.inspect_workload(0.0)
    assert looked(court) == ["public.songs"]


def test_findings_of_traces_are_remembered_with_their_trace() -> None:
    court = Court()
    court.found()
    court.found()
    (known,) = court.judge.findings
    assert (known.finding.code, known.count, known.trace) == ("FAN001", 2, "t")


def test_a_long_trace_is_judged_in_steps_and_told_at_the_last_one() -> None:
    court = Court()
    steps = court.judge.steps(FAN_OUT)
    assert sum(not any(isinstance(event, TraceClosed) for event in court.said) for _ in steps) == len(RULES)
    (event,) = [event for event in court.said if isinstance(event, TraceClosed)]
    assert [finding.code for finding in event.findings] == ["FAN001"]
