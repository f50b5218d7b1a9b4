"""Launchers: unpacked programs find the libraries that were unpacked with them, wherever they lie."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.programs.launcher import library_folders, locate, write_launchers
from tests.programs.packages import PROGRAM, WRK, script

if TYPE_CHECKING:
    from pathlib import Path


def test_every_folder_with_a_shared_object_is_one_of_libraries(tmp_path: Path) -> None:
    for path in (
        "usr/lib/x86_64-linux-gnu/libpulse.so.0",
        "usr/lib/x86_64-linux-gnu/pulseaudio/libpulsecommon-16.1.so",
        "usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so",
        "usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v4/libz.so.1",
        "usr/share/gdb/libstdc++.so.6-gdb.py",
        "usr/lib/chromium/libEGL.so",
    ):
        script(tmp_path / path, "")
    assert library_folders(tmp_path) == [
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/chromium",
        "usr/lib/x86_64-linux-gnu/nss",
        "usr/lib/x86_64-linux-gnu/pulseaudio",
    ]


def test_of_several_versions_the_newest_is_started(tmp_path: Path) -> None:
    for version in ("9", "15", "14"):
        script(tmp_path / f"usr/lib/postgresql/{version}/bin/postgres", "")
    found = locate(tmp_path, "usr/lib/postgresql/*/bin/postgres")
    assert found == tmp_path / "usr/lib/postgresql/15/bin/postgres"


def test_a_copy_of_the_folder_uses_its_own_libraries(tmp_path: Path) -> None:
    home = tmp_path / "here"
    script(home / "root/usr/lib/wrk/4/wrk", WRK)
    script(home / "root/usr/lib/own/libx.so.1", "")
    write_launchers(PROGRAM._replace(environment={"UNITS": "$home/units"}), home)
    copy = tmp_path / "there"
    shutil.move(home, copy)
    said = subprocess.run([copy / "bin/wrk"], capture_output=True, text=True, check=True).stdout
    assert said == f"wrk {copy}/root/usr/lib/own\n"


def test_a_program_that_was_not_unpacked_has_no_launcher(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    write_launchers(PROGRAM, tmp_path)
    assert list((tmp_path / "bin").iterdir()) == []
