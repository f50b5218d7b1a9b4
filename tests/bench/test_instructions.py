"""The merged, the lone and the passed request take no more instructions than is committed, nor fewer."""

from __future__ import annotations

import platform
import tomllib

import pytest

from tests.bench.fakes import PATHS
from tests.bench.instructions import CALLS, FIGURES, VERSION, changed, committed, count, written
from tests.programs import find

AGAIN = "`.venv/bin/python -m tests.bench.instructions --write` commits the new figures, so that the diff shows them"


@pytest.mark.skipif(find("valgrind") is None, reason="no valgrind")
@pytest.mark.skipif(
    not committed(FIGURES.read_text(encoding="utf-8"), VERSION) or platform.python_implementation() != "CPython",
    reason="no instruction counts of this Python are committed",
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the committed instruction counts are of x86-64")
def test_no_path_takes_three_percent_more_or_fewer_instructions_than_committed() -> None:
    then = committed(FIGURES.read_text(encoding="utf-8"), VERSION)
    assert changed(count(), then) == [], AGAIN


def test_a_change_is_told_in_both_directions_and_a_smaller_one_is_not() -> None:
    then = {"merged": 100.0, "lone": 100.0, "passed": 100.0}
    told = changed({"merged": 104.0, "lone": 96.0, "passed": 102.0}, then)
    assert told == ["merged: 104.000, committed 100.000 (+4.0%)", "lone: 96.000, committed 100.000 (-4.0%)"]


def test_new_figures_of_one_version_leave_the_others_and_the_explanation() -> None:
    text = '# What this is.\n\n["3.11"]\nlone = 1.0000\n\n["3.12"]\nlone = 2.0000\n'
    assert written(text, "3.12", {"lone": 3.0}) == text.replace("2.0000", "3.0000")


def test_the_committed_figures_name_every_path_and_the_calls() -> None:
    known = tomllib.loads(FIGURES.read_text(encoding="utf-8"))
    assert [version for version, figures in known.items() if figures.keys() != {*PATHS, CALLS}] == []


def test_a_version_without_figures_has_none() -> None:
    assert committed('["3.11"]\nlone = 1.0\n', "3.99") == {}
