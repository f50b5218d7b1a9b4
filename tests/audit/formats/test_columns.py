"""Lines fit the width, contain all characters, and continuation lines are marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.audit.formats.columns import WIDTH, aligned, cells, cut, wrapped


@given(st.text(st.characters(exclude_categories=("C", "Z"))), st.integers(0, 30))
def test_no_line_is_too_wide_and_no_character_is_lost(text: str, hang: int) -> None:
    lines = list(wrapped("│ ", text, hang))
    assert max(map(cells, lines)) <= WIDTH
    first, *others = lines
    assert all(line.startswith(" " * hang + "↳ ") for line in others)
    assert first.removeprefix("│ ").rstrip() + "".join(line[hang + 2 :] for line in others) == text or not text


def test_a_line_breaks_at_a_space_in_its_second_half_or_at_the_width() -> None:
    assert list(wrapped("", "a" * 100 + " " + "b" * 100, 2)) == ["a" * 100, "  ↳ " + "b" * 100]
    assert list(wrapped("", "a" + " " + "b" * 200, 2)) == ["a " + "b" * 118, "  ↳ " + "b" * 82]


@pytest.mark.parametrize(
    ("text", "expected"), [("abcde", "abcde"), ("abcdef", "abcd…"), ("日本", "日本"), ("日本語", "日本…")]
)
def test_truncated_text_ends_with_an_ellipsis_and_wide_characters_count_two(text: str, expected: str) -> None:
    assert cut(text, 5) == expected


def test_cells_are_aligned_with_their_headings() -> None:
    rows = [["time", "route"], ["9", "日本"], ["1,000", "a"]]
    assert [aligned(row, [5, 5], [True, False]) for row in rows] == [" time  route", "    9  日本", "1,000  a"]
