"""Reads what deploy/ has in YAML."""

from __future__ import annotations

from typing import Any

import yaml

from tests.test_imports import ROOT

DEPLOY = ROOT / "deploy"


def read(path: str) -> Any:
    """The one document of a file in deploy/."""
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))
