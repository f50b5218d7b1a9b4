"""The tables of docs/explanation are those of the code."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.docs.folders import ARCHITECTURE, folders
from tests.docs.pages import cells, headings, table
from tests.e2e.support.decision_table import Row
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MERGING = ROOT / "docs/explanation/merging.md"
TRAPS = ("tests/e2e/exactness/test_traps_1_to_15.py", "tests/e2e/exactness/test_traps_16_to_29.py")


def test_the_table_of_folders_is_the_map_of_the_package() -> None:
    assert table(ARCHITECTURE, "folders") == folders(), "make docs writes it again"


def test_the_table_of_decisions_has_the_rows_that_random_bursts_are_checked_by() -> None:
    rows = [cells(row)[:2] for row in table(MERGING, "decisions").splitlines()[2:]]
    assert rows == [[row.value.what, row.value.verdict.value] for row in Row]


def test_every_trap_has_a_test_and_every_test_of_a_trap_a_row() -> None:
    described = [cells(row)[0] for row in table(MERGING, "traps").splitlines()[2:]]
    tested = {number for file in TRAPS for number in traps_of(ROOT / file)}
    assert described == sorted(tested, key=int)


def traps_of(path: Path) -> set[str]:
    """The numbers of the traps that a file tests."""
    names = [node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if hasattr(node, "name")]
    return {found[1] for name in names if (found := re.match(r"test_trap_(\d+)_", name))}


def test_laws_are_numbered_from_1_without_a_gap() -> None:
    laws = [heading for heading in headings(ARCHITECTURE.read_text(encoding="utf-8")) if heading.startswith("Law ")]
    assert [heading.split()[1] for heading in laws] == [f"{number}:" for number in range(1, len(laws) + 1)]
