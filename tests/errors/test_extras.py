"""A missing package is told with the extra that has it."""

from __future__ import annotations

import tomllib

import pytest

from proxy import __version__
from proxy.errors.extras import missing_extra
from tests.test_imports import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", ["demo", "db", "otel"])
def test_the_command_installs_the_wheel_with_the_extra(extra: str) -> None:
    assert extra in EXTRAS
    told = missing_extra("asyncpg", extra)
    assert told.startswith(f"needs the package asyncpg: install fanin with its extra {extra}: ")
    assert f"'./fanin-{__version__}-py3-none-any.whl[{extra}]'" in told
