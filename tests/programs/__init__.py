"""The programs that tests and benchmarks start: `make` unpacks them from Debian's packages, and each is tried.

Nothing is installed on the machine and root is not needed. ``catalog`` lists the programs, ``debian`` resolves,
downloads and unpacks packages, ``launcher`` writes the scripts that start them, ``trial`` starts each once, and
``skips`` keeps the list of tests that may be skipped where ``FRESH`` is set.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

HOME = Path(sys.prefix, "programs")
"""A folder a program: ``bin`` has what is started, ``root`` what was unpacked."""
NODE = Path(sys.prefix, "node", "bin")
"""Where `make` puts npm and node on machines that have none."""


def search_path() -> str:
    """``PATH`` with the unpacked programs in front, and with npm's node behind what the machine has."""
    machine = os.environ.get("PATH", os.defpath).split(os.pathsep)
    unpacked = [str(folder) for folder in sorted(HOME.glob("*/bin"))]
    return os.pathsep.join(dict.fromkeys([*unpacked, *machine, str(NODE)]))


def driver_environment() -> dict[str, str]:
    """What Playwright's driver needs: the Node that its wheel brings wants a library that a new machine lacks."""
    return {"PLAYWRIGHT_NODEJS_PATH": node} if (node := find("node")) else {}


def find(name: str) -> str | None:
    """The program of a name: the unpacked one, or else the one on PATH; None where there is neither."""
    return shutil.which(name, path=search_path())
