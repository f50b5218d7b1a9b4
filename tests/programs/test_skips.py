"""The closed list of skips: what is not on it fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.programs.skips import LIST, Permitted, Skip, lines, read, refused
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LISTED = Permitted("tests/test_a.py::test_one*", "no x", "it runs again", unless="WITH_X")


@pytest.mark.parametrize(
    ("skip", "environment", "is_refused"),
    [
        (Skip("tests/test_a.py::test_one[1]", "there is no x"), {}, False),
        (Skip("tests/test_a.py::test_one[1]", "there is no x"), {"WITH_X": "1"}, True),
        (Skip("tests/test_a.py::test_one[1]", "there is no y"), {}, True),
        (Skip("tests/test_a.py::test_two", "there is no x"), {}, True),
    ],
)
def test_a_skip_needs_an_entry_of_its_test_and_its_reason(
    skip: Skip, environment: dict[str, str], is_refused: bool
) -> None:
    assert refused([skip], [LISTED], environment) == [skip] * is_refused


def test_the_end_of_a_run_counts_skips_by_reason_and_names_those_that_fail_it() -> None:
    skips = [Skip("a", "no nginx"), Skip("b", "no nginx"), Skip("c", "no wrk")]
    told = lines(skips, skips[2:])
    assert told[:2] == ["2 skipped: no nginx", "1 skipped: no wrk"]
    assert told[-1] == "  c"


def test_every_entry_of_the_list_says_why_and_names_a_file_of_tests() -> None:
    for entry in read(LIST):
        assert entry.why
        assert (ROOT / entry.test.partition("::")[0]).exists()


@pytest.mark.parametrize(("workers", "fresh", "code"), [("0", "", 0), ("0", "1", 1), ("2", "1", 1)])
def test_a_skip_fails_a_fresh_run_and_no_other(tmp_path: Path, workers: str, fresh: str, code: int) -> None:
    test = tmp_path / "test_skipping.py"
    test.write_text("import pytest\n\ndef test_it():\n    pytest.skip('no x here')\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "-p", "tests.conftest", "-c", "pyproject.toml"]
    environment = {**os.environ, "FRESH": fresh}
    run = subprocess.run([*command, str(test)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == code, run.stdout
    assert "1 skipped: no x here" in run.stdout
    assert ("::test_it" in run.stdout) == bool(fresh)
