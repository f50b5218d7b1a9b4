"""What is made of README.md is what the code declares, and what is written by hand stays."""

from __future__ import annotations

import pytest

from proxy.reference.parts import in_words, readme_parts, renewed, summary
from rules import RULES
from tests.test_imports import ROOT


def test_the_readme_is_what_the_code_declares() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert renewed(text, readme_parts()) == text, "README.md is out of date: make docs"


def test_a_part_is_replaced_and_what_stands_around_it_stays() -> None:
    text = "a <!-- n:begin -->old<!-- n:end --> b <!-- m:begin -->\nolder\n<!-- m:end -->"
    made = renewed(text, {"n": "new", "m": r"\1 <!-- a -->"})
    assert made == r"a <!-- n:begin -->new<!-- n:end --> b <!-- m:begin -->\1 <!-- a --><!-- m:end -->"


@pytest.mark.parametrize("text", ["", "<!-- n:begin -->", "<!-- n:end --><!-- n:begin -->"])
def test_a_page_without_the_marks_of_a_part_is_an_error_that_names_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"no marks for 'n': put <!-- n:begin --><!-- n:end -->"):
        renewed(text, {"n": "new"})


def test_a_count_is_written_in_words_up_to_twenty() -> None:
    assert [in_words(count) for count in (0, 1, 16, 20, 21)] == ["zero", "one", "sixteen", "twenty", "21"]


def test_the_table_of_rules_has_a_row_a_rule_which_links_to_its_heading() -> None:
    _, _, *rows = readme_parts()["rules"].strip().splitlines()
    headings = (ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")
    for rule, row in zip(RULES, rows, strict=True):
        anchor = f"{rule.code.lower()}-{rule.name}"
        assert row.startswith(f"| [{rule.code}](docs/reference/rules.md#{anchor}) | {rule.name} |")
        assert f"\n## {rule.code} {rule.name}\n" in headings


def test_a_summary_keeps_the_capitals_of_names() -> None:
    (rule,) = (rule for rule in RULES if rule.code == "FAN010")
    assert summary(rule) == "An answer that PostgREST truncated, and no later request for the rest."
