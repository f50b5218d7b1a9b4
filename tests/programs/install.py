"""Gets a program for the tests: unpacked from Debian, or else the machine's own; tried before it counts as had."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from tests.programs import HOME, elf, find
from tests.programs.catalog import PROGRAMS
from tests.programs.debian import UnavailableError, unpack
from tests.programs.launcher import library_folders, locate
from tests.programs.trial import TRIALS, TrialError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.catalog import Program

NAMED = {"chromium": "FANIN_CHROMIUM"}
"""Variables that name a program of the machine, which then is neither unpacked nor looked for."""


class BrokenError(RuntimeError):
    """A program is there and does not work; the message says how, what is missing, and what to do."""


def get(name: str) -> None:
    """Have the program ``name`` of the catalog, and say on standard error where it comes from.

    Where it cannot be had, that is said and nothing is raised: the tests that need it are skipped. Raises BrokenError
    where it was unpacked, or named, and does not work.
    """
    program = PROGRAMS[name]
    variable = NAMED.get(name, "")
    if named := os.environ.get(variable):
        _try_named(name, named, variable)
        return
    _say(f"· {name} from Debian, for the tests (about {program.megabytes} MB, once)")
    home = HOME / name
    broken = None
    try:
        _unpack_and_try(program, home)
        return
    except UnavailableError as error:
        why = str(error)
    except TrialError as error:
        broken = _explain(program, home, error)
        why = f"what was unpacked does not work ({broken.splitlines()[0]})"
    shutil.rmtree(home, ignore_errors=True)  # the tests take what they find there
    if _machines_own_works(program):
        _say(f"  {why}: this machine's own is used")
    elif broken is None:
        _say(f"  not to be had here, and the tests that need it are skipped: {why}")
    else:
        raise BrokenError(
            f"{name} was unpacked from Debian's packages and does not work: {broken}\n"
            f"Install {name} so that it is on PATH, and run make again: it is used then."
        )


def _unpack_and_try(program: Program, home: Path) -> None:
    unpack(program, home)
    for command in program.commands:
        launcher = home / "bin" / command
        if not launcher.exists():
            raise UnavailableError(f"Debian's packages of this release have no program {program.commands[command]}")
        if command in TRIALS:
            TRIALS[command](str(launcher))
    if os.environ.get("FRESH") and _missing(program, home):
        raise TrialError("it runs on this machine only because that has them")


def _machines_own_works(program: Program) -> bool:
    for command in program.commands:
        found = find(command)
        if found is None:
            return False
        try:
            TRIALS.get(command, str)(found)
        except TrialError as error:
            _say(f"  {found} does not work: {error}")
            return False
    return True


def _try_named(name: str, program: str, variable: str) -> None:
    try:
        TRIALS[name](program)
    except TrialError as error:
        raise BrokenError(
            f"{variable} is {program}, which does not work: {error}\nName another {name} in {variable}, or unset it: "
            "make unpacks one then."
        ) from error


def _explain(program: Program, home: Path, error: TrialError) -> str:
    """The failure of what lies in ``home``; libraries that were not unpacked come first."""
    gone = _missing(program, home)
    return f"no unpacked package has {', '.join(gone)}\n{error}" if gone else str(error)


def _missing(program: Program, home: Path) -> list[str]:
    root = home / "root"
    programs = [found for pattern in program.commands.values() if (found := locate(root, pattern)) is not None]
    return elf.missing(programs, [root / folder for folder in library_folders(root)])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
