"""Markdown for the pages of docs/reference."""

from collections.abc import Iterable, Iterator, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, with an empty line after it."""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(map(cell, row)) + " |"
    yield ""


def cell(text: str) -> str:
    """Text that stays in its cell; what stands between backquotes is shown as it is."""
    parts = text.split("`")
    parts[::2] = [part.replace("*", r"\*") for part in parts[::2]]
    return "`".join(parts).replace("|", r"\|").replace("\n", " ")


def quoted(text: str) -> str:
    """``text`` between backquotes, where there is any."""
    return f"`{text}`" if text else ""
