"""A report as Markdown has one shape and shows names as text, whatever clients call things."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from proxy.audit.formats.as_markdown import markdown
from proxy.text.terminal import safe
from tests.audit.factories import EMPTY, NAMES, NOTHING, PLAIN, report

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(made: str) -> list[str]:
    """What a reader of Markdown makes of it, but for its texts: backquoted ``@`` are part of a text."""
    found = []
    for token in READER.parse(made):
        found.append(token.type)
        found += [child.type for child in token.children or () if child.type not in ("text", "text_special")]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_markdown_keeps_its_shape(name: str) -> None:
    assert _without_ats(tokens(markdown(report(name)))) == _without_ats(tokens(markdown(report(PLAIN))))


def _without_ats(found: list[str]) -> list[str]:
    """Code within a line is what verbatim names are, and each ``@``: there is no limit to these."""
    return [kind for kind in found if kind != "code_inline"]


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_the_name(name: str) -> None:
    told = ""
    for token in READER.parse(markdown(report(name))):
        if token.type == "inline":
            told += "".join(child.content for child in token.children or ()) + "\n"
    assert safe(f"9 reads of {name}") in told
    first = next(line for line in told.split("\n") if line.startswith("Location"))
    assert safe(f"GET {name}?id=eq.?, route {name}, called from {name}") in first


def test_markdown_of_an_empty_report_says_that_nothing_was_found() -> None:
    assert all(sentence in markdown(EMPTY) for sentence in NOTHING)


def test_plans_are_trees_in_blocks_and_not_in_the_line_of_the_evidence() -> None:
    evidence = (
        "gain 97 %",
        "before: sorts",
        "before:   reads the whole table",
        "after: reads by index",
        "built in 3 ms",
    )
    made = report(PLAIN)
    planned = replace(made.findings[0], finding=replace(made.findings[0].finding, evidence=evidence))
    shown = markdown(replace(made, findings=(planned,)))
    assert "- **Evidence**: gain 97 %; built in 3 ms\n" in shown
    assert "Plan before the fix:\n\n```text\nsorts\n  reads the whole table\n```\n" in shown
    assert "Plan after the fix:\n\n```text\nreads by index\n```\n" in shown
