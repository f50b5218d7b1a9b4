"""The rules over recordings of real clients: each finds what is wrong, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rules import TRAFFIC_RULES
from tests.corpus.play import scenarios_of
from tests.corpus.scoring import (
    IN_SAMPLE,
    Label,
    as_text,
    codes_found,
    groups,
    labels,
    modules,
    recorded_traces,
    recording,
    scores,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.model import Trace
    from tests.corpus.variations import Case

LABELS = labels(IN_SAMPLE)
CASES: list[Case] = [
    case for group in groups(IN_SAMPLE) for module in modules(group) for case in getattr(module, "CASES", ())
]
MOST_BYTES = 500_000


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Trace]]:
    return recorded_traces(IN_SAMPLE)


def test_every_scenario_is_recorded_and_labelled(corpus: dict[str, list[Trace]]) -> None:
    assert corpus.keys() == LABELS.keys()
    played = [name for group in groups(IN_SAMPLE) for scenarios in scenarios_of(group) for name in scenarios.names()]
    assert sorted(played) == sorted(name for name in LABELS if name.startswith("py: "))
    assert sum(map(len, corpus.values())) >= 60
    assert sum(recording(group).stat().st_size for group in groups(IN_SAMPLE)) < MOST_BYTES


@pytest.mark.parametrize("name", LABELS)
def test_in_a_recorded_scenario_is_found_what_is_wrong_and_nothing_else(
    corpus: dict[str, list[Trace]], name: str
) -> None:
    label, codes = LABELS[name], codes_found(corpus[name])
    assert (label.missed(codes), label.wrong(codes)) == (set(), set()), label.why
    assert set(codes).isdisjoint(label.unseen), "is seen now: put it under `fires`"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.scenario}, {case.how}")
def test_a_rule_is_silent_below_its_threshold_and_speaks_from_it_on(corpus: dict[str, list[Trace]], case: Case) -> None:
    assert (case.code in codes_found(case.change(corpus[case.scenario]))) is case.fires


def test_every_rule_is_right_somewhere_and_silent_somewhere(
    corpus: dict[str, list[Trace]], tell: Callable[[str], None]
) -> None:
    """Tells precision and recall over scenarios."""
    table = scores([(label, codes_found(corpus[name])) for name, label in LABELS.items()])
    tell(as_text(table))
    assert [code for code, score in table.items() if not score.right] == []
    assert {case.code for case in CASES} == {rule.code for rule in TRAFFIC_RULES}


def test_a_wrong_finding_and_a_missing_one_are_counted() -> None:
    label = Label(why="", fires=("FAN001",), may=("FAN013",), either=("FAN002", "FAN003"))
    table = scores([(label, ["FAN013", "FAN004"])])
    assert {code: (one.right, one.wrong, one.missed) for code, one in table.items() if one.wrong or one.missed} == {
        "FAN001": (0, 0, 1),
        "FAN002": (0, 0, 1),
        "FAN003": (0, 0, 1),
        "FAN004": (0, 1, 0),
    }
    assert table["FAN004"].precision == table["FAN001"].recall == 0.0
    assert (table["FAN013"].precision, table["FAN013"].recall) == (1.0, 1.0)
