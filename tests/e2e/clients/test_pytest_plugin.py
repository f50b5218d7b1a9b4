"""pytest-fanin: where nothing of fanin is installed, it counts what PostgREST is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy import __version__
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
CLIENTS = ROOT / "deploy" / "clients"
PLUGIN = CLIENTS / "pytest-fanin"
PYTEST = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
FANIN = str(Path(sys.executable).with_name("fanin"))
FAILING = """
from test_export import export_row_by_row

def test_over_its_budget(fanin):
    with fanin.trace("export") as t:
        export_row_by_row(fanin.url, t.headers, 20)
    assert t.queries <= 3

def test_with_what_it_must_not_have(fanin):
    with fanin.trace("export") as t:
        export_row_by_row(fanin.url, t.headers, 20)
    t.assert_no("FAN001", "FAN002")

def test_read_too_early(fanin):
    with fanin.trace("export") as t:
        t.queries
"""
CLIENT = """
import json, os
from urllib.request import Request, urlopen

class Client:
    def __init__(self):
        self.headers = {"Authorization": f"Bearer {os.environ['EXAMPLE_TOKEN']}", "X-Fanin-Route": "mine"}

    def get(self, url):
        with urlopen(Request(url, headers=self.headers)) as answer:
            return json.load(answer)

def test_a_client_has_the_headers_for_the_block_and_its_own_afterwards(fanin):
    client = Client()
    before = dict(client.headers)
    for _ in range(60):
        with fanin.trace("one") as t:
            t.use(client).get(f"{fanin.url}/creators?select=id&limit=1")
        assert (t.queries, t.upstream_calls, t.rows, t.bytes > 0) == (1, 1, 1, True)
        assert client.headers == before
    try:
        with fanin.trace("failing") as t:
            t.use(client)
            raise KeyError("the test's own")
    except KeyError:
        assert client.headers == before

def test_nothing_asked_is_no_query(fanin):
    with fanin.trace("nothing") as t:
        pass
    assert (t.queries, t.upstream_calls, t.findings) == (0, 0, [])
    t.assert_no()

def test_nothing_of_fanin_is_here():
    import importlib.util
    assert importlib.util.find_spec("proxy") is None
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pytest and the plugin's wheel, and no package index: what is pytest's is linked."""
    home = tmp_path_factory.mktemp("clean")
    source = shutil.copytree(PLUGIN, home / "source")
    wheels = home / "dist"
    run_command(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=source)
    (wheel,) = wheels.glob("*.whl")
    assert {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()} == {
        "pytest_fanin.py",
        f"pytest_fanin-{__version__}.dist-info",
    }
    venv.create(home / "venv", with_pip=False)
    interpreter = home / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(interpreter))
    run_command(*pip, "install", "-q", "--no-index", str(wheel), cwd=home)
    (packages,) = (home / "venv/lib").glob("python*/site-packages")
    for distribution in map(metadata.distribution, PYTEST):
        for name in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            (packages / name).symlink_to(str(distribution.locate_file(name)))
    program = home / "venv/bin/fanin"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{FANIN}" "$@"\n')
    program.chmod(0o755)
    return interpreter


def run_command(*words: str, cwd: Path) -> str:
    finished = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def by_pytest(python: Path, folder: Path, stack: Stack | None, *words: str) -> subprocess.CompletedProcess[str]:
    """pytest in ``folder``, as a user runs it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("FANIN_", "PYTHON", "PYTEST"))}
    if stack is not None:
        clean |= {"FANIN_UPSTREAM": stack.url, "EXAMPLE_TOKEN": stack.token}
    command = [
        str(python),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-o",
        f"fanin_command={python.with_name('fanin')}",
        *words,
        str(folder),
    ]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=120)


def test_the_example_passes(python: Path, stack: Stack, tmp_path: Path) -> None:
    shutil.copy(PLUGIN / "example/test_export.py", tmp_path)
    ran = by_pytest(python, tmp_path, stack)
    assert ran.returncode == 0, ran.stdout
    assert "3 passed" in ran.stdout


def test_a_suite_over_its_budget_fails_and_says_by_what(python: Path, stack: Stack, tmp_path: Path) -> None:
    shutil.copy(PLUGIN / "example/test_export.py", tmp_path)
    (tmp_path / "test_failing.py").write_text(FAILING)
    ran = by_pytest(python, tmp_path, stack, "-k", "failing")
    assert ran.returncode == 1
    assert "3 failed" in ran.stdout
    assert "assert 21 <= 3" in ran.stdout
    assert "<fanin trace 'export': 21 queries, 21 upstream calls, FAN002>" in ran.stdout
    assert "FAN002: 20 reads of creator_payout_profiles" in ran.stdout
    assert '.in_("creator_id", ' in ran.stdout
    assert "has no numbers yet; read them after the with block" in ran.stdout


def test_many_single_queries_in_a_client_are_each_a_trace(python: Path, stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "test_client.py").write_text(CLIENT)
    ran = by_pytest(python, tmp_path, stack)
    assert ran.returncode == 0, ran.stdout
    assert "3 passed" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "set the address of PostgREST: FANIN_UPSTREAM"),
        (("-o", "fanin_upstream=http://127.0.0.1:1", "-o", "fanin_command=no-such-program"), "there is no program"),
        (("-o", "fanin_upstream=ftp://h"), "fanin did not start: "),
    ],
)
def test_where_there_is_no_fanin_a_test_fails_with_what_to_do(
    python: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(fanin): pass\n")
    ran = by_pytest(python, tmp_path, None, *arguments)
    assert ran.returncode == 1
    assert message in ran.stdout
