"""A report as text fits a terminal, whatever clients call things."""

from __future__ import annotations

import re
import unicodedata

import pytest

from proxy.audit.formats.as_text import summary, text
from proxy.audit.formats.columns import WIDTH, cells
from tests.audit.factories import EMPTY, NAMES, NOTHING, PLAIN, report


@pytest.mark.parametrize("name", NAMES)
def test_text_fits_a_terminal_moves_no_cursor_and_begins_no_line_with_a_clients_word(name: str) -> None:
    for shown in (text(report(name)), summary(report(name))):
        lines = shown.split("\n")
        assert max(map(cells, lines)) <= WIDTH
        assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}
        assert not any(line.lstrip().startswith(("::", "##[")) for line in lines)
        unwrapped = re.sub(r"\n *(?:│ *)?↳ ", "", shown)
        assert unwrapped.count("\n") == re.sub(r"\n *(?:│ *)?↳ ", "", _twin(shown)).count("\n")


def _twin(shown: str) -> str:
    """The same, of a report with plain names."""
    return (text if "│ " in shown else summary)(report(PLAIN))


def test_text_of_an_empty_report_says_that_nothing_was_found() -> None:
    assert all(sentence in text(EMPTY) for sentence in NOTHING)
