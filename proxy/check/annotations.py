"""Problems as annotations of a code host: workflow commands of GitHub, and code quality reports of GitLab."""

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Literal

import msgspec

from proxy.check.verdict import BudgetProblem, Verdict
from proxy.findings.report import finding_lines
from proxy.text.counted import counted
from proxy.text.terminal import safe

MAX_MESSAGE = 4000
"""Characters of a message; what is longer is cut."""
SEVERITIES = {"CRITICAL": "critical", "HIGH": "major", "MEDIUM": "minor", "LOW": "info"}
"""GitLab's severity by impact."""
SOURCE_LINE = re.compile(r"((?:[\w@+\-.$()\[\]]+/)*[\w@+\-.$()\[\]]+\.\w+):([1-9]\d{0,8})(?::[1-9]\d{0,8})?")
"""A source file relative to the repository root, and a line number: 'app/(shop)/items/[...slug]/page.tsx:7'."""
AnnotationLevel = Literal["error", "warning", "notice"]
"""``error``: it fails the build."""


class Annotation(msgspec.Struct, frozen=True):
    """A problem with its level."""

    level: AnnotationLevel
    problem: BudgetProblem


def verdict_annotations(verdict: Verdict) -> list[Annotation]:
    """Problems, warnings and notes of a verdict, in this order."""
    failing = [Annotation("error", problem) for check in verdict.checks for problem in check.problems]
    failing.sort(key=lambda each: -each.problem.finding.weight if each.problem.finding else -len(SEVERITIES))
    warnings = [Annotation("warning", BudgetProblem("warning", text)) for text in verdict.warnings]
    return [*failing, *warnings, *(Annotation("notice", note) for note in verdict.notes)]


def source_line(problem: BudgetProblem) -> tuple[str, int] | None:
    """File and line of the code that made the calls, if the client sends a path below the repository's root."""
    source = SOURCE_LINE.fullmatch(problem.finding.caller) if problem.finding else None
    if source is None or ".." in source[1].split("/"):
        return None
    return source[1], int(source[2])


def identity(problem: BudgetProblem) -> str:
    """A hash that is the same in each run for the same problem."""
    key = problem.finding.key if problem.finding else ""
    parts = (problem.code, problem.route, key) if key or problem.route else (problem.code, problem.what, "")
    return sha256(repr(parts).encode()).hexdigest()


def github(found: Iterable[Annotation], settings: str, summary: str) -> str:
    """Workflow commands, and a line of ``summary``. GitHub shows ten of each level per step, so the worst come first.

    A problem without a source line is at the file of ``settings``.
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join([*(_command(each, settings) for each in found), summary]) + "\n"


def _command(annotation: Annotation, settings: str) -> str:
    problem = annotation.problem
    file, line = source_line(problem) or (settings, 1)
    place = [f"file={_property(file)}", f"line={line}"] if file else []
    title = f"title={_property(f'fanin {problem.code}')}"
    message = "\n".join(_lines(problem))[:MAX_MESSAGE]
    return f"::{annotation.level} {','.join([*place, title])}::{_data(message)}"


def gitlab(found: Iterable[Annotation], settings: str) -> str:
    """A code quality report. GitLab requires a file: without a source line it is that of ``settings``.

    https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    issues: dict[str, object] = {}
    for annotation in found:
        problem = annotation.problem
        file, line = source_line(problem) or (settings or "fanin.toml", 1)
        issues.setdefault(
            identity(problem),
            {
                "description": f"{safe(problem.what)}{_where(problem)}"[:MAX_MESSAGE],
                "check_name": problem.code,
                "fingerprint": identity(problem),
                "severity": _severity(annotation),
                "location": {"path": file.removeprefix("./"), "lines": {"begin": line}},
            },
        )
    return msgspec.json.format(msgspec.json.encode(list(issues.values())), indent=2).decode() + "\n"


def _severity(annotation: Annotation) -> str:
    if annotation.level == "notice":
        return "info"
    finding = annotation.problem.finding
    if finding is None:
        return "major" if annotation.level == "error" else "minor"
    return SEVERITIES[finding.impact]


def _lines(problem: BudgetProblem) -> Iterator[str]:
    yield f"{safe(problem.what)}{_where(problem)}"
    if problem.finding is not None:
        yield from finding_lines(problem.finding)


def _where(problem: BudgetProblem) -> str:
    return f" (route {safe(problem.route)})" if problem.route else ""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(safe(text)).replace(":", "%3A").replace(",", "%2C")


def summary(verdict: Verdict) -> str:
    """One line about a verdict, without text from clients."""
    failed = sum(bool(check.problems) for check in verdict.checks)
    return (
        f"{'FAILED' if failed else 'ok'}: {failed} of {len(verdict.checks)} checks failed; "
        f"{counted(verdict.works, 'trace')}, {verdict.gating} of them can fail checks"
    )


def levels(found: Sequence[Annotation], level: AnnotationLevel) -> list[BudgetProblem]:
    """The problems of one level."""
    return [each.problem for each in found if each.level == level]
