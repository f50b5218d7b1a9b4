"""The table of folders in docs/explanation/architecture.md."""

from __future__ import annotations

import re

import proxy
from tests.test_imports import LAW, ROOT

ARCHITECTURE = ROOT / "docs/explanation/architecture.md"


def folders() -> str:
    """The table, made of the map in ``proxy/__init__.py`` and of the import law."""
    rows = ["| folder | question | pure |", "|---|---|---|"]
    for name, text in re.findall(r"^``(\w+)``\n((?:    .*\n)+)", proxy.__doc__ or "", re.MULTILINE):
        question = re.sub(r"``(\w+)``", r"`\1`", " ".join(text.split()).partition("?")[0])
        rows.append(f"| [`{name}`](../../proxy/{name}) | {question}? | {'yes' if LAW[name].pure else 'no'} |")
    return "\n".join(rows) + "\n"
