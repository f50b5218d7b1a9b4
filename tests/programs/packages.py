"""An apt-get, a dpkg-deb and packages of the tests' own: what is downloaded lies in a folder."""

from __future__ import annotations

import io
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

    def add(self, name: str, files: Mapping[str, str]) -> None:
        """A package of executable files, on which the program depends."""
        with tarfile.open(self.folder / f"{name}.deb", "w") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo("./" + path)
                member.mode, member.size = 0o4755, len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
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
