"""Scripts that start unpacked programs with the libraries that were unpacked beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.catalog import Program

SHARED_OBJECT = re.compile(r".+\.so(\.\d+)*")
SCRIPT = """#!/bin/sh
# Written by tests/programs. It finds everything from its own place, so that the folder can be copied.
home=$(cd "${{0%/*}}/.." && pwd)
{assignments}
exec "$home/root/{program}" "$@"
"""


def library_folders(root: Path) -> list[str]:
    """Every folder below ``root`` that has shared objects, relative to it; the loader's usual ones come first.

    Packages keep libraries in folders of their own (pulseaudio's, NSS's), which their installed programs know by an
    absolute path. Variants for certain processors are left out: the loader chooses among them by itself.
    """
    libraries = (path for path in root.rglob("*.so*") if SHARED_OBJECT.fullmatch(path.name) and path.is_file())
    folders = {str(path.parent.relative_to(root)) for path in libraries}
    chosen = {folder for folder in folders if "glibc-hwcaps" not in folder}
    return sorted(chosen, key=lambda folder: (not folder.endswith("-linux-gnu"), folder.count("/"), folder))


def locate(root: Path, pattern: str) -> Path | None:
    """The program at a path of the catalog; of several versions the newest."""
    found = sorted(root.glob(pattern), key=lambda path: [int(part) for part in path.parts if part.isdecimal()])
    return found[-1] if found else None


def write_launchers(program: Program, home: Path) -> None:
    """Write ``home/bin`` with a script for each command that the tree has."""
    root = home / "root"
    libraries = ":".join(f"$home/root/{folder}" for folder in library_folders(root))
    variables = {"LD_LIBRARY_PATH": libraries, **program.environment}
    assignments = "\n".join(f'export {name}="{value}"' for name, value in variables.items())
    (home / "bin").mkdir()
    for name, pattern in program.commands.items():
        found = locate(root, pattern)
        if found is not None:
            script = home / "bin" / name
            text = SCRIPT.format(assignments=assignments, program=found.relative_to(root))
            script.write_text(text, encoding="utf-8")
            script.chmod(0o755)
