"""Untrusted text in Markdown is rendered as text."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from proxy.text.markdown import cell, code_span, escaped, fenced
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LINES = [
    text
    for text in (*HOSTILE_NAMES, *HOSTILE_TEXTS, "``a```", "`", " a ", "~~a~~ *b* _c_")
    if "\n" not in text and text.isprintable()
]


def read(written: str) -> tuple[str, set[str]]:
    """The text and the kinds of tokens of a rendered line."""
    _, inline, _ = READER.parse(f"x {written} x")
    children = inline.children or []
    return "".join(child.content for child in children), {child.type for child in children}


@pytest.mark.parametrize("text", LINES)
def test_escaped_text_and_code_are_rendered_unchanged(text: str) -> None:
    rendered, kinds = read(escaped(text))
    assert rendered == f"x {text} x"
    assert kinds <= {"text", "text_special", "code_inline"}
    assert read(code_span(text)) == (f"x {text} x", {"text", "code_inline"})


@pytest.mark.parametrize("text", LINES)
def test_no_line_ends_a_code_block(text: str) -> None:
    (block,) = READER.parse("\n".join(fenced("sql", [text, "```", "b"])))
    assert (block.type, block.info, block.content) == ("fence", "sql", f"{text}\n```\nb\n")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://hit.example", r"https\://hit.example"),
        ("at 10:30", "at 10:30"),
        ("WWW.hit.example", r"WWW\.hit.example"),
        ("@team", "`@`team"),
        ("a-b (c) 1.5", "a-b (c) 1.5"),
    ],
)
def test_escaped_text_has_no_links_or_mentions_and_stays_readable(text: str, written: str) -> None:
    assert escaped(text) == written


def test_empty_text_is_not_code() -> None:
    assert code_span("") == ""


def test_trusted_text_stays_in_its_cell() -> None:
    assert cell("`a*b` *c | d") == r"`a*b` \*c \| d"
