"""A report as annotations of a code host and as a comment on a pull request, with the formats of ``check``."""

from proxy.audit.formats.as_sarif import not_checked_text
from proxy.audit.report import Report, ReportedFinding
from proxy.check.annotations import Annotation
from proxy.check.pr_comment import marker, pr_comment
from proxy.check.verdict import BudgetProblem
from proxy.text.counted import counted


def annotations_of(report: Report) -> list[Annotation]:
    """Findings that fail, warnings, then the other findings."""
    failing = [Annotation("error", _problem(reported)) for reported in report.findings if reported.fails]
    texts = [*report.warnings, *map(not_checked_text, report.not_checked)]
    warnings = [Annotation("warning", BudgetProblem("warning", text)) for text in texts]
    others = [Annotation("notice", _problem(reported)) for reported in report.findings if not reported.fails]
    return [*failing, *warnings, *others]


def as_pr_comment(report: Report, settings: str) -> str:
    """The comment; ``settings`` is the file of settings, which its marker names."""
    title = f"fanin audit: {'failed' if report.failed else 'ok'}"
    return pr_comment(annotations_of(report), marker("audit", settings), title, report_summary(report))


def report_summary(report: Report) -> str:
    """One line without text from clients."""
    failing = sum(reported.fails for reported in report.findings)
    return (
        f"{'FAILED' if report.failed else 'ok'}: {counted(len(report.findings), 'finding')}, {failing} of them fail; "
        f"{counted(report.traffic.queries, 'request')} in {counted(report.traffic.traces, 'trace')}"
    )


def _problem(reported: ReportedFinding) -> BudgetProblem:
    finding = reported.finding
    return BudgetProblem(finding.code, finding.title, finding.route, "", "", finding)
