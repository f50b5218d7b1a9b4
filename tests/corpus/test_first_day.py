"""Sets of scenarios that were labelled before any rule ran on them are what they were on that day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import asdict

from rules import RULES
from tests.corpus.play import scenarios_of
from tests.corpus.scoring import (
    BY_DOCUMENT,
    FIVE_TRADES,
    OTHER_HAND,
    PUBLIC_PATTERNS,
    Expected,
    first_run,
    groups,
    labels,
    recorded_traces,
    recording,
)

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = {PUBLIC_PATTERNS: 500_000, BY_DOCUMENT: 300_000, OTHER_HAND: 300_000, FIVE_TRADES: 500_000}
every_set = pytest.mark.parametrize("scenarios", MOST_BYTES, ids=lambda path: path.name)


@every_set
def test_every_scenario_is_recorded_and_labelled_as_on_its_first_day(scenarios: Path) -> None:
    first, today = first_run(scenarios), labels(scenarios)
    assert recorded_traces(scenarios).keys() == today.keys() == first.keys()
    played = [n for group in groups(scenarios) for written in scenarios_of(group) for n in written.names()]
    assert sorted(played) == sorted(name for name in today if name.startswith("py: "))
    assert sum(recording(group).stat().st_size for group in groups(scenarios)) < MOST_BYTES[scenarios]
    known = {rule.code for rule in RULES}
    assert all({*one.found, *one.fires, *one.may, *one.either, *one.unseen} <= known for one in first.values())
    fields = Expected.__struct_fields__
    changed = [n for n, one in today.items() if any(asdict(one)[field] != asdict(first[n])[field] for field in fields)]
    assert changed == []


@every_set
def test_about_half_of_the_scenarios_are_innocent(scenarios: Path) -> None:
    first = first_run(scenarios)
    faulty = [one for one in first.values() if one.fires or one.either or one.unseen]
    assert len(first) >= 100
    assert 0.4 < len(faulty) / len(first) < 0.6


def test_every_scenario_of_the_other_hand_is_played_in_python() -> None:
    assert all(name.startswith("py: ") for name in labels(OTHER_HAND))
