"""Formats a verdict as JUnit XML, which build servers (Jenkins, GitLab, reporters for GitHub) show as tests."""

import re
from collections.abc import Iterator
from itertools import groupby
from xml.sax.saxutils import escape

from proxy.check.verdict import BudgetProblem, CheckResult, Verdict
from proxy.findings.report import finding_lines

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot contain, not even escaped (https://www.w3.org/TR/xml/#charsets)."""


def junit(verdict: Verdict) -> str:
    """One test suite per kind of check, one test case per check."""
    failed = sum(bool(check.problems) for check in verdict.checks)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="fanin check" tests="{len(verdict.checks)}" failures="{failed}">')
    for kind, checks in groupby(verdict.checks, key=lambda check: check.kind):
        lines += _suite(kind, list(checks))
    messages = [*(f"warning: {text}" for text in verdict.warnings), *(f"note: {note.what}" for note in verdict.notes)]
    if messages:
        lines.append(' <testsuite name="fanin.messages" tests="0" failures="0">')
        lines += [f"  <system-out>{_text(messages)}</system-out>", " </testsuite>"]
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _suite(kind: str, checks: list[CheckResult]) -> Iterator[str]:
    failed = sum(bool(check.problems) for check in checks)
    skipped = sum(not (check.problems or check.measured) for check in checks)
    name = f'name="fanin.{kind}" tests="{len(checks)}" failures="{failed}" skipped="{skipped}"'
    yield f" <testsuite {name}>"
    for check in checks:
        yield from _test(check)
    yield " </testsuite>"


def _test(check: CheckResult) -> Iterator[str]:
    name = f'classname="fanin.{check.kind}" name={_quoted(check.name)}'
    if not check.problems and check.measured:
        yield f"  <testcase {name}/>"
        return
    yield f"  <testcase {name}>"
    if not check.problems:
        yield '   <skipped message="nothing was measured"/>'
    else:
        what = "; ".join(problem.what for problem in check.problems)
        lines = [line for problem in check.problems for line in _lines(problem)]
        yield f"   <failure type={_quoted(check.code)} message={_quoted(what)}>{_text(lines)}</failure>"
    yield "  </testcase>"


def _lines(problem: BudgetProblem) -> Iterator[str]:
    yield f"{problem.what} (route {problem.route or '-'}, trace {problem.trace or '-'}, in {problem.source})"
    if problem.finding is not None:
        yield from finding_lines(problem.finding)


def _text(lines: list[str]) -> str:
    return escape(_allowed("\n".join(lines)), {"\r": "&#13;"})


def _quoted(text: str) -> str:
    """An attribute value. XML parsers replace unescaped line ends with spaces."""
    escapes = {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
    return f'"{escape(_allowed(text), escapes)}"'


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
