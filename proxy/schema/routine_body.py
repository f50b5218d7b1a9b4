"""What the body of a function says about who calls it. SQL is parsed, and PL/pgSQL read by its tokens."""

from collections.abc import Iterator

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from proxy.schema.parsing import calls_in
from proxy.schema.snapshot import Function

ASKING = frozenset(("auth.uid", "auth.jwt", "auth.role", "auth.email", "current_setting"))
"""Functions that say who a request is from."""


def asks_who_calls(function: Function) -> tuple[str, ...] | None:
    """The functions in its body that say who a request is from; None if the body cannot be parsed, or is not known."""
    if not function.body.strip() or function.language not in ("sql", "plpgsql"):
        return None
    try:
        names = _of_sql(function.body) if function.language == "sql" else _of_tokens(function.body)
        return tuple(dict.fromkeys(name for name in names if name in ASKING))
    except (SqlglotError, RecursionError):
        return None


def why_unread(function: Function) -> str:
    """Why ``asks_who_calls`` has no answer."""
    if function.language not in ("sql", "plpgsql"):
        return f"its body is in {function.language}"
    return "its body cannot be parsed" if function.body.strip() else "its SQL-standard body is not read"


def _of_sql(body: str) -> list[str]:
    trees = [tree for tree in sqlglot.parse(body, dialect="postgres") if tree is not None]
    if any(tree.find(exp.Command) for tree in trees):
        raise SqlglotError("not SQL that sqlglot knows")
    return [call.qualified.removeprefix("pg_catalog.") for tree in trees for call in calls_in(tree)]


def _of_tokens(body: str) -> Iterator[str]:
    """The names before each opening parenthesis, with their schema; texts and comments are tokens of other kinds."""
    tokens = sqlglot.tokenize(body, read="postgres")
    for place, token in enumerate(tokens):
        if token.token_type is TokenType.L_PAREN and place:
            yield _name(tokens, place - 1).removeprefix("pg_catalog.")


def _name(tokens: list[Token], place: int) -> str:
    name = tokens[place].text.lower()
    qualified = place > 1 and tokens[place - 1].token_type is TokenType.DOT
    return f"{tokens[place - 2].text.lower()}.{name}" if qualified else name
