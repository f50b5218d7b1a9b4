"""A file of statements, each with how often it runs, how long it takes and who runs it, in comments above it::

-- calls: 120, ms: 3.5
-- role: authenticated, claims: {"sub": "…"}
select * from orders where tenant_id = 7;
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError

CALLS = re.compile(r"\bcalls:\s*(\d{1,15})\b")
MILLISECONDS = re.compile(r"\bms:\s*(\d{1,12}(?:\.\d{1,9})?)\b")
ROLE = re.compile(r"\brole:\s*([^\s,]+)")
CLAIMS = re.compile(r"\bclaims:\s*(\{.*)$")
NOTE = re.compile(r"^\s*--\s*(?:calls|ms|role|claims):")


class SqlFileError(ValueError):
    """The file cannot be read as statements. The message has the line, and what to write there."""


class FileStatement(msgspec.Struct, frozen=True):
    """A statement of the file."""

    text: str
    line: int
    """Where it begins, from 1."""
    calls: int = 1
    milliseconds: float = 0.0
    """Of one call; 0 if the file does not say."""
    role: str = ""
    claims: Mapping[str, Any] = {}


def read_statements(text: str) -> Iterator[FileStatement]:
    """The statements of a file. SqlFileError if it cannot be split into statements, or a comment is not as above."""
    try:
        tokens = Postgres().tokenize(text)
    except SqlglotError as error:
        raise SqlFileError(f"cannot be split into statements: {str(error).splitlines()[0]}") from error
    begin, end, last = None, 0, 0
    for token in tokens:
        if token.token_type.name == "SEMICOLON":
            if begin is not None:
                yield _statement(text, last, begin, end)
            begin, last = None, token.end + 1
            continue
        begin, end = token.start if begin is None else begin, token.end + 1
    if begin is not None:
        yield _statement(text, last, begin, end)


def _statement(text: str, last: int, begin: int, end: int) -> FileStatement:
    line = text.count("\n", 0, begin) + 1
    found: dict[str, Any] = {}
    for note in text[last:begin].splitlines():
        if NOTE.match(note):
            found |= _noted(note, line)
    return FileStatement(text[begin:end], line, **found)


def _noted(note: str, line: int) -> dict[str, Any]:
    """What a comment says."""
    found: dict[str, Any] = {}
    claims = CLAIMS.search(note)
    if claims:
        try:
            found["claims"] = json.loads(claims[1])
        except ValueError as error:
            raise SqlFileError(f"line {line}: the claims above it are not JSON: {error}") from None
        note = note[: claims.start()]
    for name, pattern, kind in (("calls", CALLS, int), ("milliseconds", MILLISECONDS, float), ("role", ROLE, str)):
        if matched := pattern.search(note):
            found[name] = kind(matched[1])
    if not found:
        raise SqlFileError(f'line {line}: write "-- calls: 120, ms: 3.5" or "-- role: authenticated" above it')
    return found
