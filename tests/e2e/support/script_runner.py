"""Runs the scripts of applications/, each in a process of its own, and reads what they print."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.test_imports import ROOT

MODULES = Path(sys.prefix, "e2e", "node_modules")
PATIENCE = 300.0
"""Seconds in which a script ends, however busy the machine is."""
APPLICATIONS = Path(__file__).parent / "applications"
"""The scripts: each stands for an application that uses a client library."""


async def output_of(script: str, *arguments: str) -> Any:
    """What ``script`` of ``APPLICATIONS`` prints, read as JSON. A JavaScript is also told where the packages are."""
    if script.endswith(".py"):
        return await _output(sys.executable, "-m", f"{__package__}.applications.{Path(script).stem}", *arguments)
    return await _output(node_program(), str(APPLICATIONS / script), str(MODULES), *arguments)


def node_program() -> str:
    """Node's program."""
    found = shutil.which("node", path=f"{os.environ['PATH']}:{Path(sys.prefix, 'node', 'bin')}")
    assert found is not None, "node is not on PATH; `make test` puts it there"
    return found


async def _output(*argv: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, errors.decode()
    return json.loads(printed)
