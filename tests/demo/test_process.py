"""A child process ends with its parent, however that ends, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from proxy.demo.process import Child, StackError
from tests.demo.processes import alive, eventually
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PARENT = """
import os, pathlib, sys, threading
from proxy.demo.process import Child
def start():
    child = Child(["sleep", "1000"], log=pathlib.Path(sys.argv[1]), env=os.environ)
    kept.append(child)
kept = []
if sys.argv[2] == "thread":
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
else:
    start()
print(kept[0].pid, flush=True)
sys.stdin.read()
"""


def group_exists(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("where", ["main", "thread"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_child_ends_with_its_parent(tmp_path: Path, where: str, number: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log"), where]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(number)
    eventually(lambda: not alive(pid), f"{pid} ended with its parent", 60)
    eventually(lambda: not group_exists(pid), f"the group of {pid} ended", 60)


@pytest.mark.parametrize("code", ["exec sleep 1000", "exit 3"])
def test_nothing_is_left_of_a_child_that_has_ended(tmp_path: Path, code: str) -> None:
    with Child(["sh", "-c", code], log=tmp_path / "log", env=os.environ) as child:
        if code == "exit 3":
            assert child.wait(60) == 3
    eventually(lambda: not group_exists(child.pid), f"the group of {child.pid} ended", 60)
    child.end()


def test_the_child_is_the_program_itself(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Child(["sh", "-c", 'read -r line; echo "$$ $line."; pwd'], log=log, env=os.environ) as child:
        assert child.wait(60) == 0
    assert log.read_text(encoding="utf-8").split() == [str(child.pid), ".", str(tmp_path)]


def test_a_program_that_may_not_be_executed_is_told(tmp_path: Path) -> None:
    (tmp_path / "program").touch()
    with pytest.raises(StackError, match=r"cannot start .*/program: Permission denied"):
        Child([str(tmp_path / "program")], log=tmp_path / "log", env=os.environ)
