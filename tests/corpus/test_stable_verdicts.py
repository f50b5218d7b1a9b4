"""The soak of verdicts sees each difference between two runs: another rule, another impact, one finding more."""

from __future__ import annotations

import gzip

import pytest

from tests.corpus.scoring import IN_SAMPLE, groups, labels, recording
from tests.e2e.soak.stable_verdicts import Verdict, differing, verdicts

N_PLUS_ONE = ("FAN001", "MEDIUM")


@pytest.mark.parametrize("other", [(), (N_PLUS_ONE, N_PLUS_ONE), (("FAN001", "HIGH"),), (("FAN002", "MEDIUM"),)])
def test_another_verdict_in_one_of_ten_runs_is_seen(other: Verdict) -> None:
    runs: list[dict[str, Verdict]] = [{"page": (N_PLUS_ONE,), "job": ()} for _ in range(10)]
    assert differing(runs) == {}
    runs[7]["page"] = other
    assert differing(runs) == {"page": {(N_PLUS_ONE,): 9, other: 1}}


def test_a_recording_has_a_verdict_per_scenario_and_the_same_each_time() -> None:
    group = next(iter(groups(IN_SAMPLE)))
    recorded = gzip.decompress(recording(group).read_bytes())
    found = verdicts(recorded)
    assert found.keys() <= labels(IN_SAMPLE).keys()
    assert any(found.values())
    assert differing([found, verdicts(recorded)]) == {}
