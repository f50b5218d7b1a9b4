"""Lines that fit a terminal, and say what goes on from the line before: a client's word never begins one."""

import unicodedata
from collections.abc import Iterator, Sequence

WIDTH = 120
"""Columns of a line at most."""
ON = "↳ "
"""Stands before what goes on from the line above."""


def cells(text: str) -> int:
    """Columns that ``text`` takes: two for each character as wide as a Chinese one."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def fitting(text: str, width: int) -> int:
    """How many of its characters, at least one, fit in ``width`` columns."""
    taken = 0
    for at, char in enumerate(text):
        taken += cells(char)
        if taken > width:
            return max(1, at)
    return len(text)


def cut(text: str, width: int) -> str:
    """As much of ``text`` as fits."""
    return text if cells(text) <= width else text[: fitting(text, width - 1)] + "…"


def wrapped(first: str, text: str, hang: int) -> Iterator[str]:
    """``text`` behind ``first``, on lines that from the second on begin with ``hang`` blanks and an arrow.

    It is parted at blanks where there are any in the last half of a line.
    """
    start = first
    while True:
        at = fitting(text, WIDTH - cells(start))
        if at >= len(text):
            yield f"{start}{text}".rstrip()
            return
        blank = text.rfind(" ", at // 2, at + 1)
        at = blank if blank > 0 else at
        yield f"{start}{text[:at]}".rstrip()
        start, text = " " * hang + ON, text[at:].lstrip()


def aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """The cells of a row beside each other."""
    told = []
    for cell, width, number in zip(row, widths, right, strict=True):
        shown = cut(cell, width)
        room = " " * (width - cells(shown))
        told.append(room + shown if number else shown + room)
    return "  ".join(told).rstrip()
