"""Rules over closed traces: each is run at its level, and one that keeps failing is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.findings import Rule
from proxy.observe.events import Closed, Event, Events, Warned
from proxy.sections import Rules
from proxy.shell.judge import FAILURES, Judge
from rules import RULES
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.findings import Finding
    from proxy.model import Trace

FAN_OUT = parallel([f"GET /videos?id=eq.{number}" for number in range(9)])


def judge(rules: Sequence[Rule], *settings: Rules) -> tuple[list[list[str]], list[str]]:
    """The codes found, a list a trace, and what the operator was told."""
    said: list[Event] = []
    events = Events()
    events.subscribe(said.append)
    one = Judge(rules, events)
    for setting in settings:
        one.judge(FAN_OUT, setting)
    closed = [[finding.code for finding in event.findings] for event in said if isinstance(event, Closed)]
    return closed, [event.what for event in said if isinstance(event, Warned)]


def broken(trace: Trace, rules: Rules) -> Iterator[Finding]:
    raise ValueError("a value that must not be told")


def test_a_rule_at_level_off_is_not_run_and_at_report_it_is() -> None:
    closed, _ = judge(RULES, Rules(), Rules(fan001="off"), Rules(fan001="report"))
    assert closed == [["FAN001"], [], ["FAN001"]]


def test_a_rule_that_fails_costs_the_others_nothing_and_is_off_when_it_goes_on() -> None:
    closed, told = judge([Rule("FAN999", "broken", "advice", "", broken), *RULES], *[Rules()] * (FAILURES + 2))
    assert closed == [["FAN001"]] * (FAILURES + 2)
    assert told == [f"rule FAN999 failed {FAILURES} times and is off"]
