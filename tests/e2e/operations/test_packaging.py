"""The wheel and the source archive: what an operator installs runs where nothing else was installed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import venv
import zipfile
from typing import TYPE_CHECKING

import pytest
import yaml

from proxy import __version__
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("FANIN_")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, env=CLEAN, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment that holds the wheel and what it depends on: what pipx makes."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=True)
    (wheel,) = built.glob("*.whl")
    command = [str(home / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "-q", str(wheel)]
    subprocess.run(command, env=CLEAN, check=True)
    return home / "bin"


def test_both_archives_have_the_one_version(built: Path) -> None:
    names = sorted(path.name for path in built.iterdir())
    assert names == [f"fanin-{__version__}-py3-none-any.whl", f"fanin-{__version__}.tar.gz"]


def test_the_wheel_holds_the_packages_and_nothing_of_the_tests(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"proxy", "rules", f"fanin-{__version__}.dist-info"}


def test_the_source_archive_can_test_itself(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"Makefile", "pyproject.toml", "README.md", "LICENSE", "requirements/dev.txt", "tests/conftest.py"} <= names


def test_the_command_tells_its_version(installed: Path) -> None:
    told = subprocess.run([installed / "fanin", "--version"], env=CLEAN, check=True, capture_output=True, text=True)
    assert told.stdout == f"fanin {__version__}\n"


def test_it_serves_without_what_only_the_demo_needs(installed: Path) -> None:
    found = subprocess.run([installed / "python", "-c", "import asyncpg"], env=CLEAN, capture_output=True, check=False)
    assert found.returncode != 0
    flags = ("--upstream", "http://127.0.0.1:1", "--mount", "/", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    with subprocess.Popen(
        [installed / "fanin", "serve", "--profile", "postgrest", *flags], env=CLEAN, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            line = next(line for line in server.stderr if ': "fanin ' in line)
        finally:
            server.send_signal(signal.SIGTERM)
        assert re.search(rf"fanin {re.escape(__version__)}: http://127\.0\.0\.1:\d+ ", line)
        assert server.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["demo"], 75, f"its extra demo: pipx install --force './fanin-{__version__}-py3-none-any.whl[demo]'"),
        (["demo"], 75, "pip install '.[demo]'"),
        (["mcp"], 2, "fanin: mcp needs the package mcp: install fanin with its extra mcp"),
        (["doctor", "--upstream", "http://127.0.0.1:1", "--db-uri", "postgres://h/d"], 1, ""),
        (["capture", "--upstream", "http://127.0.0.1:1", "--", "true"], 0, "fanin: 0 requests"),
        (["serve", "--db-uri", "postgres://h/d", "--admin", "off"], 2, "pip install '.[db]'"),
        (["serve", "--set", "otlp.endpoint=http://127.0.0.1:1", "--admin", "off"], 2, "pip install '.[otel]'"),
    ],
)
def test_what_an_extra_is_for_is_told(
    installed: Path, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    command = [str(installed / "fanin"), *arguments]
    run = subprocess.run(command, cwd=tmp_path, env=CLEAN, capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert told in run.stderr


def test_the_steps_of_the_action_and_of_the_template_install_the_wheel(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    action = yaml.safe_load((ROOT / "deploy/ci/github/action.yml").read_text(encoding="utf-8"))
    template = yaml.safe_load((ROOT / "deploy/ci/gitlab/fanin.gitlab-ci.yml").read_text(encoding="utf-8"))
    host = {"RUNNER_TEMP": str(tmp_path), "GITHUB_PATH": str(tmp_path / "path")}
    packages = {"PACKAGE": str(wheel), "CHECK_PACKAGE": str(wheel)}
    for script in (action["runs"]["steps"][0]["run"], "\n".join(template[".fanin"]["before_script"])):
        shell = ["bash", "-eo", "pipefail", "-c", script]
        subprocess.run(shell, cwd=tmp_path, env={**CLEAN, **host, **packages}, check=True)
    folder = (tmp_path / "path").read_text(encoding="utf-8").strip()
    for program in (f"{folder}/fanin", tmp_path / ".fanin-environment/bin/fanin"):
        told = subprocess.run([str(program), "--version"], env=CLEAN, check=True, capture_output=True, text=True)
        assert told.stdout == f"fanin {__version__}\n"
    assert not (tmp_path / "fanin-command/python").exists()


def test_the_wheel_has_the_pages(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {f"proxy/admin/pages/{path.name}" for path in (ROOT / "proxy/admin/pages").iterdir()}
    assert len(names) > 10
    assert names <= set(zipfile.ZipFile(wheel).namelist())
