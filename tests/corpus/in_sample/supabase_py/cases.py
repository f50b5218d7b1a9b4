"""Recorded scenarios in which a rule finds something once they are changed."""

from __future__ import annotations

from tests.corpus.variations import Case, reads_with

TWICE = "py: looked up then inserted"

CASES = (
    Case(TWICE, "a look-up without a limit", reads_with(limit=None), "FAN008", False),
    Case(TWICE, "a look-up that finds one", reads_with(rows=1), "FAN008", False),
    Case(TWICE, "lists", reads_with(limit=None, rows=7), "FAN008", True),
)
