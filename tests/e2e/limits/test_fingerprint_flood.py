"""A flood over more fingerprints than are remembered leaves memory bounded, and metrics say what gave way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 200
"""Megabytes, for a million requests as for these."""


def test_a_flood_over_ten_thousand_fingerprints_stays_within_its_bounds(tell: Callable[[str], None]) -> None:
    environment = {"FLOOD_REQUESTS": "30000", **os.environ}
    command = [sys.executable, "-m", "tests.e2e.support.fingerprint_flood"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    tell(str(told))
    assert told["megabytes"] < MOST, told
    assert told["fingerprints"] == 1000
    assert told["findings"] <= 1000
    assert told["replaced"] > 0
