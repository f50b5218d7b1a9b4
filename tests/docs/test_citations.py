"""Every document, heading and file that this repository cites is in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import anchors, cells, files, headings, slug, table
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HISTORY = ROOT / "CHANGELOG.md"
"""Names documents of their time."""
MADE = ROOT / "docs/reference"
"""Its pages are made from texts in the code, which name their neighbours."""
FOR_AGENTS = (ROOT / "docs", ROOT / "docs/agents")
"""Folders of files for agents: the code that makes them names them as an application does."""
ELSEWHERE = ("/tmp/",)
"""What examples write."""

CITED = re.compile(r"\w+://\S+|(?P<path>[\w./-]*\w\.md)\b(?:#(?P<anchor>[\w-]+))?")
"""A document and, perhaps, one of its anchors; an address of the web is passed over."""
GONE = "NOWHERE" + ".md"
"""In two pieces, or this file would cite it."""
MERGING, NONE = "docs/explanation/merging.md", "no-such-heading"
WITHIN = re.compile(r"\]\(#([\w-]+)\)")
LAW = re.compile(r"\b[Ll]aw (\d+)")
TRAP = re.compile(r"\b[Tt]raps? (\d+)")
FILE = re.compile(r"`((?:proxy|rules|tests|deploy|docs)/[\w./-]*)`")


def text_of(path: Path) -> str:
    """The text of a file; empty for one that is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


FILES = {str(path.relative_to(ROOT)): path for path in sorted(files()) if path != HISTORY}
CITING = [name for name, path in FILES.items() if ".md" in text_of(path)]
PAGES = [name for name in FILES if name.endswith(".md")]


def broken(text: str, folder: Path) -> Iterator[str]:
    """The citations in ``text``, a file of ``folder``, that lead nowhere."""
    for citation in CITED.finditer(text):
        name, anchor = citation["path"], citation["anchor"]
        if name is None or name.startswith(ELSEWHERE):
            continue
        places = [place / name.lstrip("/") for place in (ROOT, folder, MADE, *FOR_AGENTS)]
        page = next((place for place in places if place.is_file()), None)
        if page is None:
            yield f"{name} is not in the repository"
        elif anchor and anchor not in anchors(page):
            yield f"{name} has no heading with the anchor #{anchor}"


@pytest.mark.parametrize("name", CITING)
def test_every_document_and_heading_that_is_cited_is_there(name: str) -> None:
    path = FILES[name]
    assert list(broken(text_of(path), path.parent)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see " + GONE, GONE + " is not in the repository"),
        (f"see `{GONE}` §5", GONE + " is not in the repository"),
        (f"[x](../{GONE}#a)", "../" + GONE + " is not in the repository"),
        (f"({MERGING}#{NONE})", f"{MERGING} has no heading with the anchor"),
        (f"{MERGING}#types and {MERGING}#{NONE}", f"{MERGING} has no heading with the anchor"),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, found: str) -> None:
    (one,) = broken(text, ROOT / "docs/explanation")
    assert one.startswith(found)


@pytest.mark.parametrize(
    "text",
    ["docs/explanation/merging.md#types", "[x](../README.md)", "https://example.org/" + GONE, "codes.md", "x.mdx"],
)
def test_a_citation_that_leads_somewhere_is_not(text: str) -> None:
    assert list(broken(text, ROOT / "docs/explanation")) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_anchor_within_a_page_and_every_file_that_it_names_is_there(name: str) -> None:
    page = FILES[name]
    text = text_of(page)
    assert set(WITHIN.findall(text)) <= anchors(page)
    assert [file for file in FILE.findall(text) if not (ROOT / file).exists()] == []


def test_every_law_and_every_trap_that_is_named_has_its_place_in_the_explanation() -> None:
    laws = {heading.partition(":")[0] for heading in headings(text_of(ROOT / "docs/explanation/architecture.md"))}
    traps = {cells(row)[0] for row in table(ROOT / MERGING, "traps").splitlines()[2:]}
    for path in FILES.values():
        text = text_of(path) if path.suffix in (".py", ".md", ".sql") else ""
        assert {f"Law {number}" for number in LAW.findall(text)} <= laws, path
        assert set(TRAP.findall(text)) <= traps, path


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Law 1: same answer", "law-1-same-answer"),
        ("`[merge]`", "merge"),
        ("The [data port](README.md)", "the-data-port"),
        ("max-rows", "max-rows"),
    ],
)
def test_an_anchor_is_the_one_that_github_makes_of_a_heading(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_a_comment_in_a_block_of_code_is_no_heading() -> None:
    assert headings("# One\n```sh\n# none\n```\n## Two\n") == ["One", "Two"]
