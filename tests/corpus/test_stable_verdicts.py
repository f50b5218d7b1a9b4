"""A busy machine changes no verdict, and the soak of verdicts sees each difference between two runs."""

from __future__ import annotations

import gzip
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.corpus.busy_machine import delayed
from tests.corpus.scoring import (
    FIVE_TRADES,
    HELD_OUT,
    IN_SAMPLE,
    PUBLIC_PATTERNS,
    groups,
    labels,
    recorded_traces,
    recording,
)
from tests.e2e.soak.stable_verdicts import Verdict, differing, verdict, verdicts
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.model import Trace

SLOWER = "FAN016"
"""It is told of the time that queries take, whatever makes them slow."""

N_PLUS_ONE = ("FAN001", "MEDIUM")


@pytest.mark.parametrize("other", [(), (N_PLUS_ONE, ("FAN002", "LOW")), (("FAN001", "HIGH"),), (("FAN002", "MEDIUM"),)])
def test_another_verdict_in_one_of_ten_runs_is_seen(other: Verdict) -> None:
    runs: list[dict[str, Verdict]] = [{"page": (N_PLUS_ONE,), "job": ()} for _ in range(10)]
    assert differing(runs) == {}
    runs[7]["page"] = other
    assert differing(runs) == {"page": {(N_PLUS_ONE,): 9, other: 1}}


def test_a_verdict_has_the_worst_impact_of_each_code() -> None:
    few = parallel([f"GET /videos?id=eq.{number}" for number in range(6)])
    many = parallel([f"GET /creators?id=eq.{number}" for number in range(24)])
    assert verdict([few]) == (("FAN001", "LOW"),)
    assert verdict([few, many]) == verdict([many, few]) == (("FAN001", "HIGH"),)


def test_a_recording_has_a_verdict_per_scenario_and_the_same_each_time() -> None:
    group = next(iter(groups(IN_SAMPLE)))
    recorded = gzip.decompress(recording(group).read_bytes())
    found = verdicts(recorded)
    assert found.keys() <= labels(IN_SAMPLE).keys()
    assert any(found.values())
    assert differing([found, verdicts(recorded)]) == {}


@pytest.mark.parametrize(
    "scenarios", [HELD_OUT, IN_SAMPLE, PUBLIC_PATTERNS, FIVE_TRADES], ids=lambda path: str(path.name)
)
def test_a_busy_machine_changes_neither_what_is_found_nor_its_impact(scenarios: Path) -> None:
    def of(traces: list[Trace]) -> Verdict:
        return tuple(one for one in verdict(traces) if one[0] != SLOWER)

    for name, traces in list(recorded_traces(scenarios).items())[::3]:
        random = Random(name)
        assert {of([delayed(trace, random) for trace in traces]) for _ in range(2)} == {of(traces)}, name
