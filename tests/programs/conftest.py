"""Fixtures of the tests of programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import programs
from tests.programs import catalog, install
from tests.programs.packages import PROGRAM, Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where programs are unpacked. The catalog has one, wrk; PATH has none of it."""
    folder = tmp_path / "programs"
    for module in (programs, install):
        monkeypatch.setattr(module, "HOME", folder)
    monkeypatch.setattr(install, "PROGRAMS", {**catalog.PROGRAMS, "wrk": PROGRAM})
    return folder


@pytest.fixture
def store(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Debian's packages, with the clients that get them in front of PATH."""
    folder = tmp_path / "store"
    folder.mkdir()
    made = Store(folder)
    without = [entry for entry in os.environ["PATH"].split(":") if "programs" not in entry]
    monkeypatch.setenv("PATH", ":".join([str(made.clients), *without]))
    return made
