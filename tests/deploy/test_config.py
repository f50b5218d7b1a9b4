"""The example settings are settings, those in comments too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.commands.main import main
from proxy.settings.loading import load
from tests.deploy.manifests import DEPLOY

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(file for file in DEPLOY.rglob("*.toml") if file.name != "pyproject.toml")
IDS = [str(file.relative_to(DEPLOY)) for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_fanin_config_takes_an_example_and_names_it_as_the_source(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "--config", str(file)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert f"  # {file}: " in said.out


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_a_setting_that_stands_in_a_comment_is_one(file: Path, tmp_path: Path) -> None:
    uncommented = tmp_path / "fanin.toml"
    text = re.sub(r"^# (\w+ = .+)$", r"\1", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    uncommented.write_text(text, encoding="utf-8")
    load({}, uncommented)
