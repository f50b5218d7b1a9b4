"""Foreign tables of a wrapper that answers ``column = value`` only, built from C against the headers of Postgres."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = Path(__file__).with_name("eqfdw")
NO_COMPILER = "no C compiler, or no headers of this Postgres"


def build_wrapper(binaries: Path, directory: Path) -> Path:
    """The shared library, in ``directory``; the test is skipped where it cannot be built."""
    compiler, headers = shutil.which("cc") or shutil.which("gcc"), _server_headers(binaries)
    if compiler is None or headers is None:
        pytest.skip(NO_COMPILER)
    library = directory / "eqfdw.so"
    _run([compiler, "-shared", "-fPIC", "-O1", "-w", f"-I{headers}", "-o", str(library), str(SOURCE / "eqfdw.c")])
    directory.chmod(0o755)
    library.chmod(0o755)
    return library


def wrapper_sql(library: Path, schema: str) -> str:
    """The statements that make the foreign tables in ``schema``, anew."""
    statements = (SOURCE / "fdw.sql").read_text(encoding="utf-8").replace("'eqfdw'", f"'{library.with_suffix('')}'")
    return f"""
    drop schema if exists {schema} cascade;
    drop foreign data wrapper if exists eq_fdw cascade;
    create schema {schema};
    grant usage on schema {schema} to anon;
    set search_path = {schema};
    {statements}
    """


def _server_headers(binaries: Path) -> Path | None:
    """The folder that has postgres.h."""
    config = binaries / "pg_config"
    told = [_run([str(config), "--includedir-server"])] if config.exists() else []
    places = [*map(Path, told), binaries.parent / "include" / "server", binaries.parent / "include"]
    return next((place for place in places if (place / "postgres.h").exists()), None)


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.strip()
