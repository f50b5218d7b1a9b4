"""Wraps and aligns text to the width of a terminal; continuation lines are marked.

The mark prevents a line that begins with text from a client.
"""

import unicodedata
from collections.abc import Iterator, Sequence

WIDTH = 120
"""Maximum width of a line, in columns."""
CONTINUATION = "↳ "
"""Begins a continuation line."""


def cells(text: str) -> int:
    """Width of ``text`` in columns; wide East Asian characters count two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def fitting(text: str, width: int) -> int:
    """Number of characters, at least one, that fit in ``width`` columns."""
    used = 0
    for index, char in enumerate(text):
        used += cells(char)
        if used > width:
            return max(1, index)
    return len(text)


def cut(text: str, width: int) -> str:
    """``text``, truncated with an ellipsis if it is wider than ``width``."""
    return text if cells(text) <= width else text[: fitting(text, width - 1)] + "…"


def wrapped(first: str, text: str, hang: int) -> Iterator[str]:
    """``text`` after ``first``; continuation lines begin with ``hang`` spaces and an arrow.

    Lines break at a space if there is one in their second half.
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
        start, text = " " * hang + CONTINUATION, text[at:].lstrip()


def aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """One line with the cells of a row; cells with ``right`` are aligned to the right."""
    padded = []
    for cell, width, to_right in zip(row, widths, right, strict=True):
        text = cut(cell, width)
        padding = " " * (width - cells(text))
        padded.append(padding + text if to_right else text + padding)
    return "  ".join(padded).rstrip()
