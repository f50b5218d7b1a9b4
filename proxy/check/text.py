"""Formats a verdict for a terminal or a build log.

No line begins with text from a client: build servers execute commands at the start of log lines.
"""

from collections.abc import Iterator

from proxy.check.annotations import summary
from proxy.check.verdict import BudgetProblem, CheckResult, Verdict
from proxy.findings.report import finding_lines
from proxy.text.terminal import safe


def text(verdict: Verdict) -> str:
    """Failed checks with their full findings first, then other checks, notes and warnings."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    failed = [check for check in verdict.checks if check.problems]
    for check in failed:
        yield from _check(check)
    for check in verdict.checks:
        if not check.problems and check.kind != "rule":
            yield f"{'ok     ' if check.measured else 'nothing'}  {safe(check.name)}"
    for problem in verdict.notes:
        yield f"note     {_about(problem)}{_where(problem)}"
    for warning in verdict.warnings:
        yield f"warning  {safe(warning)}"
    yield summary(verdict)


def _check(check: CheckResult) -> Iterator[str]:
    yield f"FAILED   {safe(check.name)}"
    for problem in check.problems:
        yield f"         {safe(problem.what)}{_where(problem)}"
    for problem in check.problems:
        if problem.finding is not None:
            yield from (f"       │ {line}" for line in finding_lines(problem.finding))


def _about(problem: BudgetProblem) -> str:
    code = f"{problem.finding.code} " if problem.finding else ""
    return code + safe(problem.what)


def _where(problem: BudgetProblem) -> str:
    """Route, trace and recording in parentheses; empty if none is known."""
    named = (("route", problem.route), ("trace", problem.trace), ("in", problem.source))
    parts = ", ".join(f"{name} {safe(value)}" for name, value in named if value)
    return f" ({parts})" if parts else ""
