"""Findings once each, and what kept requests from being merged."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from proxy.audit.advisor import bypass_reasons, ignored, told
from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.findings.ignores import Ignore
from proxy.findings.model import CountedFinding
from tests.audit.factories import everything
from tests.check.factories import finding

HIGH = finding("videos")
LOW = replace(finding("songs"), impact="LOW")


def test_the_worst_come_first_and_of_one_impact_what_can_fail_and_then_the_most_frequent() -> None:
    seen = [
        CountedFinding(LOW, "file", "t", 9, True, 9),
        CountedFinding(finding("loose"), "file", "t", 9, False, 9),
        CountedFinding(finding("once"), "file", "t", 1, True, 1),
        CountedFinding(HIGH, "file", "t", 2, True, 2),
    ]
    assert [one.finding.relation for one in told(seen, "high")] == ["videos", "once", "loose", "songs"]


def test_a_finding_of_both_kinds_of_traces_is_one_and_can_fail() -> None:
    (one,) = told([CountedFinding(HIGH, "a", "i", 2, False, 1), CountedFinding(HIGH, "b", "t", 3, True, 2)], "high")
    assert (one.times, one.traces, one.judged, one.fails) == (5, 3, True, True)
    assert (one.source, one.trace, one.key) == ("b", "t", HIGH.key)


@pytest.mark.parametrize(
    ("fail_on", "failing"), [("low", 2), ("medium", 1), ("high", 1), ("critical", 0), ("never", 0)]
)
def test_findings_fail_from_an_impact_on(fail_on: str, failing: int) -> None:
    seen = [CountedFinding(LOW, "file", "t", 1, True, 1), CountedFinding(HIGH, "file", "t", 1, True, 1)]
    assert sum(one.fails for one in told(seen, fail_on)) == failing


def test_what_only_inferred_traces_show_never_fails() -> None:
    (one,) = told([CountedFinding(HIGH, "file", "t", 1, False, 1)], "low")
    assert (one.judged, one.fails) == (False, False)


def test_what_is_ignored_is_told_once_with_its_reason() -> None:
    ignore = Ignore(rule="FAN001", reason="in spring", owner="ana", until=dt.date(2999, 3, 31))
    found = ignored([(LOW, 1, ignore), (HIGH, 2, ignore), (HIGH, 3, ignore)])
    assert [(one.finding.relation, one.times) for one in found] == [("videos", 5), ("songs", 1)]
    assert (found[0].reason, found[0].owner, found[0].until) == ("in spring", "ana", "2999-03-31")


def test_reasons_come_by_how_often_they_held_with_their_texts_and_what_was_asked() -> None:
    asked = {("range", (name, "t")): count for name, count in (("a", 1), ("b", 4), ("c", 2), ("d", 3))}
    first, second = bypass_reasons({("count", ("a", "t")): 9, **asked}, everything)
    assert (first.reason, first.queries, first.fingerprints) == ("range", 10, ("b", "d", "c"))
    assert (first.why, first.remedy) == (BYPASS_REASONS["range"], BYPASS_REMEDIES["range"])
    assert (second.reason, second.queries) == ("count", 9)


def test_names_that_may_not_be_shown_are_counted_and_not_told() -> None:
    (one,) = bypass_reasons({("range", ("a", "t")): 2}, lambda fingerprint, relation: False)
    assert (one.queries, one.fingerprints) == (2, ())


def test_a_reason_that_nobody_knows_is_told_without_texts() -> None:
    (one,) = bypass_reasons({("of-a-later-fanin", ("a", "t")): 1}, everything)
    assert (one.reason, one.why, one.remedy) == ("of-a-later-fanin", "", "")
