"""How right the rules are on a set of scenarios that were labelled before any rule ran on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus.scoring import Score, codes_found, first_run, recorded_traces, scores

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WANTED_PRECISION, WANTED_RECALL, WANTED_OF_A_RULE = 0.95, 0.92, 0.85
POSITIVES = 5
"""A rule with fewer labels is not judged by itself."""


def scores_of_first_day(scenarios: Path) -> dict[str, Score]:
    """By rule, what was found on the first day."""
    return scores([(one, one.found) for one in first_run(scenarios).values()])


def scores_of_today(scenarios: Path) -> dict[str, Score]:
    """By rule, what is found now, by the labels of the first day."""
    corpus, first = recorded_traces(scenarios), first_run(scenarios)
    return scores([(one, codes_found(corpus[name])) for name, one in first.items()])


def short_of(table: Mapping[str, Score]) -> dict[str, tuple[float, float]]:
    """Precision and recall of the rules that are below what is wanted of a rule."""
    return {
        code: (round(one.precision, 2), round(one.recall, 2))
        for code, one in table.items()
        if one.right + one.missed >= POSITIVES and min(one.precision, one.recall) < WANTED_OF_A_RULE
    }
