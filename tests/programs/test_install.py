"""A program counts as had when it was tried; where it fails, what is missing and what to do is said."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.programs import find
from tests.programs.install import BrokenError, get
from tests.programs.packages import WRK, script, shared_object

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.packages import Store

BROKEN = """#!/bin/sh
echo "wreck: error while loading shared libraries"
exit 127
"""


def test_an_unpacked_program_is_found_before_the_machines_own(store: Store, home: Path) -> None:
    script(store.clients / "wrk", WRK)
    store.add("wrk", {"usr/lib/wrk/4/wrk": WRK})
    get("wrk")
    assert find("wrk") == str(home / "wrk/bin/wrk")


def test_a_program_that_does_not_run_is_said_with_the_library_that_it_lacks(store: Store, home: Path) -> None:
    store.add("wrk", {"usr/lib/wrk/4/wrk": shared_object("libc.so.6", "libpulsecommon-16.1.so")})
    with pytest.raises(BrokenError, match=r"(?s)no unpacked package has libpulsecommon-16\.1\.so\n.*on PATH"):
        get("wrk")
    assert not (home / "wrk").exists()


def test_a_program_that_does_not_run_is_said_with_what_it_printed(store: Store) -> None:
    store.add("wrk", {"usr/lib/wrk/4/wrk": BROKEN})
    with pytest.raises(BrokenError, match="wreck: error"):
        get("wrk")


@pytest.mark.parametrize("fresh", ["", "1"])
def test_a_library_of_the_machines_own_counts_as_missing_in_a_fresh_run(
    store: Store, fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRESH", fresh)
    monkeypatch.setattr("tests.programs.install.TRIALS", {"wrk": lambda _: None})
    store.add("wrk", {"usr/lib/wrk/4/wrk": shared_object("libz.so.1")})
    with pytest.raises(BrokenError, match="no unpacked package has libz") if fresh else nullcontext():
        get("wrk")


def test_where_the_unpacked_program_does_not_run_the_machines_own_is_used(
    store: Store, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(store.clients / "wrk", WRK)
    store.add("wrk", {"usr/lib/wrk/4/wrk": BROKEN})
    get("wrk")
    assert find("wrk") == str(store.clients / "wrk")
    assert "this machine's own is used" in capsys.readouterr().err


def test_where_neither_works_the_failures_of_both_are_said(
    store: Store, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(store.clients / "wrk", BROKEN)
    store.add("wrk", {"usr/lib/wrk/4/wrk": BROKEN})
    with pytest.raises(BrokenError, match="does not work"):
        get("wrk")
    assert f"{store.clients / 'wrk'} does not work" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_program_that_cannot_be_had_is_said_and_fails_nothing(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.is_away()
    monkeypatch.setattr("tests.programs.install.find", lambda _: None)
    get("wrk")
    said = capsys.readouterr().err
    assert "not to be had here, and the tests that need it are skipped: apt-get: no server" in said


def test_packages_without_the_program_do_not_count_as_it(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("wrk", {"usr/share/wrk/README": ""})
    monkeypatch.setattr("tests.programs.install.find", lambda _: None)
    get("wrk")
    assert "Debian's packages of this release have no program usr/lib/wrk/*/wrk" in capsys.readouterr().err


def test_a_program_that_is_named_is_tried_and_nothing_is_downloaded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(store.folder / "browser", BROKEN)
    monkeypatch.setenv("FANIN_CHROMIUM", str(store.folder / "browser"))
    with pytest.raises(BrokenError, match=r"(?s)FANIN_CHROMIUM is .*browser, which does not work: .*wreck.*unset it"):
        get("chromium")
    assert not (store.folder / "calls").exists()
