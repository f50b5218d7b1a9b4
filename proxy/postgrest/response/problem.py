"""Parses PostgREST's error bodies, as far as merging needs them.

https://postgrest.org/en/v12/references/errors.html and PostgreSQL's appendix A, "Error Codes"
"""

import msgspec

CALLER_INDEPENDENT_CODES = frozenset(
    ("PGRST000", "PGRST001", "PGRST002", "PGRST003", "PGRST300", "PGRST301", "PGRST302", "PGRST303")
)
"""Error codes that all requests of a merged call would get alone: the database is down, the token is bad.

Their bodies quote nothing of the call.
"""

BAD_VALUE_CODES = frozenset(("22P02", "22003", "22007"))
"""SQLSTATEs for a literal that is not of the column's type: bad syntax, out of range, not a date."""


class ErrorBody(msgspec.Struct, frozen=True):
    """``code`` and ``message`` of an error body."""

    code: str = ""
    message: str = ""


def read_error_body(body: bytes) -> ErrorBody:
    """The error in ``body``; with empty fields if it is not an error body."""
    try:
        return msgspec.json.decode(body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ErrorBody()


def bad_value(problem: ErrorBody) -> tuple[str, str] | None:
    """Type and literal in ``invalid input syntax for type T: "V"`` and ``value "V" is out of range for type T``.

    For ``invalid input value for enum T: "V"`` the type is ``enum``. None for any other error.
    """
    if problem.code not in BAD_VALUE_CODES:
        return None
    message = problem.message
    head, _, literal = message.partition('"')
    if head.startswith("invalid input syntax for type "):
        return head.removeprefix("invalid input syntax for type ").rstrip(": "), literal.removesuffix('"')
    if message.startswith("invalid input value for enum "):
        return "enum", message.partition(': "')[2].removesuffix('"')
    literal, _, tail = literal.partition('" is out of range for type ')
    return (tail, literal) if head == "value " and tail else None


def missing_operator(problem: ErrorBody) -> str | None:
    """The column's type, from the error that answers ``column=adj.x``: ``operator does not exist: T -|- unknown``.

    ``range`` for types that have the operator, which reject the literal instead; ``representation`` for a column that
    PostgREST formats, which it compares with its own type (docs/explanation/merging.md#the-type-question). None for any
    other error.
    """
    if problem.code == "42883":
        name, _, other = problem.message.removeprefix("operator does not exist: ").partition(" -|- ")
        return name if other == "unknown" else "representation"
    return "range" if problem.message.startswith("malformed range literal") else None
