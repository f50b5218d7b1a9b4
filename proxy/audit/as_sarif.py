"""A report as SARIF, whose findings code hosts show beside the code; what is written is what ``check.sarif`` writes."""

from collections.abc import Sequence
from typing import Any

from proxy.analysis.rule import AnyRule
from proxy.analysis.volume import many
from proxy.audit.report import IgnoredFinding, Report, ReportedFinding
from proxy.check.sarif import described, log, result
from proxy.check.verdict import BudgetProblem
from proxy.findings.model import Finding

LEVELS = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note"}


def as_sarif(report: Report, rules: Sequence[AnyRule], version: str, settings: str) -> str:
    """Findings at the level of their impact; one that cannot fail a build is a note, an ignored one is suppressed.

    ``settings`` is the file that stands for findings without a place in the code; empty for none.
    """
    results = [_result(one, settings) for one in report.findings]
    results += [_suppressed(one, settings) for one in report.ignored]
    return log(results, [described(rule) for rule in rules], version, report.warnings)


def _result(one: ReportedFinding, settings: str) -> dict[str, Any]:
    level = LEVELS[one.finding.impact] if one.judged else "note"
    return _made(level, one.finding, one.times, one.source, one.trace, settings)


def _suppressed(one: IgnoredFinding, settings: str) -> dict[str, Any]:
    made = _made(LEVELS[one.finding.impact], one.finding, one.times, "", "", settings)
    return {**made, "suppressions": [{"kind": "external", "justification": one.reason}]}


def _made(level: str, found: Finding, times: int, source: str, trace: str, settings: str) -> dict[str, Any]:
    what = f"{found.title}, {many(times, 'time')}"
    made = result(level, BudgetProblem(found.code, what, found.route, source, trace, found), settings)
    return {**made, "occurrenceCount": times}
