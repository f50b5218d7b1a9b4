"""A report as annotations and as a comment: what fails is an error, all else is not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.audit.formats.as_annotations import annotations_of, as_pr_comment, report_summary
from tests.audit.factories import NAMES, PLAIN, report


@pytest.mark.parametrize("name", NAMES)
def test_levels_and_summary_do_not_depend_on_names(name: str) -> None:
    plain, made = report(PLAIN), report(name)
    assert [each.level for each in annotations_of(made)] == [each.level for each in annotations_of(plain)]
    assert report_summary(made) == report_summary(plain)


def test_only_findings_that_fail_are_errors_and_what_was_not_checked_is_a_warning() -> None:
    made = report(PLAIN)
    errors = [each.problem.code for each in annotations_of(made) if each.level == "error"]
    assert errors == [reported.finding.code for reported in made.findings if reported.fails]
    assert not any(each.level == "error" for each in annotations_of(replace(made, findings=())))
    warnings = [each.problem.what for each in annotations_of(made) if each.level == "warning"]
    assert warnings[: len(made.warnings)] == list(made.warnings)
    assert len(warnings) == len(made.warnings) + len(made.not_checked)


def test_the_comment_is_about_the_audit() -> None:
    made = report(PLAIN)
    first, title, *_ = as_pr_comment(made, "fanin.toml").splitlines()
    assert first == "<!-- fanin audit fanin.toml -->"
    assert title == f"### fanin audit: {'failed' if made.failed else 'ok'}"
