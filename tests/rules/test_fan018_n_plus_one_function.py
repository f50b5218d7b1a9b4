"""FAN018 tells loops of calls of one function from few, equal, failed and polled ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.observe.confirmed_names import ConfirmedNames
from proxy.settings.rules import RuleSettings
from rules.fan018_n_plus_one_function import RULE, detect
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from proxy.model import Span, Trace

DEFAULTS = RuleSettings().of(RULE)


def calls(method: str, number: int, target: str = "/rpc/can_edit?ticket={}") -> list[Span]:
    made = [span(f"{method} {target.format(n)}", n + 1, start=0.02 * n) for n in range(number)]
    return [replace(one, function="can_edit") for one in made]


def findings(seen: Trace) -> list[str]:
    return [finding.title for finding in detect(seen, DEFAULTS)]


@pytest.mark.parametrize(("method", "confidence"), [("GET", "high"), ("POST", "medium")])
def test_calls_of_one_function_are_found_with_the_reason_for_no_code(method: str, confidence: str) -> None:
    (finding,) = detect(trace(calls(method, 12)), DEFAULTS)
    assert finding.title == "12 calls of the function can_edit"
    assert (finding.impact, finding.confidence) == ("MEDIUM", confidence)
    assert finding.fingerprint == f"{method} /rpc/can_edit"
    assert "lateral can_edit(given.argument) as result" in finding.fix.reason
    assert not finding.fix.sql


def test_equal_calls_by_post_are_found_as_their_bodies_are_not_read() -> None:
    (finding,) = detect(trace(calls("POST", 6, "/rpc/can_edit")), DEFAULTS)
    assert "which fanin does not read: the calls may be equal" in finding.evidence[1]


def test_it_is_shown_only_if_a_call_with_that_name_succeeded() -> None:
    seen = trace(calls("GET", 6))
    (finding,) = detect(seen, DEFAULTS)
    names = ConfirmedNames()
    names.learn([replace(one, status=404) for one in seen.spans])
    assert names.shown_findings([finding]) == []
    names.learn(seen.spans)
    assert names.shown_findings([finding]) == [finding]


def test_few_calls_equal_reads_and_failed_calls_are_not() -> None:
    assert not findings(trace(calls("GET", 4)))
    assert not findings(trace(calls("GET", 9, "/rpc/can_edit?ticket=1")))
    assert not findings(trace([replace(one, status=404) for one in calls("GET", 9)]))
    assert not findings(trace([replace(one, function="") for one in calls("GET", 9)]))
    assert not findings(trace([replace(one, retry=True) for one in calls("GET", 9)]))
    assert not findings(trace(calls("GET", 9), mixed=True))


def test_a_pause_ends_a_loop() -> None:
    spread = [replace(one, start=number * 1.0, end=number * 1.0 + 0.01) for number, one in enumerate(calls("GET", 9))]
    assert not findings(trace(spread))


def test_different_callers_have_loops_of_their_own() -> None:
    mixed = [replace(one, identity=number % 3) for number, one in enumerate(calls("GET", 12))]
    assert not findings(trace(mixed))
