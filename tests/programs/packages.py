"""An apt-get, a dpkg-deb and packages of the tests' own: what is downloaded lies in a folder."""

from __future__ import annotations

import io
import struct
import tarfile
from typing import TYPE_CHECKING

from tests.programs.catalog import Program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

APT = """#!/bin/sh
echo "$@" >> {store}/calls
case "$*" in
    *" update") echo "E: no server" >&2; exit $(cat {store}/update) ;;
    *" --simulate "*absent*) exit 100 ;;
    *" --simulate "*) test -s {store}/simulated && cat {store}/simulated ;;
    *" download "*)
        while [ "$1" != download ]; do shift; done
        shift
        for name; do cp {store}/$name.deb . || exit 1; done ;;
esac
"""
DPKG = """#!/bin/sh
exec cat "$2"
"""
WRK = """#!/bin/sh
echo "wrk $LD_LIBRARY_PATH"
"""
PROGRAM = Program(packages=("wrk",), commands={"wrk": "usr/lib/wrk/*/wrk"}, megabytes=1)


class Store:
    """Debian's server, in ``folder``; the clients in ``folder/bin`` download from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients = folder / "bin"
        (folder / "simulated").touch()
        (folder / "update").write_text("0", encoding="utf-8")
        script(self.clients / "apt-get", APT.format(store=folder))
        script(self.clients / "dpkg-deb", DPKG)

    def add(self, name: str, files: Mapping[str, str | bytes]) -> None:
        """A package of executable files, on which the program depends."""
        with tarfile.open(self.folder / f"{name}.deb", "w") as archive:
            for path, text in files.items():
                content = text.encode() if isinstance(text, str) else text
                member = tarfile.TarInfo("./" + path)
                member.mode, member.size = 0o4755, len(content)
                archive.addfile(member, io.BytesIO(content))
        with (self.folder / "simulated").open("a", encoding="utf-8") as told:
            told.write(f"Inst {name} (1.0 Debian:12 [amd64])\n")

    def is_away(self) -> None:
        """The server of a package source does not answer."""
        (self.folder / "update").write_text("100", encoding="utf-8")

    def calls(self) -> list[str]:
        """The words of each call of apt-get that are no options."""
        words = (line.partition("Timeout=60 ")[2] for line in (self.folder / "calls").read_text("utf-8").splitlines())
        return list(words)


def script(path: Path, text: str) -> None:
    """A program at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def shared_object(*names: str) -> bytes:
    """A file in the format of elf(5) that needs the libraries of these names; it has no code."""
    base, start = 0x400000, 64 + 2 * 56
    entries = 16 * (len(names) + 2)
    text = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    places = [1 + sum(len(before) + 1 for before in names[:at]) for at in range(len(names))]
    dynamic = b"".join(struct.pack("<qQ", 1, place) for place in places)
    dynamic += struct.pack("<qQ", 5, base + start + entries) + bytes(16)
    size = start + entries + len(text)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, base, base, size, size, 8)
    segment = struct.pack("<IIQQQQQQ", 2, 4, start, base + start, base + start, entries, entries, 8)
    head = struct.pack("<4sBB10xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    return head + load + segment + dynamic + text
