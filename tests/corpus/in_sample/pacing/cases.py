"""Recorded scenarios in which something paces the requests."""

from __future__ import annotations

from tests.corpus.variations import Case, alike, apart

POOL, STEPS = "pool of three", "in turn with work of 30 ms"

CASES = (
    Case(POOL, "four", alike(4), "FAN001", False),
    Case(POOL, "in turn", apart(0.0), "FAN001", False),
    Case(STEPS, "four", alike(4), "FAN002", False),
    Case(STEPS, "work of a second in each", apart(1.0), "FAN002", False),
)
