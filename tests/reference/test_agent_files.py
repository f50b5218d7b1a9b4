"""The files for agents are what rules, tools and docs say, and lead somewhere."""

from __future__ import annotations

import re

import pytest
import yaml

from proxy.mcp.schemas import TOOLS
from proxy.reference.agent_files import agent_files, title_and_first_sentence
from rules import RULES
from tests.docs.pages import anchors
from tests.test_imports import ROOT

DOCS = ROOT / "docs"
FILES = agent_files(DOCS)


@pytest.mark.parametrize("name", FILES)
def test_the_written_file_is_the_one_that_the_code_makes(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == FILES[name], "run `make docs`"


@pytest.mark.parametrize("name", ["agents/AGENTS.md", "agents/SKILL.md"])
def test_every_rule_and_every_tool_is_named(name: str) -> None:
    for rule in RULES:
        assert f"- {rule.code} {rule.name}: " in FILES[name]
    for tool in TOOLS:
        assert f"- `{tool.name}`: " in FILES[name]


def test_a_skill_begins_with_its_name_and_description() -> None:
    _, head, _ = FILES["agents/SKILL.md"].split("---\n", 2)
    told = yaml.safe_load(head)
    assert re.fullmatch(r"[a-z-]{1,64}", told["name"])
    assert len(told["description"]) <= 1024


def test_every_page_of_the_docs_is_in_llms_txt_with_a_description() -> None:
    links = dict(re.findall(r"^- \[[^\]]+\]\(([^)#]+)\): (.+)$", FILES["llms.txt"], re.MULTILINE))
    folders = ("how-to", "reference", "explanation")
    pages = {page.relative_to(DOCS).as_posix() for folder in folders for page in (DOCS / folder).glob("*.md")}
    assert pages <= links.keys()
    assert all(len(text) > 10 and not text.startswith(("#", "`" * 3)) for text in links.values())


def test_every_link_of_llms_txt_leads_to_a_page_and_a_heading() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", FILES["llms.txt"]):
        page, _, anchor = target.partition("#")
        assert (DOCS / page).is_file()
        assert not anchor or anchor in anchors(DOCS / page)


def test_a_description_is_the_first_sentence_of_prose_without_links() -> None:
    page = "<!-- made -->\n# Title\n\n```console\n$ x. y\n```\n\n## Part\n\nOne [link](#part) here. Another\nsentence."
    assert title_and_first_sentence(page) == ("Title", "One link here.")
