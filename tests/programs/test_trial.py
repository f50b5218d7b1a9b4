"""A trial starts a program as the tests do; a failure shows what it printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.programs.packages import script
from tests.programs.trial import TRIALS, TrialError

if TYPE_CHECKING:
    from pathlib import Path

SERVER = """#!/bin/sh
echo "error while loading shared libraries: libgone.so.2"
exit 127
"""


@pytest.mark.parametrize("name", ["chromium", "prometheus", "nginx"])
def test_a_program_that_ends_fails_with_what_it_printed(tmp_path: Path, name: str) -> None:
    script(tmp_path / name, SERVER)
    with pytest.raises(TrialError, match=r"libgone\.so\.2"):
        TRIALS[name](str(tmp_path / name))


def test_a_program_that_cannot_be_started_fails(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="cannot be started: No such file"):
        TRIALS["wrk"](str(tmp_path / "wrk"))
