"""Loops of calls of a function, a little changed."""

from __future__ import annotations

from tests.corpus.variations import Case, alike, mixed, unanswered

AT_ONCE, ONE_BY_ONE = "a function called six times", "a function called in a loop"

CASES = (
    Case(AT_ONCE, "five of them", alike(5), "FAN018", True),
    Case(AT_ONCE, "four of them", alike(4), "FAN018", False),
    Case(ONE_BY_ONE, "four of them", alike(4), "FAN018", False),
    Case(ONE_BY_ONE, "all retries", unanswered(), "FAN018", False),
    Case(ONE_BY_ONE, "of many requests at once", mixed(), "FAN018", False),
)
