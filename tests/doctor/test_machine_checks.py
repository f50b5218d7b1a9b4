"""Checks of this machine, and the settings that most set-ups gain from."""

from __future__ import annotations

import resource

import pytest

from proxy.doctor.machine_checks import descriptors, left_out
from proxy.settings.loading import load


@pytest.mark.parametrize(
    ("hard", "state"), [(resource.RLIM_INFINITY, "ok"), (10**6, "ok"), (2000, "warning"), (100, "warning")]
)
def test_the_hard_limit_decides_since_fanin_raises_the_soft_one(
    monkeypatch: pytest.MonkeyPatch, hard: int, state: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, hard))
    diagnosis = descriptors(load({}).settings)
    assert diagnosis.checks[0].state == state
    assert all(int(change.line.partition(" = ")[2]) > 0 for change in diagnosis.changes)


def test_what_is_set_is_not_left_out() -> None:
    assert [change.line.partition(" ")[0] for change in left_out(load({"mode": "observe"}).settings)] == [
        "db_uri", "mode", "detect.row_keys", "record.file"
    ]  # fmt: skip
    given = {"db_uri": "postgres://h/d", "detect.row_keys": "on", "record.file": "f"}
    assert list(left_out(load(given).settings)) == []
