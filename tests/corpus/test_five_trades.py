"""How right the rules are on scenarios of five trades that another author wrote and labelled, then and today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus.first_day import WANTED_PRECISION, WANTED_RECALL, scores_of_first_day, scores_of_today, short_of
from tests.corpus.scoring import FIVE_TRADES, Score, as_text, first_run, labels, total

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SCORE = Score(right=127, wrong=0, missed=3)
MISSED_TODAY = 0
"""What was measured since. In sample: rules were changed for it since."""


def test_each_label_of_the_five_trades_that_the_first_run_contradicts_is_judged() -> None:
    first = first_run(FIVE_TRADES)
    contradicted = {name for name, one in first.items() if one.missed(one.found) or one.wrong(one.found)}
    assert contradicted == {name for name, label in labels(FIVE_TRADES).items() if label.judged}


def test_on_the_first_day_precision_and_recall_reached_their_targets_but_not_that_of_one_rule(
    tell: Callable[[str], None],
) -> None:
    table = scores_of_first_day(FIVE_TRADES)
    tell(f"five trades, first day\n{as_text(table)}")
    assert total(table) == FIRST_SCORE
    assert total(table).precision >= WANTED_PRECISION
    assert total(table).recall >= WANTED_RECALL
    assert short_of(table) == {"FAN014": (1.0, 0.83)}


def test_today_the_rules_are_no_worse_on_the_scenarios_of_five_trades(tell: Callable[[str], None]) -> None:
    table = scores_of_today(FIVE_TRADES)
    tell(f"five trades, today: in sample\n{as_text(table)}")
    assert total(table).wrong <= FIRST_SCORE.wrong
    assert total(table).missed <= MISSED_TODAY
