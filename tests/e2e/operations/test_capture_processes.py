"""`fanin capture` ends in whatever way, and no process of the command is left."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.demo.processes import NEEDS_LINUX, alive, eventually
from tests.e2e.support.harness import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, NEEDS_LINUX]
FANIN = str(Path(sys.executable).with_name("fanin"))
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("FANIN_")}
PATIENCE = 60.0
TREE = """
import json, os, signal, subprocess, sys
if "deaf" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "1000"])
apart = subprocess.Popen(["sh", "-c", "sleep 1000 & wait"], start_new_session=True)
received = []
def on_signal(number, _):
    received.append(number)
    with open("signals.json", "w") as file:
        json.dump(received, file)
    sys.exit(5)
if "polite" in sys.argv:
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
with open("new.json", "w") as file:
    json.dump([os.getpid(), os.getppid(), child.pid, apart.pid], file)
os.rename("new.json", "pids.json")
if "leave" not in sys.argv:
    signal.pause()
"""
"""A command with a child, and a grandchild in a session of its own. It writes all process ids."""

ON_TERMINAL = """
import os, sys
os.login_tty(int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes a command whose terminal is the descriptor named first."""


class Running:
    """A `fanin capture` of ``TREE`` in ``folder``, in a session of its own."""

    def __init__(self, folder: Path, *how: str, terminal: int | None = None) -> None:
        self.folder = folder
        command = [FANIN, "capture", "--upstream", f"http://127.0.0.1:{free_port()}", "--", sys.executable, "-c", TREE]
        on_terminal = [] if terminal is None else [sys.executable, "-c", ON_TERMINAL, str(terminal)]
        self.process = subprocess.Popen(
            [*on_terminal, *command, *how],
            cwd=folder,
            env=CLEAN,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=terminal is None,
            pass_fds=() if terminal is None else (terminal,),
        )
        eventually((folder / "pids.json").exists, "the command started", PATIENCE)
        self.pids = [self.process.pid, *json.loads((folder / "pids.json").read_text(encoding="utf-8"))]

    def assert_nothing_is_left(self) -> str:
        """Wait for the end of fanin and all processes; what it printed."""
        _, printed = self.process.communicate(timeout=PATIENCE)
        eventually(lambda: not any(map(alive, self.pids)), f"{self.pids} ended", PATIENCE)
        assert not processes_in(self.folder)
        return printed


def processes_in(folder: Path) -> list[str]:
    """The commands that run in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder):
                found.append((process / "cmdline").read_text(errors="replace"))
        except OSError:  # it has ended, or is another user's
            continue
    return found


@pytest.fixture(autouse=True)
def no_process_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    eventually(lambda: not processes_in(tmp_path), "all processes ended", PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "fanin alone"])
def test_a_signal_ends_the_command_and_all_that_it_started(
    tmp_path: Path, number: signal.Signals, whole_group: bool
) -> None:
    running = Running(tmp_path)
    (os.killpg if whole_group else os.kill)(running.process.pid, number)
    running.assert_nothing_is_left()
    assert running.process.returncode == 128 + number


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "fanin alone"])
def test_the_command_gets_a_signal_once_and_decides_the_exit_code(tmp_path: Path, whole_group: bool) -> None:
    running = Running(tmp_path, "polite")
    (os.killpg if whole_group else os.kill)(running.process.pid, signal.SIGINT)
    running.assert_nothing_is_left()
    assert running.process.returncode == 5
    assert json.loads((tmp_path / "signals.json").read_text(encoding="utf-8")) == [signal.SIGINT]


def test_a_command_that_ignores_signals_is_killed_at_the_second_one(tmp_path: Path) -> None:
    running = Running(tmp_path, "deaf")
    os.kill(running.process.pid, signal.SIGTERM)
    os.kill(running.process.pid, signal.SIGINT)
    running.assert_nothing_is_left()
    assert running.process.returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("how", [(), ("deaf",)], ids=["command", "command that ignores signals"])
def test_fanin_killed_leaves_nothing(tmp_path: Path, how: tuple[str, ...]) -> None:
    running = Running(tmp_path, *how)
    os.kill(running.process.pid, signal.SIGKILL)
    running.assert_nothing_is_left()


def test_the_guard_killed_leaves_nothing(tmp_path: Path) -> None:
    running = Running(tmp_path)
    os.kill(running.pids[2], signal.SIGKILL)  # the parent of the command
    running.assert_nothing_is_left()
    assert running.process.returncode == 128 + signal.SIGKILL


def test_what_the_command_leaves_behind_is_ended_and_told(tmp_path: Path) -> None:
    running = Running(tmp_path, "leave")
    assert "fanin: processes that the command left running, and that were ended: 3" in running.assert_nothing_is_left()
    assert running.process.returncode == 0


def test_ctrl_c_on_a_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        running = Running(tmp_path, "polite", terminal=theirs)
        os.write(ours, b"\x03")
        running.assert_nothing_is_left()
    finally:
        os.close(ours)
        os.close(theirs)
    assert json.loads((tmp_path / "signals.json").read_text(encoding="utf-8")) == [signal.SIGINT]
