"""What is said of the release: one version everywhere, and only commands to install that work."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from proxy import __version__
from tests.test_imports import ROOT

FOLDERS = ("proxy", "rules", "docs", "deploy", "requirements", ".ci")
TEXTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted((*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))))
    if path.is_file() and path.suffix not in (".png", ".pyc")
}
"""Every file that tells somebody what to install, by its path."""
INSTALLED = re.compile(r"\b(?:pipx?|uv pip|uv tool)\s+install(?:\s+-\S+)*\s+['\"]?([^\s'\"`)]+)")
EXTRA = re.compile(r"\bfanin\[\w[\w,]*\]")
RELEASE = re.compile(r"^## \[(.+)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


def unpublished(text: str) -> list[str]:
    """What a text tells to install by a name of fanin's; no package index has any, so that only a path works."""
    named = [name for name in INSTALLED.findall(text) if re.match(r"[\w-]*fanin[\w-]*(?![\w./-])", name)]
    return [*named, *EXTRA.findall(INSTALLED.sub("", text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pip install 'fanin[db]'", ["fanin[db]"]),
        ("Takes fanin[otel]; more", ["fanin[otel]"]),
        ("(`pipx install fanin`)", ["fanin"]),
        ("uv tool install --quiet fanin==0.2.0", ["fanin==0.2.0"]),
        ("pip install pytest-fanin", ["pytest-fanin"]),
        ("pip install '.[db]' in fanin's source folder", []),
        ("pip install ./deploy/clients/pytest-fanin", []),
        ("pip install dist/fanin-0.2.0-py3-none-any.whl", []),
        ("pip install aiohttp", []),
    ],
)
def test_a_name_that_no_package_index_has_is_found(text: str, expected: list[str]) -> None:
    assert unpublished(text) == expected


@pytest.mark.parametrize("path", TEXTS)
def test_no_text_says_to_install_what_no_package_index_has(path: str) -> None:
    assert unpublished(TEXTS[path]) == []


@pytest.mark.parametrize("extra", ["demo", "db", "otel", "mcp"])
def test_an_extra_that_a_message_names_exists(extra: str) -> None:
    assert extra in tomllib.loads(TEXTS["pyproject.toml"])["project"]["optional-dependencies"]
    code = "".join(text for path, text in TEXTS.items() if path.endswith(".py"))
    assert re.search(rf"""missing_extra\([\w.']+, ['"]{extra}['"]\)""", code)


@pytest.mark.parametrize(
    ("page", "how"), [("README.md", "make install PREFIX="), ("docs/tutorial.md", "source .venv/bin/activate")]
)
def test_a_page_says_how_to_get_the_command_before_it_uses_it(page: str, how: str) -> None:
    text = TEXTS[page]
    assert text.index(f"$ {how}") < text.index("$ fanin ")


def test_the_changelog_begins_with_what_is_unreleased_and_then_has_this_version() -> None:
    unreleased, latest, *_ = RELEASE.findall(TEXTS["CHANGELOG.md"])
    assert unreleased == ("Unreleased", "")
    assert latest[0] == __version__
    assert latest[1]


def test_what_is_released_together_has_one_version() -> None:
    plugin = tomllib.loads(TEXTS["deploy/clients/pytest-fanin/pyproject.toml"])
    assert plugin["project"]["version"] == __version__
    (image,) = yaml.safe_load(TEXTS["deploy/kubernetes/example/kustomization.yaml"])["images"]
    assert image["newTag"] == __version__
