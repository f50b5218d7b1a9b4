"""A verdict as text has one shape, whatever clients call things."""

from __future__ import annotations

import unicodedata

import pytest

from proxy.check.text import text
from tests.check.factories import NAMES, PLAIN, verdict_about


@pytest.mark.parametrize("name", NAMES)
def test_text_has_no_line_more_and_moves_no_cursor(name: str) -> None:
    shown = text(verdict_about(name))
    assert len(shown.split("\n")) == len(text(verdict_about(PLAIN)).split("\n"))
    assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}
    assert not any(line.lstrip().startswith(("::", "##[")) for line in shown.split("\n"))
