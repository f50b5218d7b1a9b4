"""Parses PostgREST's error bodies, as far as merging needs them.

Postgres writes its messages in the language of ``lc_messages``. What is the same in all languages is read only: the
code, the names of types and operators, and the literals that a message quotes.

https://postgrest.org/en/v12/references/errors.html and PostgreSQL's appendix A, "Error Codes"
"""

from collections.abc import Collection

import msgspec

from proxy.model import NOT_JSON
from proxy.postgrest.types import ENUM, KNOWN_TYPES, NO_COLUMN, NOT_NAMES

CALLER_INDEPENDENT_CODES = frozenset(
    ("PGRST000", "PGRST001", "PGRST002", "PGRST003", "PGRST300", "PGRST301", "PGRST302", "PGRST303")
)
"""Error codes that all requests of a merged call would get alone: the database is down, the token is bad.

Their bodies quote nothing of the call.
"""

BAD_SYNTAX = "22P02"
BAD_VALUE_CODES = frozenset((BAD_SYNTAX, "22003", "22007"))
"""SQLSTATEs for a literal that is not of the column's type: bad syntax, out of range, not a date."""

UNDEFINED_OPERATOR = "42883"
AGGREGATE_IN_FILTER = "42803"
"""SQLSTATE for an aggregate function in a filter: the name is no column of the relation."""
OPERATOR = " -|- "
"""The operator of the type question, as messages show it."""

_QUOTES = frozenset("\"'»«›‹„“”‚‘’「」『』`")
"""Quotation marks of the languages that Postgres speaks."""
_BLANKS = " \u00a0\u202f"
"""What some languages write between a quotation and its marks."""
_ENGLISH = "operator does not exist: "
_RANGE = " is out of range for type "
_ENGLISH_STARTS = ("invalid ", "bad ", "malformed ", "value ", "could not ", "syntax error")
"""Beginnings of English messages. Those of extensions are in English, whatever the language of the server is."""
_OTHER_CORE_TYPES = frozenset(
    """
    xid xid8 cid tid oidvector int2vector box circle line lseg path polygon jsonpath pg_snapshot txid_snapshot aclitem
    pg_node_tree regclass regproc regprocedure regoper regoperator regtype regrole regnamespace regconfig
    regdictionary regcollation refcursor cstring record
    """.split()  # noqa: SIM905 – one word per line would fill a page
)
"""Postgres' own types that are not in ``KNOWN_TYPES``."""


SQLSTATE_LENGTH = 5
OWN_CODE_LENGTH = 3
"""Characters after ``PGRST``: https://postgrest.org/en/v12/references/errors.html."""


class ErrorBody(msgspec.Struct, frozen=True):
    """``code`` and ``message`` of an error body."""

    code: str = ""
    message: str = ""


class BadLiteral(msgspec.Struct, frozen=True):
    """A literal that Postgres rejected, and the column's type; empty where the message does not name it."""

    type_name: str
    literal: bytes


def read_error_body(body: bytes) -> ErrorBody:
    """The error in ``body``; with empty fields if it is not an error body."""
    try:
        return msgspec.json.decode(body, type=ErrorBody)
    except NOT_JSON:
        return ErrorBody()


def known_error_code(body: bytes, proxy_status: bytes | None) -> str:
    """The code of an error: a SQLSTATE, or PostgREST's own code; empty for any other text, and without a code.

    It is in the body, and from PostgREST 13 on also in ``Proxy-Status: PostgREST; error=…``, which a HEAD has too.
    """
    code = read_error_body(body).code or (proxy_status or b"").partition(b"error=")[2].decode("ascii", "replace")
    own = code.removeprefix("PGRST")
    is_own = own != code and len(own) == OWN_CODE_LENGTH and own.isascii() and own.isalnum()
    return code if is_own or is_sqlstate(code) else ""


def is_sqlstate(code: str) -> bool:
    """Whether ``code`` has the form of a SQLSTATE (PostgreSQL, appendix A)."""
    return len(code) == SQLSTATE_LENGTH and code.isascii() and code.isalnum() and code.upper() == code


def bad_literal(error: ErrorBody, literals: Collection[bytes], column_type: str = "") -> BadLiteral | None:
    """Which of ``literals`` the error rejects, because it is not of the column's type; None for any other error.

    Messages quote the literal, and name the type if it is one of Postgres' own: ``invalid input syntax for type
    integer: "x"``, ``値"99999"は型smallintの範囲外です``. ``column_type`` is the type if it is known.
    """
    if error.code not in BAD_VALUE_CODES:
        return None
    quoted = [text for text in (literal.decode("utf-8", "replace") for literal in literals) if _has(error, text)]
    if not quoted:
        return None
    literal = max(quoted, key=len)
    type_name = _rejecting_type(error, literal) or column_type
    return BadLiteral(type_name, literal.encode()) if type_name else None


