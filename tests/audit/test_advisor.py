"""Each finding and each ignored finding is reported once, and bypass reasons by frequency."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from proxy.audit.advisor import bypass_reasons, ignored_findings, reported_findings
from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.findings.ignores import Ignore
from proxy.findings.model import CountedFinding
from tests.audit.factories import everything
from tests.check.factories import finding

HIGH = finding("videos")
LOW = replace(finding("songs"), impact="LOW")


def test_findings_are_ordered_by_impact_then_by_whether_they_can_fail_then_by_frequency() -> None:
    seen = [
        CountedFinding(LOW, "file", "t", 9, True, 9),
        CountedFinding(finding("loose"), "file", "t", 9, False, 9),
        CountedFinding(finding("once"), "file", "t", 1, True, 1),
        CountedFinding(HIGH, "file", "t", 2, True, 2),
    ]
    assert [reported.finding.relation for reported in reported_findings(seen, "high")] == [
        "videos",
        "once",
        "loose",
        "songs",
    ]


def test_a_finding_of_both_kinds_of_traces_is_reported_once_and_can_fail() -> None:
    (reported,) = reported_findings(
        [CountedFinding(HIGH, "a", "i", 2, False, 1), CountedFinding(HIGH, "b", "t", 3, True, 2)], "high"
    )
    assert (reported.times, reported.traces, reported.judged, reported.fails) == (5, 3, True, True)
    assert (reported.source, reported.trace, reported.key) == ("b", "t", HIGH.key)


@pytest.mark.parametrize(
    ("fail_on", "failing"), [("low", 2), ("medium", 1), ("high", 1), ("critical", 0), ("never", 0)]
)
def test_findings_fail_from_fail_on(fail_on: str, failing: int) -> None:
    seen = [CountedFinding(LOW, "file", "t", 1, True, 1), CountedFinding(HIGH, "file", "t", 1, True, 1)]
    assert sum(reported.fails for reported in reported_findings(seen, fail_on)) == failing


def test_a_finding_of_inferred_traces_only_never_fails() -> None:
    (reported,) = reported_findings([CountedFinding(HIGH, "file", "t", 1, False, 1)], "low")
    assert (reported.judged, reported.fails) == (False, False)


def test_an_ignored_finding_is_reported_once_with_its_reason() -> None:
    ignore = Ignore(rule="FAN001", reason="in spring", owner="ana", until=dt.date(2999, 3, 31))
    findings = ignored_findings([(LOW, 1, ignore), (HIGH, 2, ignore), (HIGH, 3, ignore)])
    assert [(each.finding.relation, each.times) for each in findings] == [("videos", 5), ("songs", 1)]
    assert (findings[0].reason, findings[0].owner, findings[0].until) == ("in spring", "ana", "2999-03-31")


def test_bypass_reasons_are_ordered_by_frequency_and_have_texts_and_examples() -> None:
    ranges = {("range", (name, "t")): count for name, count in (("a", 1), ("b", 4), ("c", 2), ("d", 3))}
    first, second = bypass_reasons({("count", ("a", "t")): 9, **ranges}, everything)
    assert (first.reason, first.queries, first.fingerprints) == ("range", 10, ("b", "d", "c"))
    assert (first.why, first.remedy) == (BYPASS_REASONS["range"], BYPASS_REMEDIES["range"])
    assert (second.reason, second.queries) == ("count", 9)


def test_names_that_may_not_be_shown_are_counted_but_not_listed() -> None:
    (reported,) = bypass_reasons({("range", ("a", "t")): 2}, lambda fingerprint, relation: False)
    assert (reported.queries, reported.fingerprints) == (2, ())


def test_an_unknown_bypass_reason_has_no_texts() -> None:
    (reported,) = bypass_reasons({("of-a-later-fanin", ("a", "t")): 1}, everything)
    assert (reported.reason, reported.why, reported.remedy) == ("of-a-later-fanin", "", "")
