"""Markdown tables, code and escaped text, for docs/reference and for text that a client controls."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import inspect


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, and an empty line after it."""
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield "| " + " | ".join(map(cell, row)) + " |"
    yield ""


def cell(text: str) -> str:
    """Escape trusted text for a table cell. Text between backquotes stays code."""
    parts = text.split("`")
    parts[::2] = [part.replace("*", r"\*") for part in parts[::2]]
    return "`".join(parts).replace("|", r"\|").replace("\n", " ")


def quoted(text: str) -> str:
    """Trusted ``text`` between backquotes; empty if it is empty."""
    return f"`{text}`" if text else ""


def field_rows(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str, str]]:
    """Per field of a struct: its name, its description, and its default; all Markdown."""
    struct = inspect.type_info(kind)
    assert isinstance(struct, inspect.StructType)  # noqa: S101 – for mypy
    for field in struct.fields:
        meta = field.type
        assert isinstance(meta, inspect.Metadata)  # noqa: S101 – every field has a description
        text = (meta.extra_json_schema or {})["description"]
        default = "" if field.required else quoted(msgspec.json.encode(field.default).decode())
        yield quoted(field.encode_name), text, default


_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~&$]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""Characters with a meaning within a line, and those that make a bare URL a link."""
_BACKTICKS = re.compile("`+")


def escaped(text: str) -> str:
    """Untrusted ``text`` escaped for a line: it cannot become a link, HTML or a mention of a user."""
    return _SPECIAL.sub(r"\\\g<0>", text).replace("@", "`@`")  # GitHub reads @name as a mention, except in code


def code_span(text: str) -> str:
    """One line of untrusted ``text`` as code. In a table its pipes must also be escaped.

    https://spec.commonmark.org/0.31.2/#code-spans
    """
    if not text:
        return ""
    ticks = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    padding = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{padding}{text}{padding}{ticks}"


def fenced(language: str, lines: Sequence[str]) -> Iterator[str]:
    """Untrusted ``lines`` as a code block; its fence is longer than any run of backquotes in them."""
    ticks = "`" * max(3, 1 + max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0))
    yield f"{ticks}{language}"
    yield from lines
    yield ticks
