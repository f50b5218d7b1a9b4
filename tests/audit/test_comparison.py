"""What became of findings; gone only where the rule looked again."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.audit import advisor
from proxy.audit.comparison import compare, comparison_lines
from proxy.audit.report import Report, UncheckedItem
from proxy.findings.model import CountedFinding, DatabaseObject, Finding
from tests.audit.factories import EMPTY, PLAIN, report
from tests.check.factories import finding

TABLE = replace(
    finding("public.videos", "FAN026"), fingerprint="", route="", object=DatabaseObject("table", "public", "videos")
)
CHECKED = replace(EMPTY, checked=("FAN026",), schemas=("public",))


def with_findings(base: Report, *findings: Finding) -> Report:
    counted = [CountedFinding(each, "", "", 1, True) for each in findings]
    return replace(base, findings=tuple(advisor.reported_findings(counted, "high")))


FOUND = with_findings(CHECKED, TABLE)


def test_a_report_differs_not_from_itself() -> None:
    comparison = compare(FOUND, FOUND)
    assert list(comparison_lines(comparison)) == ["ok: 0 new, 0 worse"]


def test_a_new_and_a_worse_finding_fail_and_a_better_one_does_not() -> None:
    low = with_findings(CHECKED, replace(TABLE, impact="LOW"))
    high = with_findings(CHECKED, replace(TABLE, impact="CRITICAL"))
    assert [each.key for each in compare(EMPTY, FOUND).new] == [TABLE.key]
    assert len(compare(low, high).worse) == len(compare(high, low).better) == 1
    assert (compare(EMPTY, FOUND).failed, compare(low, high).failed, compare(high, low).failed) == (True, True, False)


def test_a_finding_is_gone_only_if_its_rule_looked_at_its_object() -> None:
    assert len(compare(FOUND, CHECKED).gone) == 1
    unchecked = UncheckedItem("FAN026", "public.videos", "a", "b")
    other = replace(unchecked, object="public.songs")
    assert len(compare(FOUND, replace(CHECKED, not_checked=(other,))).gone) == 1
    for again in (
        EMPTY,
        replace(CHECKED, checked=()),
        replace(CHECKED, schemas=("api",)),
        replace(CHECKED, not_checked=(unchecked,)),
    ):
        comparison = compare(FOUND, again)
        assert (len(comparison.gone), len(comparison.not_observed), comparison.failed) == (0, 1, False)


def test_a_finding_about_requests_is_gone_only_if_its_requests_were_seen_again() -> None:
    full = report(PLAIN)
    usage = full.queries[0]
    found = with_findings(full, replace(finding("videos"), fingerprint=usage.fingerprint, route=""))
    assert len(compare(found, replace(full, findings=())).gone) == 1
    assert len(compare(found, EMPTY).not_observed) == 1
