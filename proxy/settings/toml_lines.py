"""Finds the lines of a TOML file on which names are set, for error messages: Python's parser does not tell them."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TomlPath = tuple[str | int, ...]
"""Where a value is: names of tables and keys, and for a list of tables the number of the table, from 0."""

MAX_LINES = 1000
"""Maximum lines of one value."""


def lines_of(text: str) -> dict[TomlPath, int]:
    """The line of each table and key in ``text``, which is valid TOML; the first line is 1."""
    found: dict[TomlPath, int] = {}
    table: TomlPath = ()
    tables: dict[TomlPath, int] = {}
    """Number of tables so far in each list of tables."""
    for number, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if not statement.lstrip().startswith("["):
            for path in _paths(parsed):
                found.setdefault((*table, *path), number)
            continue
        header = tuple([part for part in max(_paths(parsed), key=len) if isinstance(part, str)])
        if statement.lstrip().startswith("[["):
            tables[header] = tables.get(header, -1) + 1
        table = _with_numbers(header, tables)
        found.setdefault(table, number)
    return found


def line_of(lines: Mapping[TomlPath, int], path: TomlPath) -> int | None:
    """The line of ``path``, or of the innermost table around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Table headers and assignments, each with the number of its first line: as few lines as are valid TOML."""
    lines, at = text.splitlines(), 0
    while at < len(lines):
        for end in range(at + 1, min(len(lines), at + MAX_LINES) + 1):
            statement = "\n".join(lines[at:end])
            if _is_valid(statement):
                break
        else:
            return
        if statement.strip() and not statement.lstrip().startswith("#"):
            yield at + 1, statement
        at = end


def _is_valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _paths(value: Any, path: TomlPath = ()) -> Iterator[TomlPath]:
    """The path of each key in a parsed statement, and of each table in a list."""
    items: Sequence[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = [item for item in enumerate(value) if isinstance(item[1], dict)]
    for name, inner in items:
        yield (*path, name)
        yield from _paths(inner, (*path, name))


def _with_numbers(header: tuple[str, ...], tables: Mapping[TomlPath, int]) -> TomlPath:
    """``header`` with the number of the latest table after each name of a list of tables."""
    path: TomlPath = ()
    for length, name in enumerate(header, 1):
        path = (*path, name)
        if header[:length] in tables:
            path = (*path, tables[header[:length]])
    return path
