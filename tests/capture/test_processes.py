"""Processes below this one: found through all generations, whatever they are called."""

from __future__ import annotations

import os
import pathlib
import subprocess
from typing import TYPE_CHECKING

from proxy.capture.processes import descendants
from tests.demo.processes import eventually

if TYPE_CHECKING:
    import pytest


def test_descendants_are_found_through_all_generations_and_zombies_are_not_running(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "a ) b"
    program.write_text("#!/bin/sh\nsh -c 'sleep 100 & wait'\n", encoding="utf-8")
    program.chmod(0o700)
    before = descendants(os.getpid())
    with subprocess.Popen([program], start_new_session=True) as child:
        eventually(lambda: len(descendants(child.pid)) >= 2, "its children started")
        assert child.pid in descendants(os.getpid())
        os.killpg(child.pid, 9)
        eventually(lambda: descendants(os.getpid()) == before, "all ended")


def test_without_proc_the_processes_are_listed_by_ps(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = "  10     1 S\n  11    10 S+\n  12    11 Z\n  13    11 R\n"
    monkeypatch.setattr(pathlib.Path, "exists", lambda _: False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, printed))
    assert descendants(10) == {11, 13}
