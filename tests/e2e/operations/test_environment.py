"""What pip and npm have installed for the tests runs on a machine on which nothing else was installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.programs.elf import C_LIBRARY, needed

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="programs of other systems have other formats"),
]
NEW_MACHINE = {"libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"}
"""Libraries of Debian's base system beside the C library."""
REPLACED = Path("playwright/driver/node")
"""It needs libatomic: the driver is started on the Node that the tests have."""


def test_no_program_needs_a_library_that_a_new_machine_lacks() -> None:
    home = Path(sys.prefix)
    placed = [path for path in home.rglob("*") if "programs" not in path.relative_to(home).parts[:1]]
    inside = [path for path in placed if path.is_file() and not path.is_symlink()]
    names = {path.name for path in placed} | NEW_MACHINE
    lacking = {
        str(path.relative_to(home)): names_of
        for path in inside
        if not path.match(str(REPLACED))
        if (names_of := [name for name in needed(path) if name not in names and not C_LIBRARY.fullmatch(name)])
    }
    assert lacking == {}
    assert len([path for path in inside if needed(path)]) > 100, "it would find nothing where nothing is read"
