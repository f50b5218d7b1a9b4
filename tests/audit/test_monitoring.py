"""Each finding has an alert, a budget or a command that would have caught it; the tools that read them accept them."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.audit.monitoring import monitoring
from proxy.audit.report import ReportedFinding
from proxy.findings.model import DatabaseObject
from proxy.settings.budgets import Budget
from rules import RULES
from tests.audit.factories import NAMES, PLAIN
from tests.check.factories import finding
from tests.deploy.prometheus import promtool

if TYPE_CHECKING:
    from pathlib import Path


def reported(code: str, name: str = PLAIN, route: str = "GET /export") -> ReportedFinding:
    over_database = code >= "FAN020"
    about = DatabaseObject("table", "public", name) if over_database else None
    found = replace(finding(name, code), object=about, route="" if over_database else route)
    return ReportedFinding(found.key, 1, 1, True, True, "", "", found)


def text_of(title: str, *findings: ReportedFinding) -> str:
    return next(each.text for each in monitoring(findings) if title in each.title)


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
@pytest.mark.parametrize("route", ["GET /export", ""])
def test_each_finding_is_named_where_it_would_have_been_caught(code: str, route: str) -> None:
    one = reported(code, route=route)
    texts = monitoring([one])
    assert texts
    assert all(f"{code}: " in each.text for each in texts)
    assert len({line for each in texts for line in each.text.split("\n") if not line.strip().startswith("#")}) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_budget_forbids_the_rules_of_its_route_whatever_it_is_called(name: str) -> None:
    made = tomllib.loads(text_of("Budgets", reported("FAN001", name, name), reported("FAN003", name, name)))
    (budget,) = [Budget.model_validate(each) for each in made["budget"]]
    assert budget.forbid == ("FAN001", "FAN003")
    if name.isprintable():
        assert budget.route == name


@pytest.mark.parametrize("name", NAMES)
def test_prometheus_accepts_the_alert_rules_whatever_tables_are_called(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    every = [reported(rule.code, name, name) for rule in RULES]
    file.write_text(text_of("Alert", *every), encoding="utf-8")
    said = promtool("check", "rules", file)
    assert said.returncode == 0, said.stdout


def test_an_alert_is_for_the_tables_of_its_findings() -> None:
    text = text_of("Alert", reported("FAN042", "videos"), reported("FAN042", "my songs"))
    assert 'schemaname=~"public",relname=~"my.songs|videos"' in text


def test_what_no_metric_shows_is_caught_by_an_audit_in_each_build() -> None:
    assert "--require-full-coverage" in text_of("build", reported("FAN029"))


def test_without_findings_there_is_nothing_to_watch() -> None:
    assert monitoring([]) == ()
