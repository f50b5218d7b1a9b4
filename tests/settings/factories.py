"""A TOML file of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def toml(folder: Path, text: str) -> Path:
    """A file in ``folder`` that says ``text``."""
    file = folder / "fanin.toml"
    file.write_text(text, encoding="utf-8")
    return file
