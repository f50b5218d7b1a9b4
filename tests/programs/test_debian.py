"""Packages are resolved, downloaded and unpacked without a look at what the machine has installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.programs.catalog import Program
from tests.programs.debian import UnavailableError, needed, unpack
from tests.programs.packages import PROGRAM, WRK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.packages import Store

SIMULATED = """
Inst libc6 (2.36 Debian:12 [amd64])
Inst perl (5.36 Debian:12 [amd64])
Inst libssl3 (3.0 Debian:12 [amd64])
Inst postgresql-15 (15.1 Debian:12 [amd64])
Inst libllvm14 (14 Debian:12 [amd64])
Inst postgresql (15 Debian:12 [all])
Conf libc6 (2.36 Debian:12 [amd64])
"""


def test_libraries_and_the_programs_own_packages_are_taken_and_the_c_library_is_not() -> None:
    program = Program(packages=("postgresql",), commands={}, megabytes=1, more=("postgresql-",))
    assert needed(SIMULATED, program) == ["libssl3", "postgresql-15", "postgresql"]


def test_what_is_downloaded_is_unpacked_and_nothing_else_is_left(store: Store, tmp_path: Path) -> None:
    store.add("libpulse0", {"usr/lib/x86_64-linux-gnu/pulseaudio/libpulsecommon-16.1.so": ""})
    store.add("wrk", {"usr/lib/wrk/4.1/wrk": WRK, "usr/share/doc/wrk/copyright": ""})
    home = tmp_path / "programs/wrk"
    unpack(PROGRAM, home)
    assert store.calls() == ["update", "--simulate --no-install-recommends install wrk", "download libpulse0 wrk"]
    files = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    assert files == [
        "bin/wrk",
        "root/usr/lib/wrk/4.1/wrk",
        "root/usr/lib/x86_64-linux-gnu/pulseaudio/libpulsecommon-16.1.so",
    ]


def test_apt_is_told_that_nothing_is_installed(store: Store, tmp_path: Path) -> None:
    store.add("wrk", {"usr/lib/wrk/4.1/wrk": WRK})
    unpack(PROGRAM, tmp_path / "programs/wrk")
    status = tmp_path / "programs/.index/status"
    assert status.read_bytes() == b""
    assert f"Dir::State::status={status}" in (store.folder / "calls").read_text(encoding="utf-8")


def test_no_unpacked_file_has_the_rights_of_its_owner_for_others(store: Store, tmp_path: Path) -> None:
    store.add("wrk", {"usr/lib/wrk/4.1/wrk": WRK})
    unpack(PROGRAM, tmp_path / "programs/wrk")
    assert not (tmp_path / "programs/wrk/root/usr/lib/wrk/4.1/wrk").stat().st_mode & 0o6000


def test_a_download_that_fails_leaves_no_folder(store: Store, tmp_path: Path) -> None:
    store.add("wrk", {"usr/lib/wrk/4.1/wrk": WRK})
    (store.folder / "wrk.deb").unlink()
    with pytest.raises(UnavailableError, match=r"apt-get: .*wrk\.deb"):
        unpack(PROGRAM, tmp_path / "programs/wrk")
    assert not (tmp_path / "programs/wrk").exists()


def test_an_extra_is_taken_where_there_is_one_and_is_no_hindrance_elsewhere(store: Store, tmp_path: Path) -> None:
    store.add("wrk", {"usr/lib/wrk/4.1/wrk": WRK})
    program = PROGRAM._replace(extras=("wrk-1-absent", "wrk-2-more", "wrk-3-absent"))
    unpack(program, tmp_path / "programs/wrk")
    assert (tmp_path / "programs/wrk/bin/wrk").exists()
    assert [call.partition("install ")[2] for call in store.calls() if call.startswith("--simulate")] == [
        "wrk",
        "wrk wrk-1-absent",
        "wrk wrk-2-more",
        "wrk wrk-2-more wrk-3-absent",
    ]


def test_a_source_that_does_not_answer_is_no_hindrance_where_another_has_the_program(
    store: Store, tmp_path: Path
) -> None:
    store.is_away()
    store.add("wrk", {"usr/lib/wrk/4.1/wrk": WRK})
    unpack(PROGRAM, tmp_path / "programs/wrk")
    assert (tmp_path / "programs/wrk/bin/wrk").exists()


def test_without_debians_clients_nothing_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="no apt-get"):
        unpack(PROGRAM, tmp_path / "wrk")
