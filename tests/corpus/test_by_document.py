"""How right the rules are on scenarios labelled by what the rules' documents promise, on their first day and today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus.first_day import WANTED_PRECISION, WANTED_RECALL, scores_of_first_day, scores_of_today, short_of
from tests.corpus.scoring import BY_DOCUMENT, Score, as_text, total

if TYPE_CHECKING:
    from collections.abc import Callable


def test_on_the_first_day_precision_and_recall_reached_their_targets(tell: Callable[[str], None]) -> None:
    table = scores_of_first_day(BY_DOCUMENT)
    tell(f"labelled by document, first day\n{as_text(table)}")
    assert total(table) == Score(right=67, wrong=0, missed=1)
    assert total(table).precision >= WANTED_PRECISION
    assert total(table).recall >= WANTED_RECALL
    assert short_of(table) == {}


def test_today_the_rules_are_no_worse_than_on_the_first_day(tell: Callable[[str], None]) -> None:
    table = scores_of_today(BY_DOCUMENT)
    tell(f"labelled by document, today\n{as_text(table)}")
    assert total(table).wrong == 0
    assert total(table).missed <= 1
