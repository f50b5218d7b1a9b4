"""Parses the expressions that Postgres prints for policies, views and indexes, with sqlglot.

The snapshot is read with an empty search path, so that each function and relation is printed with its schema. Inside
a subselect Postgres qualifies each column, so a column that no FROM of the subselect declares is one of
the row outside.
"""

import re
from collections.abc import Iterator, Sequence

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from proxy.schema.constants import constant, folded
from proxy.schema.expression import ColumnUse, Expression, FunctionCall
from proxy.schema.searches import conjuncts, correlated

USER_METADATA = frozenset(("user_metadata", "raw_user_meta_data"))
JSON_ACCESS = (
    exp.JSONExtract,
    exp.JSONExtractScalar,
    exp.JSONBExtract,
    exp.JSONBExtractScalar,
    exp.JSONBContainsTopKey,
    exp.ArrayContainsAll,
    exp.Bracket,
    exp.Anonymous,
)
"""What a key of JSON is an operand of: ``->``, ``->>``, ``#>``, ``#>>``, ``?``, ``@>``, ``[…]``, a function."""
WRAPPERS = (exp.Cast, exp.Paren, exp.Array, exp.Variadic)
PREFIX = "SELECT "
SIMPLE = (exp.Paren, exp.Column, exp.Literal, exp.JSONExtract, exp.JSONExtractScalar)
"""What is the same without parentheses where it is the first operand."""
QUERIES = (exp.Select, exp.SetOperation)


def parse_expression(text: str) -> Expression:
    """The parts of an expression; ``parsed`` is false if sqlglot cannot parse it."""
    try:
        tree = sqlglot.parse_one(PREFIX + text, dialect="postgres")
        tokens = sqlglot.tokenize(PREFIX + text, read="postgres")
    except (SqlglotError, RecursionError):
        return Expression(text, parsed=False)
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("from_"):
        return Expression(text, parsed=False)
    root = tree.expressions[0]
    if root.find(exp.Command):
        return Expression(text, parsed=False)
    root.pop()
    root = folded(root)
    value = constant(root)
    return Expression(
        text,
        always_true=value is not None and value.value is True,
        always_false=value is not None and not value.value,
        columns=tuple(dict.fromkeys(_column(column) for column in root.find_all(exp.Column, bfs=False))),
        calls=tuple(_calls(root, tokens)),
        relations=tuple(dict.fromkeys(_name(table) for table in root.find_all(exp.Table, bfs=False))),
        conjuncts=() if value is not None else conjuncts(root),
        user_metadata=_reads_metadata(root),
    )


def reads_user_metadata(body: str) -> bool | None:
    """Whether the body of a function reads what users can change about themselves; None if it names that, and cannot be
    parsed: what is only named there may be a text.
    """
    if not any(name in body for name in USER_METADATA):
        return False
    try:
        trees = [tree for tree in sqlglot.parse(body, dialect="postgres") if tree is not None]
    except (SqlglotError, RecursionError):
        return None
    if any(tree.find(exp.Command) for tree in trees):
        return None
    return any(_reads_metadata(tree) for tree in trees)


def _reads_metadata(root: exp.Expr) -> bool:
    """Whether a key of JSON, written with the type that Postgres prints or without, or a column is one of the names."""
    if any(map(_is_metadata_key, root.find_all(exp.Literal))):
        return True
    names = (node.name for node in root.find_all(exp.Column, exp.JSONPathKey))
    return not USER_METADATA.isdisjoint(names)


def parse_optional(text: str | None) -> Expression | None:
    """As ``parse_expression``; None for no text."""
    return None if text is None else parse_expression(text)


def same_expression(first: str, second: str) -> bool:
    """Whether two expressions are equal but for needless parentheses and the types of literals of text."""
    one = _bare(first)
    return one is not None and one == _bare(second)


def _bare(text: str) -> str | None:
    """The expression as sqlglot writes it, without what Postgres adds; None if it cannot be parsed."""

    def strip(node: exp.Expr) -> exp.Expr:
        while (isinstance(node, exp.Paren) and isinstance(node.this, SIMPLE) and node.arg_key in (None, "this")) or (
            isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.is_type("text")
        ):
            node = node.this.copy()
        return node

    try:
        tree = sqlglot.parse_one(PREFIX + text, dialect="postgres")
    except (SqlglotError, RecursionError):
        return None
    if len(tree.expressions) != 1:
        return None
    root: exp.Expr = tree.expressions[0].copy().unnest()
    before, after = "", root.sql("postgres")
    while after != before:  # what replaces a node is not looked into
        root = root.transform(strip)
        before, after = after, root.sql("postgres")
    return after


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}" if table.db else table.name