def missing_operator(error: ErrorBody) -> str | None:
    """The column's type, from the error that answers ``column=adj.x``: ``operator does not exist: T -|- unknown``.

    ``range`` for types that have the operator, which reject the literal instead; ``representation`` for a column that
    PostgREST formats, which it compares with its own type (docs/explanation/merging.md#the-type-question);
    ``NO_COLUMN`` for an aggregate function. None for any other error.
    """
    if error.code == BAD_SYNTAX and _has(error, "x"):
        return "range"
    if error.code == AGGREGATE_IN_FILTER:
        return NO_COLUMN
    before, operator, other = error.message.rpartition(OPERATOR)
    if error.code != UNDEFINED_OPERATOR or not operator:
        return None
    return _last_type(before) if other == "unknown" else "representation"


def base_type(question: ErrorBody, type_name: str, rejected: ErrorBody, literal: str) -> str | None:
    """What ``type_name`` is made of, a type that is not built into Postgres: ``enum`` for an enumeration, the base type
    of a domain. None if the errors do not show it.

    ``question`` is the error that named the type, ``rejected`` the one that answers a filter by ``literal``, which no
    base type but text takes.
    """
    if rejected.code not in BAD_VALUE_CODES or not _has(rejected, literal):
        return None
    found = _rejecting_type(rejected, literal)
    if found or question.message.startswith(_ENGLISH) or rejected.message.startswith(_ENGLISH_STARTS):
        return found
    # Of Postgres' own messages with this code only that about enumerations names a type that is not Postgres' own.
    is_last = rejected.message.rstrip(_BLANKS + "".join(_QUOTES)).endswith(literal)
    named = _stands_alone(rejected.message.replace(literal, "", 1), type_name)
    own = type_name not in _OTHER_CORE_TYPES
    return ENUM if rejected.code == BAD_SYNTAX and is_last and named and own else None


def _rejecting_type(error: ErrorBody, literal: str) -> str | None:
    """The type that rejects ``literal``: in English any type, in other languages one of Postgres' own."""
    message = error.message
    if message.startswith(_ENGLISH_STARTS):
        return _named_in_english(message, literal)
    rest = message.replace(literal, "", 1)
    found = [name for name in KNOWN_TYPES - NOT_NAMES if _stands_alone(rest, name)]
    return max(found, key=len) if found else None


def _named_in_english(message: str, literal: str) -> str | None:
    if message.startswith("invalid input value for enum "):
        return ENUM
    for before, after in (("invalid input syntax for type ", f': "{literal}"'), (f'value "{literal}"{_RANGE}', "")):
        if message.startswith(before) and message.endswith(after):
            return message.removeprefix(before).removesuffix(after)
    return None


def _last_type(text: str) -> str:
    """The name of the type at the end of ``text``, as ``format_type`` writes it: of several words, or quoted."""
    known = [name for name in KNOWN_TYPES if text.endswith(name) and not _in_name(text[: -len(name)][-1:])]
    if known:
        return max(known, key=len)
    in_quotes = False
    for at in range(len(text) - 1, -1, -1):
        if text[at] == '"':
            in_quotes = not in_quotes
        elif text[at].isspace() and not in_quotes:
            return text[at + 1 :]
    return text


def _stands_alone(text: str, word: str) -> bool:
    """Whether ``word`` occurs in ``text`` and is no part of a longer name. Letters of other scripts may touch it."""
    at = text.find(word)
    while at >= 0:
        if not _in_name(text[:at][-1:]) and not _in_name(text[at + len(word) :][:1]):
            return True
        at = text.find(word, at + 1)
    return False


def _has(error: ErrorBody, literal: str) -> bool:
    """Whether the message quotes ``literal``: quotation marks stand around it."""
    at = error.message.find(literal)
    while at >= 0:
        before = error.message[:at].rstrip(_BLANKS)[-1:]
        after = error.message[at + len(literal) :].lstrip(_BLANKS)[:1]
        if before in _QUOTES and after in _QUOTES:
            return True
        at = error.message.find(literal, at + 1)
    return False


def _in_name(character: str) -> bool:
    """Whether ``character`` would belong to the same name as its neighbour."""
    return character.isascii() and (character.isalnum() or character in ("_", ".", "$"))
