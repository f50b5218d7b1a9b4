"""Tests stand as the code stands, and a public name has one meaning."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.test_imports import ROOT, sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TESTS = ROOT / "tests"
MODULES = {str(path.relative_to(ROOT)): path for path in sources() if not path.stem.startswith("__")}
TEST = re.compile(r"tests/[\w/]+\.py")
ABOUT_A_FOLDER = {
    "settings/test_every_setting_is_read.py": "the readers of all settings",
    "rules/test_documents.py": "the documents of all rules",
    "rules/test_hostile_inputs.py": "all rules on names that clients make up",
    "rules/test_unconfirmed_names.py": "all rules on names that PostgREST never accepted",
}
"""Tests of no one module, and what they are about."""


def folder_of_tests(module: Path) -> Path:
    """Where a module's test lies: the folders of proxy/ are those of tests/, and rules/ is tests/rules."""
    folder = module.parent.relative_to(ROOT)
    return TESTS / (folder.relative_to("proxy") if folder.parts[0] == "proxy" else folder)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_a_test_of_its_name_or_names_the_end_to_end_test_that_covers_it(name: str) -> None:
    module = MODULES[name]
    own = folder_of_tests(module) / f"test_{module.name}"
    named = TEST.findall(ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "")
    assert own.exists() or named, f"write {own.relative_to(ROOT)}, or name in the docstring the test in tests/e2e"
    assert not (own.exists() and named), f"{own.relative_to(ROOT)} exists: the docstring need not name another test"
    assert [path for path in named if not path.startswith("tests/e2e/") or not (ROOT / path).is_file()] == []


def beside_modules() -> list[Path]:
    """The test files of every folder that has modules' tests."""
    folders = {folder_of_tests(module) for module in MODULES.values()} - {TESTS}
    return [path for folder in sorted(folders) for path in sorted(folder.glob("test_*.py"))]


@pytest.mark.parametrize("path", beside_modules(), ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_beside_modules_is_called_after_one_of_them(path: Path) -> None:
    """Behind the module's name may stand what of it is tested: ``test_merger_hangups.py``."""
    modules = {module.stem for module in MODULES.values() if folder_of_tests(module) == path.parent}
    subject = path.stem.removeprefix("test_")
    known = any(subject == module or subject.startswith(f"{module}_") for module in modules)
    assert known or str(path.relative_to(TESTS)) in ABOUT_A_FOLDER


def test_each_test_of_a_whole_folder_is_there() -> None:
    assert [name for name in ABOUT_A_FOLDER if not (TESTS / name).is_file()] == []


def public_names(module: Path) -> Iterator[str]:
    """The classes of a module and its aliases of types, which have capitals as classes have."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not _is_type_variable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name) and _is_cap_words(target.id))


def _is_type_variable(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "TypeVar"


def _is_cap_words(name: str) -> bool:
    return re.fullmatch(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*", name) is not None


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    copied = {file.name: file for file in (ROOT / "deploy/clients").glob("**/*.py") if "example" not in file.parts}
    for name, module in {**MODULES, **copied}.items():
        for public in public_names(module):
            if not public.startswith("_"):
                places[public].append(name)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_every_test_that_make_runs_once_more_or_for_longer_is_there() -> None:
    printed = subprocess.run(["make", "-npq", "soak"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    named = re.findall(r"tests/e2e/[\w/]+\.py", printed)
    named += [name.replace(".", "/") + ".py" for name in re.findall(r"-m (tests\.e2e[\w.]+)", printed)]
    assert {"tests/e2e/soak/random_bursts.py", "tests/e2e/exactness/test_merge.py"} <= set(named)
    assert [name for name in named if not (ROOT / name).is_file()] == []
