"""Markdown for the pages of docs/reference, and for what clients have written."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import inspect


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


def field_rows(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str, str]]:
    """The fields of a struct: name, text, and what holds where the field is absent."""
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)  # noqa: S101 – for mypy
    for field in told.fields:
        meta = field.type
        assert isinstance(meta, inspect.Metadata)  # noqa: S101 – each field is described
        text = (meta.extra_json_schema or {})["description"]
        default = "" if field.required else quoted(msgspec.json.encode(field.default).decode())
        yield quoted(field.encode_name), text, default


_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~&$]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What means something within a line; bare addresses become links as well."""
_BACKTICKS = re.compile("`+")


def escaped(text: str) -> str:
    """``text`` within a line, saying nothing but itself: no link, no HTML, no mention of anybody."""
    return _SPECIAL.sub(r"\\\g<0>", text).replace("@", "`@`")  # GitHub looks for names behind an @ in all but code


def code_span(text: str) -> str:
    """A line of ``text`` as code; in a table its pipes want a backslash as well.

    https://spec.commonmark.org/0.31.2/#code-spans
    """
    if not text:
        return ""
    ticks = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    room = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{room}{text}{room}{ticks}"


def fenced(language: str, lines: Sequence[str]) -> Iterator[str]:
    """``lines`` as a block of code, which none of them ends."""
    ticks = "`" * max(3, 1 + max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0))
    yield f"{ticks}{language}"
    yield from lines
    yield ticks
