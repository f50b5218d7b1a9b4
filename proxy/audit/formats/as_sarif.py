"""Formats a report as SARIF, whose findings code hosts show next to the code, with the helpers of ``check.sarif``."""

from collections.abc import Sequence
from typing import Any

from proxy.analysis.rule import AnyRule
from proxy.audit.report import IgnoredFinding, Report, ReportedFinding, UncheckedItem
from proxy.check.sarif import log, result, rule_descriptor
from proxy.check.verdict import BudgetProblem
from proxy.findings.model import Finding
from proxy.text.counted import counted

LEVELS = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note"}


def as_sarif(report: Report, rules: Sequence[AnyRule], version: str, settings: str) -> str:
    """Findings at the level of their impact; one that cannot fail a build is a note, an ignored one is suppressed.

    ``settings`` is the file that findings without a source location point to; may be empty.
    """
    results = [_result(reported, settings) for reported in report.findings]
    results += [_suppressed(ignored, settings) for ignored in report.ignored]
    return log(
        results,
        [rule_descriptor(rule) for rule in rules],
        version,
        [*report.warnings, *map(not_checked_text, report.not_checked)],
    )


def not_checked_text(item: UncheckedItem) -> str:
    """What was not checked, why, and what to do."""
    about = f" of {item.object}" if item.object else ""
    return f"not checked: {item.check}{about}, because {item.because}. {item.remedy}"


def _result(reported: ReportedFinding, settings: str) -> dict[str, Any]:
    level = LEVELS[reported.finding.impact] if reported.judged else "note"
    return _counted_result(level, reported.finding, reported.times, reported.source, reported.trace, settings)


def _suppressed(ignored: IgnoredFinding, settings: str) -> dict[str, Any]:
    sarif_result = _counted_result(LEVELS[ignored.finding.impact], ignored.finding, ignored.times, "", "", settings)
    return {**sarif_result, "suppressions": [{"kind": "external", "justification": ignored.reason}]}


def _counted_result(level: str, finding: Finding, times: int, source: str, trace: str, settings: str) -> dict[str, Any]:
    what = f"{finding.title}, {counted(times, 'time')}"
    problem = BudgetProblem(finding.code, what, finding.route, source, trace, finding)
    return {**result(level, problem, settings), "occurrenceCount": times}
