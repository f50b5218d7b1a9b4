"""Reads the conditions and columns of a statement of PostgREST back into the parameters of its request."""

from collections.abc import Iterator

from sqlglot import exp

from proxy.sql.expressions import UnwritableError

OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "eq",
    exp.NEQ: "neq",
    exp.GT: "gt",
    exp.GTE: "gte",
    exp.LT: "lt",
    exp.LTE: "lte",
    exp.Like: "like",
    exp.ILike: "ilike",
    exp.RegexpLike: "match",
    exp.RegexpILike: "imatch",
    exp.NullSafeNEQ: "isdistinct",
    exp.ArrayContainsAll: "cs",
    exp.ArrayContainedBy: "cd",
    exp.ArrayOverlaps: "ov",
}
SEARCHES = {
    "to_tsquery": "fts",
    "plainto_tsquery": "plfts",
    "phraseto_tsquery": "phfts",
    "websearch_to_tsquery": "wfts",
}
"""Full text search, by the function that makes the query; its language, if there is one, is a value."""
NO_VALUE = "?"
CONNECTIVES: dict[type[exp.Expr], str] = {exp.And: "and", exp.Or: "or"}


def column_of(node: exp.Expr | None) -> str:
    """A column with its path into JSON, whose keys the statement does not show."""
    if isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
        arrow = "->>" if isinstance(node, exp.JSONExtractScalar) else "->"
        return f"{column_of(node.this)}{arrow}{NO_VALUE}"
    if isinstance(node, exp.Anonymous) and node.name == "to_jsonb" and len(node.expressions) == 1:
        return column_of(node.expressions[0])
    if isinstance(node, exp.Column):
        return "*" if isinstance(node.this, exp.Star) else node.name
    raise UnwritableError("an expression in place of a column")


def params_of(where: exp.Expr, prefix: str) -> Iterator[str]:
    """The parameters of a WHERE clause; ``prefix`` is the path of its embed. Conditions of the join are left out."""
    for part in _operands(where, exp.And):
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column) and isinstance(part.expression, exp.Column):
            continue
        negated, inner = _bare(part)
        if type(inner) in CONNECTIVES:
            yield f"{prefix}{negated}{CONNECTIVES[type(inner)]}={_listed(inner)}"
        else:
            column, test = _tested(inner)
            yield f"{prefix}{column}={negated}{test}"


def _listed(node: exp.Expr) -> str:
    return f"({','.join(map(_member, _operands(node, type(node))))})"


def _member(node: exp.Expr) -> str:
    """A condition as a logic tree writes it."""
    negated, inner = _bare(node)
    if type(inner) in CONNECTIVES:
        return f"{negated}{CONNECTIVES[type(inner)]}{_listed(inner)}"
    column, test = _tested(inner)
    return f"{column}.{negated}{test}"


def _operands(node: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """The operands of a chain of AND, or of OR, in their order."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, kind):
            waiting += [one.args["expression"], one.args["this"]]
        else:
            yield one


def _bare(node: exp.Expr) -> tuple[str, exp.Expr]:
    """``not.`` if the condition is negated, and the condition itself."""
    inner = node.unnest()
    if isinstance(inner, exp.Not):
        return "not.", inner.this.unnest()
    if isinstance(inner, exp.NullSafeEQ | exp.NullSafeNEQ) and isinstance(inner.expression, exp.Null):
        tested = exp.Is(this=inner.this, expression=exp.Null())  # whether an embed has rows
        return "not." if isinstance(inner, exp.NullSafeNEQ) else "", tested
    if isinstance(inner, exp.Is) and inner.args.get("negate"):
        positive = inner.copy()
        positive.set("negate", False)
        return "not.", positive
    return "", inner


def _tested(inner: exp.Expr) -> tuple[str, str]:
    """The column of a condition, and its operator with the value."""
    if isinstance(inner, exp.Is):
        return column_of(inner.this), f"is.{inner.expression.sql('postgres').lower()}"
    if isinstance(inner, exp.MatchAgainst):
        return _searched(inner)
    operator = OPERATORS.get(type(inner))
    other = inner.args.get("expression")
    if operator is None or not isinstance(other, exp.Any | exp.Literal | exp.Cast):
        raise UnwritableError("a filter that is not read back")
    if isinstance(other, exp.Any):
        operator = "in" if operator == "eq" else f"{operator}(any)"
    return column_of(inner.args.get("this")), f"{operator}.{NO_VALUE}"


def _searched(inner: exp.MatchAgainst) -> tuple[str, str]:
    """As ``_tested``, of a full text search."""
    query, columns = inner.this, inner.expressions
    operator = SEARCHES.get(query.name.lower()) if isinstance(query, exp.Anonymous) else None
    if operator is None or len(columns) != 1:
        raise UnwritableError("a filter that is not read back")
    (column,) = columns
    if isinstance(column, exp.Anonymous) and column.name == "to_tsvector" and column.expressions:
        column = column.expressions[-1]  # PostgREST 13
    language = f"({NO_VALUE})" if len(query.expressions) > 1 else ""
    return column_of(column), f"{operator}{language}.{NO_VALUE}"
