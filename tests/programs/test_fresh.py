"""The shell of `make FRESH=1`: what a machine happens to have is not found in it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.programs.packages import script
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HAD = ("node", "npm", "postgres", "postgrest", "chromium", "prometheus", "nginx", "wrk", "curl", "openssl")


def said(folder: Path, command: str, **variables: str) -> str:
    """What a command prints in that shell, which is started in ``folder`` on a machine that has all of HAD."""
    for name in HAD:
        script(folder / "machine" / name, "#!/bin/sh\n")
    environment = {**os.environ, **variables, "PATH": f"{folder / 'machine'}:{os.environ['PATH']}"}
    shell = [str(ROOT / ".ci/fresh"), "-c", command]
    run = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return run.stdout


def test_programs_of_the_machine_are_not_found(tmp_path: Path) -> None:
    assert said(tmp_path, f"for name in {' '.join(HAD)}; do type -P $name; done") == ""


def test_a_package_client_still_finds_its_own_tools(tmp_path: Path) -> None:
    script(tmp_path / "machine/apt-get", "#!/bin/sh\ntype gpgv-of-apt >/dev/null && echo verified\n")
    script(tmp_path / "machine/gpgv-of-apt", "#!/bin/sh\n")
    assert said(tmp_path, "apt-get update; type -P gpgv-of-apt") == "verified\n"


def test_python_git_and_make_are_found(tmp_path: Path) -> None:
    assert len(said(tmp_path, "type -P python3 git make tar sed").splitlines()) == 5
    assert said(tmp_path, "python3 -c 'print(6 * 7)'") == "42\n"


def test_node_is_found_where_make_has_put_it(tmp_path: Path) -> None:
    script(tmp_path / ".venv/node/bin/node", "#!/bin/sh\n")
    assert said(tmp_path, "type -P node") == f"{tmp_path}/.venv/node/bin/node\n"


@pytest.mark.parametrize("variable", ["FANIN_CHROMIUM", "FANIN_POSTGREST", "FANIN_PG_BIN", "PGHOST", "LD_LIBRARY_PATH"])
def test_a_variable_that_names_something_of_the_machine_is_not_seen(tmp_path: Path, variable: str) -> None:
    assert said(tmp_path, f'echo "${{{variable}-unset}}"', **{variable: "/machine"}) == "unset\n"


def test_what_a_package_client_needs_of_the_environment_is_kept(tmp_path: Path) -> None:
    assert said(tmp_path, 'echo "$PIP_CERT $FRESH"', PIP_CERT="/a/certificate", FRESH="") == "/a/certificate 1\n"
