"""Which libraries a program needs is read from its file, and not asked of the machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.programs.elf import missing, needed
from tests.programs.packages import shared_object

if TYPE_CHECKING:
    from collections.abc import Mapping


def files(folder: Path, contents: Mapping[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_names_are_those_of_the_file_in_its_order(tmp_path: Path) -> None:
    files(tmp_path, {"program": shared_object("libz.so.1", "libc.so.6")})
    assert needed(tmp_path / "program") == ["libz.so.1", "libc.so.6"]


@pytest.mark.skipif(sys.platform != "linux", reason="programs of other systems have other formats")
def test_a_program_of_the_machine_needs_the_c_library() -> None:
    assert any(name.startswith("libc.") for name in needed(Path("/bin/sh").resolve()))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01", shared_object()])
def test_what_needs_nothing_has_no_names(tmp_path: Path, content: bytes) -> None:
    files(tmp_path, {"program": content})
    assert needed(tmp_path / "program") == []


def test_a_library_of_a_library_is_missing_too(tmp_path: Path) -> None:
    first = files(tmp_path / "a", {"program": shared_object("libone.so.1", "libc.so.6")})
    second = files(tmp_path / "b", {"libone.so.1": shared_object("libtwo.so.2", "libone.so.1")})
    assert missing([first / "program"], [first, second]) == ["libtwo.so.2"]
    files(second, {"libtwo.so.2": shared_object()})
    assert missing([first / "program"], [first, second]) == []
