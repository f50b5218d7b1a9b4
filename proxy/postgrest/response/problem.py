"""PostgREST's error bodies, as far as merging needs them.

https://postgrest.org/en/v12/references/errors.html and PostgreSQL's appendix A, "Error Codes"
"""

import msgspec

CALLER_INDEPENDENT_CODES = frozenset(
    ("PGRST000", "PGRST001", "PGRST002", "PGRST003", "PGRST300", "PGRST301", "PGRST302", "PGRST303")
)
"""Codes that depend on no literal: the database is away, the token is bad. Their bodies quote nothing of the call."""

BAD_VALUE_CODES = frozenset(("22P02", "22003", "22007"))
"""A literal that is not of the column's type: not its syntax, out of its range, not a date."""


class ErrorBody(msgspec.Struct, frozen=True):
    """``code`` and ``message`` of an error body."""

    code: str = ""
    message: str = ""


def read_error_body(body: bytes) -> ErrorBody:
    """The error in ``body``; an empty one when it is something else."""
    try:
        return msgspec.json.decode(body, type=ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ErrorBody()


def bad_value(problem: ErrorBody) -> tuple[str, str] | None:
    """(type, literal) of ``invalid input syntax for type T: "V"`` and ``value "V" is out of range for type T``.

    Of ``invalid input value for enum T: "V"`` the type is ``enum``.
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
    """The type T of ``operator does not exist: T -|- unknown``, which is the answer to ``column=adj.x``.

    Types that have the operator cannot read the literal; a formatted column is compared with itself
    (docs/explanation/merging.md#the-type-question).
    """
    if problem.code == "42883":
        name, _, other = problem.message.removeprefix("operator does not exist: ").partition(" -|- ")
        return name if other == "unknown" else "representation"
    return "range" if problem.message.startswith("malformed range literal") else None
