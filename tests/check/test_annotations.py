"""A verdict as annotations of code hosts: one command or issue per problem, whatever clients call things."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from proxy.check.annotations import Annotation, github, gitlab, summary, verdict_annotations
from proxy.check.verdict import BudgetProblem
from tests.check.factories import NAMES, PLAIN, finding, shape, verdict_about

COMMAND = re.compile(r"::(error|warning|notice) (?:file=[^:,]+,line=\d+,)?title=fanin \w[\w-]*::.+")


def commands(name: str, settings: str = "fanin.toml") -> list[str]:
    verdict = verdict_about(name)
    return github(verdict_annotations(verdict), settings, summary(verdict)).splitlines()


def issues(name: str, settings: str = "fanin.toml") -> Any:
    return json.loads(gitlab(verdict_annotations(verdict_about(name)), settings))


@pytest.mark.parametrize("name", NAMES)
def test_each_problem_is_one_command_and_one_issue_whatever_clients_call_things(name: str) -> None:
    *lines, last = commands(name)
    assert len(lines) == len(commands(PLAIN)) - 1
    assert all(COMMAND.fullmatch(line) for line in lines)
    assert last == summary(verdict_about(PLAIN))
    assert shape(issues(name)) == shape(issues(PLAIN))


def test_what_fails_comes_first_and_the_worst_of_it_before_the_rest() -> None:
    levels = [line.partition(" ")[0] for line in commands(PLAIN)[:-1]]
    assert levels == sorted(levels, key=["::error", "::warning", "::notice"].index)


def test_the_severity_is_that_of_the_impact() -> None:
    found = [
        Annotation("error", BudgetProblem("FAN001", "x", finding=replace(finding(impact), impact=impact)))
        for impact in ("CRITICAL", "HIGH", "MEDIUM", "LOW")
    ]
    assert [issue["severity"] for issue in json.loads(gitlab(found, "f"))] == ["critical", "major", "minor", "info"]


def test_a_command_is_at_the_source_line_or_else_at_the_settings() -> None:
    at_code = BudgetProblem("FAN001", "N", finding=replace(finding("t"), caller="src/a.ts:7:3"))
    outside = BudgetProblem("FAN001", "N", finding=replace(finding("t"), caller="../a.ts:7"))
    found = [Annotation("error", at_code), Annotation("error", outside)]
    first, second, _ = github(found, "ci/fanin.toml", "").split("\n", 2)
    assert first.startswith("::error file=src/a.ts,line=7,title=fanin FAN001::N%0A[HIGH: FAN001]")
    assert second.startswith("::error file=ci/fanin.toml,line=1,title=")
    assert github(found[1:], "", "").startswith("::error title=fanin FAN001::")


def test_issues_have_what_gitlab_asks_for_and_the_same_fingerprints_in_each_run() -> None:
    for issue in issues(PLAIN):
        assert issue["location"]["path"] == "fanin.toml"
        assert issue["location"]["lines"]["begin"] == 1
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["check_name"]
        assert issue["description"]
    prints = [issue["fingerprint"] for issue in issues(PLAIN)]
    assert len(set(prints)) == len(prints)
    assert prints == [issue["fingerprint"] for issue in issues(PLAIN, "other.toml")]
    assert all(issue["location"]["path"] == "fanin.toml" for issue in issues(PLAIN, ""))
    assert json.loads(gitlab([], "f")) == []
