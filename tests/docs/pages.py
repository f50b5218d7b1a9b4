"""Pages of the documentation, as far as tests ask: their headings, anchors and tables."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING

from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_OURS = frozenset(("node_modules", "__pycache__", "dist", "build"))
"""Folders of files that are not written in this repository. Folders whose names begin with a dot are skipped too."""


def files() -> Iterator[Path]:
    """Every file of the repository."""
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in NOT_OURS and (name[0] != "." or name == ".ci")]
        yield from (ROOT / folder / name for name in names)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def headings(text: str) -> list[str]:
    """The headings of a page; lines of code blocks are none."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#{1,6} (.+)$", prose, re.MULTILINE)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings."""
    return frozenset(map(slug, headings(page.read_text(encoding="utf-8"))))


def table(page: Path, name: str) -> str:
    """What stands between the page's marks ``name:begin`` and ``name:end``."""
    text = page.read_text(encoding="utf-8")
    return text.partition(f"<!-- {name}:begin -->\n")[2].partition(f"<!-- {name}:end -->")[0]


def cells(row: str) -> list[str]:
    """The cells of a table's row."""
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def code_blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]
