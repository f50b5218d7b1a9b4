"""The types of deploy/clients, made by TypeScript from the comments: `python -m tests.e2e.support.client_types`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.e2e.support.next_dev_server import HOME
from tests.e2e.support.script_runner import node_program
from tests.test_imports import ROOT

CLIENTS = ROOT / "deploy" / "clients"
SOURCES = ("fanin.mjs", "fanin-next.mjs", "vitest/fanin.mjs")
OPTIONS = ("--strict", "--module", "nodenext", "--target", "es2022", "--skipLibCheck", "--types", "node")
EMIT = ("--declaration", "--allowJs", "--emitDeclarationOnly")


def types_of(source: str) -> Path:
    """The file of types of one of ``SOURCES``."""
    return (CLIENTS / source).with_suffix(".d.mts")


def run_tsc(folder: Path, *arguments: str) -> str:
    """What TypeScript's compiler prints, run in ``folder``, which finds the packages of the Next.js tests."""
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(HOME / "node_modules")
    command = [node_program(), str(HOME / "node_modules/typescript/bin/tsc"), *OPTIONS, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def generated() -> dict[Path, str]:
    """The text of each file of types, made from its source."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vitest").mkdir()
        for source in SOURCES:
            shutil.copy(CLIENTS / source, folder / source)
        errors = run_tsc(folder, *EMIT, *SOURCES)
        assert not errors, errors
        return {
            types_of(source): (folder / source).with_suffix(".d.mts").read_text(encoding="utf-8") for source in SOURCES
        }


if __name__ == "__main__":
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")
