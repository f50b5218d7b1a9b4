"""The comment on a pull request: found again by its marker, never too long, and of one shape."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from proxy.check.annotations import Annotation, verdict_annotations
from proxy.check.pr_comment import MAX_COMMENT, marker, pr_comment
from proxy.check.verdict import BudgetProblem
from tests.check.factories import NAMES, PLAIN, finding, verdict_about

FIRST = marker("check", "fanin.toml")


def comment(found: list[Annotation]) -> str:
    return pr_comment(found, FIRST, "fanin check: failed", "FAILED: 1 of 2 checks failed")


def many(count: int, text: str = "x") -> list[Annotation]:
    findings = [replace(finding(f"t{n}{text}"), problem=text * 200) for n in range(count)]
    return [Annotation("error", BudgetProblem("FAN001", one.title, one.route, finding=one)) for one in findings]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_clients_make_no_link_html_or_mention(name: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).parse(comment(verdict_annotations(verdict_about(name))))
    html = [token.content for token in tokens if token.type == "html_block"]
    inline = [child for token in tokens for child in token.children or ()]
    assert not [child for child in inline if child.type in ("html_inline", "link_open", "image")]
    assert not [child for child in inline if child.type == "text" and "@" in child.content]
    plain = MarkdownIt("commonmark", {"html": True}).parse(comment(verdict_annotations(verdict_about(PLAIN))))
    assert len(html) == sum(token.type == "html_block" for token in plain)
    assert all(block.startswith(("<!-- fanin", "<details><summary><code>", "</details>")) for block in html)


@pytest.mark.parametrize("settings", ["fanin.toml", "a --> b", "", "ci/--x.toml"])
def test_the_marker_is_one_html_comment_and_differs_per_file(settings: str) -> None:
    made = marker("check", settings)
    assert made.startswith("<!-- fanin check ")
    assert made.count("--") == 2
    assert made != marker("check", settings + "x")
    assert made != marker("audit", settings)


@pytest.mark.parametrize("text", ["x", "\U0001f600", "`|<&"])
@pytest.mark.parametrize("count", [1, 40, 3000])
def test_a_comment_is_never_too_long_and_says_what_is_left_out(count: int, text: str) -> None:
    made = comment(many(count, text))
    assert len(made.encode("utf-16-le")) // 2 <= MAX_COMMENT
    assert made.startswith(f"{FIRST}\n### fanin check: failed\n\nFAILED")
    assert made.count("<details>") == made.count("</details>")
    assert ("more do not fit here" in made) is (made.count("<details>") < count)
    assert (count <= 50) or f"and {count - 50} more" in made


def test_equal_results_make_equal_comments_whatever_the_trace_and_the_recording_are_called() -> None:
    found = many(2)
    others = [replace(one, problem=replace(one.problem, trace="other", source="/tmp/other.jsonl")) for one in found]
    assert comment(found) == comment(others)
    assert comment([]).splitlines()[:2] == [FIRST, "### fanin check: failed"]
