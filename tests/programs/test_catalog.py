"""The catalog: each program is brought by `make test`, is tried, and has what it needs beside its tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.programs.catalog import PROGRAMS, copy_units, write_fonts
from tests.programs.packages import script
from tests.programs.trial import TRIALS
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_make_test_brings_every_program() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (named,) = re.findall(r"^PROGRAMS := \$\(addprefix \S+,(.*)\)$", makefile, re.MULTILINE)
    assert set(named.split()) == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_every_package_is_tried(name: str) -> None:
    assert PROGRAMS[name].commands.keys() & TRIALS.keys()


def test_the_only_fonts_are_those_that_were_unpacked(tmp_path: Path) -> None:
    write_fonts(tmp_path)
    written = (tmp_path / "fonts.conf").read_text(encoding="utf-8")
    assert re.findall(r"<dir>(.*)</dir>", written) == [f"{tmp_path}/root/usr/share/fonts"]


@pytest.mark.parametrize("folder", ["lib/systemd/system", "usr/lib/systemd/system"])
def test_systemds_units_are_copied_without_its_aliases(tmp_path: Path, folder: str) -> None:
    script(tmp_path / "root" / folder / "basic.target", "")
    (tmp_path / "root" / folder / "default.target").symlink_to("basic.target")
    copy_units(tmp_path)
    assert [unit.name for unit in (tmp_path / "units").iterdir()] == ["basic.target"]
