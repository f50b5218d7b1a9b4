"""How right the rules are on scenarios that nobody tuned them for: what was found on their first day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import asdict

from rules import RULES
from tests.corpus.play import scenarios_of
from tests.corpus.scoring import (
    HELD_OUT,
    Expected,
    as_text,
    codes_found,
    first_run,
    groups,
    labels,
    recorded_traces,
    recording,
    scores,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.model import Trace

FIRST = first_run(HELD_OUT)
LABELS = labels(HELD_OUT)
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Trace]]:
    return recorded_traces(HELD_OUT)


def test_every_held_out_scenario_is_recorded_labelled_and_was_judged_on_its_first_day(
    corpus: dict[str, list[Trace]],
) -> None:
    assert corpus.keys() == LABELS.keys() == FIRST.keys()
    played = [name for group in groups(HELD_OUT) for scenarios in scenarios_of(group) for name in scenarios.names()]
    assert sorted(played) == sorted(name for name in LABELS if name.startswith("py: "))
    assert sum(recording(group).stat().st_size for group in groups(HELD_OUT)) < MOST_BYTES
    known = {rule.code for rule in RULES}
    assert [
        name for name, one in FIRST.items() if not {*one.found, *one.fires, *one.may, *one.either, *one.unseen} <= known
    ] == []


def test_half_of_the_held_out_scenarios_are_innocent() -> None:
    faulty = [one for one in FIRST.values() if one.fires or one.either or one.unseen]
    assert 0.4 < len(faulty) / len(FIRST) < 0.6


def test_a_label_that_was_changed_since_says_why() -> None:
    def due(one: Expected) -> dict[str, object]:
        return {name: value for name, value in asdict(one).items() if name in Expected.__struct_fields__}

    assert [name for name, one in LABELS.items() if due(one) != due(FIRST[name]) and not one.judged] == []


@pytest.mark.parametrize("name", LABELS)
def test_where_the_rules_disagree_with_a_label_somebody_has_judged_it(
    corpus: dict[str, list[Trace]], name: str
) -> None:
    label, codes = LABELS[name], codes_found(corpus[name])
    assert label.judged or (label.missed(codes), label.wrong(codes)) == (set(), set()), label.why


def test_what_was_wrong_and_missed_on_the_first_day_stays_told(
    corpus: dict[str, list[Trace]], tell: Callable[[str], None]
) -> None:
    table = scores([(one, one.found) for one in FIRST.values()])
    tell(f"held out\n{as_text(table)}")
    tell(
        f"held out, today: in sample\n{as_text(scores([(LABELS[name], codes_found(corpus[name])) for name in LABELS]))}"
    )
    assert {code: (one.right, one.wrong, one.missed) for code, one in table.items() if one.wrong or one.missed} == {
        "FAN001": (10, 0, 3),
        "FAN002": (4, 2, 1),
        "FAN003": (5, 1, 0),
        "FAN004": (7, 1, 0),
        "FAN007": (1, 1, 0),
        "FAN014": (1, 1, 1),
        "FAN016": (1, 3, 0),
    }
