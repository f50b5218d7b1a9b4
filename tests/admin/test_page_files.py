"""The files of the pages are complete, share one version, and import only each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.admin.page_files import page_files

if TYPE_CHECKING:
    from pathlib import Path

IMPORTED = re.compile(r'^(?:import|export) .*from "([^"]+)";$', re.MULTILINE)
NAMED = re.compile(r'(?:href|src)="(/[^"]+)"')
LONGEST = 300
"""Lines of a module, as of every file."""

MODULES = {
    path.rpartition("/")[2]: data.decode() for path, data in page_files().by_path.items() if path.endswith(".js")
}


def test_all_files_are_served_under_their_version() -> None:
    version, by_path = page_files()
    places = {path.rpartition("/")[0] for path in by_path if path != "/"}
    assert places == {f"/pages/{version}"}


def test_all_files_that_the_document_names_are_served() -> None:
    by_path = page_files().by_path
    named = set(NAMED.findall(by_path["/"].decode()))
    assert len(named) > 2
    assert named <= set(by_path)


def test_the_document_names_each_module_so_that_none_waits_for_another() -> None:
    index = page_files().by_path["/"].decode()
    assert sorted(re.findall(r'"modulepreload" href="/pages/\w+/([^"]+)"', index)) == sorted(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_modules_import_each_other_by_relative_paths_and_without_cycles(name: str) -> None:
    """A relative path stays below the version."""

    def reached(module: str) -> set[str]:
        own = {path.removeprefix("./") for path in IMPORTED.findall(MODULES[module])}
        return own.union(*(reached(name) for name in own))

    assert len(IMPORTED.findall(MODULES[name])) == MODULES[name].count('from "') == MODULES[name].count("import {")
    assert all(path.startswith("./") for path in IMPORTED.findall(MODULES[name]))
    assert reached(name) <= set(MODULES) - {name}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_begins_with_a_comment_and_is_short(name: str) -> None:
    assert MODULES[name].startswith("// ")
    assert MODULES[name].count("\n") <= LONGEST


def _folder(at: Path, script: str) -> Path:
    at.mkdir()
    (at / "index.html").write_text('<script src="/pages/a.js"></script>')
    (at / "a.js").write_text(script)
    (at / "a.js.orig").write_text("left by an editor")
    return at


def test_the_version_changes_exactly_if_a_file_changes(tmp_path: Path) -> None:
    first, other, same = (
        page_files(_folder(tmp_path / name, text)) for name, text in (("1", "1;"), ("2", "2;"), ("3", "1;"))
    )
    assert first == same
    assert first.version != other.version
    assert first.by_path["/"] == f'<script src="/pages/{first.version}/a.js"></script>'.encode()
    assert not set(first.by_path) & set(other.by_path) - {"/"}


def test_other_files_are_not_served(tmp_path: Path) -> None:
    assert len(page_files(_folder(tmp_path / "1", "1;")).by_path) == 2
