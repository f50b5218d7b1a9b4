"""A full file gives way to a new one, the oldest goes, and a full disk leaves no half line behind."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from proxy.recording.rotating_file import RotatingFile

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b"head\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_each_file_begins_with_the_head(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a", 10, 3, HEAD)
    for line in (b"1\n", b"2\n", b"3\n"):
        assert file.write(line)
    file.close()
    assert contents(tmp_path) == {"a": b"head\n3\n", "a.1": b"head\n1\n2\n"}


def test_beyond_so_many_files_the_oldest_goes(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a", 8, 3, HEAD)
    for number in range(1, 6):
        file.write(b"%d\n" % number)
    file.close()
    assert contents(tmp_path) == {"a": b"head\n5\n", "a.1": b"head\n4\n", "a.2": b"head\n3\n"}


def test_a_line_that_fits_into_no_file_is_refused_and_the_next_is_written(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a", 10, 2, HEAD)
    assert not file.write(b"x" * 6)
    assert file.write(b"x" * 5)
    file.close()
    assert contents(tmp_path) == {"a": b"head\nxxxxx"}


def test_a_file_that_was_there_is_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"from before")
    RotatingFile(tmp_path / "a", 10, 2, HEAD).close()
    assert contents(tmp_path) == {"a": HEAD, "a.1": b"from before"}


def test_a_disk_that_is_full_in_mid_line_leaves_whole_lines_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RotatingFile(tmp_path / "a", 100, 2, HEAD)
    file.write(b"whole\n")
    write = os.write

    def full_after_3_bytes(number: int, data: memoryview) -> int:
        if len(data) <= 3:
            raise OSError(errno.ENOSPC, "no space")
        return write(number, data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full_after_3_bytes)
        with pytest.raises(OSError, match="no space"):
            file.write(b"half\n")
    file.write(b"next\n")
    file.close()
    assert contents(tmp_path) == {"a": b"head\nwhole\nnext\n"}


def test_a_new_file_that_cannot_have_its_head_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="no space"):
        RotatingFile(tmp_path / "a", 10, 2, HEAD)
    assert contents(tmp_path) == {}
