"""Statements with what undoes them, as findings print both."""

import re

from proxy.schema.names import quoted

TOKEN = re.compile(r"""(?<!\w)E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\s+""", re.DOTALL)
"""A literal, a quoted name, or white space: where Postgres prints line breaks. It prints no dollar quotes."""


def with_undo(statements: str, undo: str) -> str:
    """``statements``, then ``undo`` as a comment. Each of its lines is one: a name or a text can contain line breaks,
    and what follows one would be run.
    """
    return "\n".join([statements, *(f"-- {line}" for line in f"undo: {undo}".split("\n"))])


def in_a_line(sql: str) -> str:
    """The same SQL, as Postgres printed it, in one line: what follows a line break in a comment would be run.

    White space with a line break becomes a space; one in a literal or a quoted name becomes an escape.
    """
    return TOKEN.sub(lambda token: token[0] if token[0].isprintable() else _in_a_line(token[0]), sql)


def _in_a_line(token: str) -> str:
    if token.isspace():
        return " "
    if token.startswith('"'):
        return quoted(token[1:-1].replace('""', '"'))
    text = token[2:-1] if token.startswith("E") else token[1:-1].replace("\\", "\\\\")
    return "E'" + "".join(one if one.isprintable() else f"\\U{ord(one):08X}" for one in text) + "'"
