"""The pages of docs/reference are what the code declares, and nothing in them is without its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import SERIES
from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.reference.pages import main, pages
from proxy.reference.parts import readme_parts
from proxy.settings.declared import declared
from rules import RULES
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HERE = ROOT / "docs/reference"
PAGES = pages()
TEXTS = {"what it is for", "what it says", "what it does", "what it means", "what happened", "what to do", "why"}
TEXTS |= {"to change that", "if it comes often", "what was wrong", "takes", "kind", "status", "safety", "levels"}
"""Heads of columns in which nothing may be missing."""


def tables(page: str) -> Iterable[dict[str, str]]:
    """Every row of every table, by its columns' heads."""
    for block in re.findall(r"(?:^\|.*\|\n)+", PAGES[page], re.MULTILINE):
        heads, _, *rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
        yield from (dict(zip(heads, row, strict=True)) for row in rows)


def names(page: str, column: str) -> list[str]:
    return [row[column].strip("`") for row in tables(page) if column in row]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_what_the_code_declares(page: str) -> None:
    text = (HERE / page).read_text(encoding="utf-8")
    assert text == PAGES[page], f"docs/reference/{page} is out of date: make docs"


def test_there_is_no_page_that_nobody_makes(tmp_path: Path) -> None:
    readme, folder = tmp_path / "README.md", tmp_path / "reference"
    readme.write_text("".join(f"<!-- {name}:begin --><!-- {name}:end -->" for name in readme_parts()), encoding="utf-8")
    folder.mkdir()
    main(folder, readme)
    assert {file.name for file in HERE.iterdir()} == {file.name for file in folder.iterdir()} == PAGES.keys()


@pytest.mark.parametrize("page", PAGES)
def test_every_entry_has_its_text(page: str) -> None:
    rows = list(tables(page))
    assert rows
    for row in rows:
        told = {head: text for head, text in row.items() if head in TEXTS}
        assert told
        assert all(told.values()), f"{page}: {row} lacks a text"


def test_nothing_that_is_declared_is_left_out() -> None:
    assert names("settings.md", "setting") == sorted(declared(), key=names("settings.md", "setting").index)
    assert [name.removeprefix("fanin_").removesuffix("_total") for name in names("metrics.md", "series")] == list(
        SERIES
    )
    assert names("codes.md", "code") == list(FAULTS)
    assert names("codes.md", "reason") == [*BYPASS_REASONS, *FALLBACK_REASONS]
    assert names("codes.md", "result") == list(COMPARISON_RESULTS)
    assert names("rules.md", "name") == [rule.name for rule in RULES]
    assert {"fanin serve", "fanin config", "fanin explain", "fanin demo", "fanin audit"} <= set(
        names("cli.md", "command")
    )


def test_a_setting_is_shown_with_its_default_its_values_and_what_a_change_takes() -> None:
    rows = {row["setting"]: row for row in tables("settings.md") if "setting" in row}
    assert rows["`merge.ties`"]["default"] == '`"physical"`'
    assert rows["`merge.ties`"]["takes"] == "`none`, `physical`, `any`"
    assert rows["`merge.ties`"][""] == "override"
    assert rows["`pool.calls`"] | {"what it is for": ""} == {
        "setting": "`pool.calls`",
        "default": "`64`",
        "takes": "a whole number from 1",
        "what it is for": "",
        "": "restart",
    }
    assert rows["`db_uri`"][""] == "restart, secret"
    assert rows["`shadow.share`"]["takes"] == "a number from 0 up to 1"


def test_text_stays_in_its_cell_and_is_shown_as_it_is_written() -> None:
    assert BYPASS_REMEDIES["accept"].startswith("Send one Accept line in which application/json, */* or")
    assert r"Send one Accept line in which application/json, \*/\* or" in PAGES["codes.md"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.code))
def test_a_rules_document_is_there_with_its_headings_and_its_examples(rule: object) -> None:
    (document,) = (each.document for each in RULES if each is rule)
    (code,) = (each.code for each in RULES if each is rule)
    section = re.split(r"^## ", PAGES["rules.md"], flags=re.MULTILINE)
    (told,) = (part for part in section if part.startswith(code))
    headings = re.findall(r"^(.+)\n-+$", document, re.MULTILINE)
    assert re.findall(r"^### (.+)$", told, re.MULTILINE) == headings
    examples = [line[4:] for line in document.splitlines() if line.startswith("    ")]
    blocks = re.findall(r"^```http\n(.*?)^```$", told, re.MULTILINE | re.DOTALL)
    assert "".join(blocks).splitlines() == examples
    assert "::" not in re.sub(r"```http.*?```", "", told, flags=re.DOTALL)