def _column(column: exp.Column) -> ColumnUse:
    return ColumnUse(column.name, column.table, _subselect(column) is not None)


def _subselect(node: exp.Expr) -> exp.Expr | None:
    """The innermost query that contains ``node``."""
    return node.find_ancestor(*QUERIES)


def _is_metadata_key(literal: exp.Literal) -> bool:
    """Whether it is a key of JSON, or a path or document with one, and not a text that something is compared with."""
    if USER_METADATA.isdisjoint(re.findall(r"\w+", literal.name)):
        return False
    parent = literal.parent
    while isinstance(parent, WRAPPERS):
        parent = parent.parent
    return isinstance(parent, JSON_ACCESS)


def calls_in(tree: exp.Expr) -> Iterator[FunctionCall]:
    """The calls of functions in a tree, without their places in its text."""
    return _calls(tree, ())


def _calls(root: exp.Expr, tokens: Sequence[Token]) -> Iterator[FunctionCall]:
    places = {token.start: place for place, token in enumerate(tokens)}
    for node in root.find_all(exp.Func, bfs=False):
        if isinstance(node, exp.Connector | exp.Cast | exp.Case | exp.Exists):
            continue
        within = node.parent
        schema = within.this.name if isinstance(within, exp.Dot) and within.expression is node else ""
        yield FunctionCall(
            schema,
            node.name if isinstance(node, exp.Anonymous) else node.sql_name().lower(),
            tuple(argument.sql("postgres") for argument in _arguments(node)),
            _once(node),
            tuple(dict.fromkeys(_column(column) for each in _arguments(node) for column in each.find_all(exp.Column))),
            *_span(tokens, places.get(node.meta.get("start", -1))),
            array=isinstance(_outside(node), exp.Any),
        )


def _outside(node: exp.Expr) -> exp.Expr | None:
    """What a call, with its schema, is an operand of."""
    parent = node.parent
    while isinstance(parent, exp.Dot | exp.Paren):
        parent = parent.parent
    return parent


def _span(tokens: Sequence[Token], place: int | None) -> tuple[int, int]:
    """Offsets of the call whose name is the token at ``place``; -1 for both if there is none."""
    if place is None or place + 1 >= len(tokens) or tokens[place + 1].token_type is not TokenType.L_PAREN:
        return -1, -1
    first = place - 2 if tokens[place - 1].token_type is TokenType.DOT else place
    depth = 0
    for token in tokens[place + 1 :]:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth == 0:
            return tokens[first].start - len(PREFIX), token.end + 1 - len(PREFIX)
    return -1, -1


def _arguments(node: exp.Func) -> list[exp.Expr]:
    listed = [node.this, *node.expressions] if isinstance(node.this, exp.Expr) else list(node.expressions)
    return [argument for argument in listed if isinstance(argument, exp.Expr)]


def _once(node: exp.Expr) -> bool:
    """Whether one of the subselects around ``node`` refers to nothing outside of it, so that it runs once."""
    query = _subselect(node)
    while query is not None:
        if not correlated(query):
            return True
        query = _subselect(query)
    return False


def type_name(text: str) -> str:
    """A type that Postgres prints, such as ``character varying(20)``, as casts of expressions have it."""
    try:
        return exp.DataType.build(text, dialect="postgres", udt=True).sql("postgres").lower()
    except SqlglotError:
        return text


def with_server_metadata(text: str) -> str:
    """An expression with the metadata that only the server writes in place of the users' own.

    Other texts that hold the name as one of several words of a JSON path are changed too.
    """
    for token in reversed(sqlglot.tokenize(text, read="postgres")):
        if USER_METADATA.isdisjoint(re.findall(r"\w+", token.text)):
            continue
        changed = text[token.start : token.end + 1]
        for own, server in (("raw_user_meta_data", "raw_app_meta_data"), ("user_metadata", "app_metadata")):
            changed = re.sub(rf"\b{own}\b", server, changed)
        text = text[: token.start] + changed + text[token.end + 1 :]
    return text
