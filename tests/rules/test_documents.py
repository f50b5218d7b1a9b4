"""Every rule explains itself under the same headings, and its example is true."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.analysis.rule import Rule
from rules import MODULES, RULES, TRAFFIC_RULES
from tests.rules.traces import found, told
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from proxy.analysis.rule import AnyRule

HEADINGS = ("What it does", "Why it hurts", "Example", "Use instead", "Safety")
LOOK_ALIKE = "Look-alike"
"""A heading of rules over the database only: SQL that resembles the example and is innocent."""
REQUEST = re.compile(r"(then |\d+ × |\d+ of )?(GET|HEAD|POST|PATCH|DELETE) ")
INSTRUCTIONS = ("avoid", "use", "do-not", "dont", "prefer", "should", "missing-fix")


def section(rule: AnyRule, heading: str) -> str:
    """The text under a heading, up to the next."""
    _, _, text = rule.document.partition(f"\n{heading}\n{'-' * len(heading)}\n")
    for other in (*HEADINGS, LOOK_ALIKE):
        text = text.partition(f"\n{other}\n{'-' * len(other)}\n")[0]
    return text


def requests(text: str) -> list[str]:
    """The request lines of a section: indented, with the slash of the target kept."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if REQUEST.match(line)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_heading_has_text(rule: AnyRule) -> None:
    for heading in HEADINGS:
        assert section(rule, heading).strip(), f"{rule.code} has nothing under '{heading}'"


@pytest.mark.parametrize("rule", TRAFFIC_RULES, ids=lambda rule: rule.code)
def test_the_example_fires_and_its_cure_is_silent(rule: AnyRule) -> None:
    bad, good = requests(section(rule, "Example")), requests(section(rule, "Use instead"))
    assert [finding.code for finding in found(rule, told(bad))] == [rule.code]
    assert not found(rule, told(good))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_first_line_names_code_and_pattern_not_the_cure(rule: AnyRule) -> None:
    assert rule.document.startswith(f"{rule.code} {rule.name}: ")
    assert not any(word in rule.name.split("-") for word in INSTRUCTIONS)


def test_codes_are_unique_and_in_order() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))


def test_every_file_of_the_folder_is_a_rule_that_is_run() -> None:
    files = {file.stem for file in (ROOT / "rules").glob("*.py")} - {"__init__"}
    assert files == set(MODULES)
    assert {type(rule) for rule in RULES} == {Rule}


def test_every_rule_has_a_test_file() -> None:
    assert {f"test_{name}" for name in MODULES} <= {file.stem for file in (ROOT / "tests/rules").glob("test_fan*.py")}


def test_a_rule_looks_at_traces_the_workload_or_the_database() -> None:
    assert [rule.code for rule in RULES if not (rule.detect or rule.inspect or rule.inspect_database)] == []


def test_a_rule_over_the_database_says_which_parts_it_needs_and_shows_a_look_alike() -> None:
    rules = [rule for rule in RULES if rule.inspect_database]
    assert [rule.code for rule in rules if not (rule.needs and section(rule, LOOK_ALIKE).strip())] == []


def test_the_default_level_of_a_rule_is_one_of_its_levels() -> None:
    assert [rule.code for rule in RULES if rule.default_level not in rule.levels] == []
