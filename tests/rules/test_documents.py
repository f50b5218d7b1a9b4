"""Every rule explains itself under the same headings, and its example is true."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.settings.rules import RuleSettings
from rules import RULES
from tests.rules.traces import found, told

if TYPE_CHECKING:
    from proxy.findings.model import Rule

HEADINGS = ("What it does", "Why it hurts", "Example", "Use instead", "Safety")
REQUEST = re.compile(r"(then |\d+ × |\d+ of )?(GET|HEAD|POST|PATCH|DELETE) ")
INSTRUCTIONS = ("avoid", "use", "do-not", "dont", "prefer", "should", "missing-fix")


def section(rule: Rule, heading: str) -> str:
    """The text under a heading, up to the next."""
    _, _, text = rule.document.partition(f"\n{heading}\n{'-' * len(heading)}\n")
    for other in HEADINGS:
        text = text.partition(f"\n{other}\n{'-' * len(other)}\n")[0]
    return text


def requests(text: str) -> list[str]:
    """The request lines of a section: indented, with the slash of the target kept."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if REQUEST.match(line)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_heading_has_text(rule: Rule) -> None:
    for heading in HEADINGS:
        assert section(rule, heading).strip(), f"{rule.code} has nothing under '{heading}'"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_example_fires_and_its_cure_is_silent(rule: Rule) -> None:
    bad, good = requests(section(rule, "Example")), requests(section(rule, "Use instead"))
    assert [finding.code for finding in found(rule, told(bad))] == [rule.code]
    assert not found(rule, told(good))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_first_line_names_code_and_pattern_not_the_cure(rule: Rule) -> None:
    assert rule.document.startswith(f"{rule.code} {rule.name}: ")
    assert not any(word in rule.name.split("-") for word in INSTRUCTIONS)


def test_codes_are_unique_and_in_order() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))


def test_each_rule_has_a_level_among_the_settings() -> None:
    for rule in RULES:
        assert getattr(RuleSettings(), rule.code.lower()) in ("off", "report", "rewrite")
