"""Reads a statement of PostgREST, as ``pg_stat_statements`` shows it, back into the fingerprint of its request.

Source: PostgREST 12, ``Query/QueryBuilder.hs`` and ``Query/Statements.hs``.
"""

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proxy.sql.expressions import UnwritableError

SOURCE = "pgrst_source"
OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "eq",
    exp.NEQ: "neq",
    exp.GT: "gt",
    exp.GTE: "gte",
    exp.LT: "lt",
    exp.LTE: "lte",
    exp.Like: "like",
    exp.ILike: "ilike",
}
NO_VALUE = "?"


def is_postgrest(text: str) -> bool:
    """Whether PostgREST wrote the statement, for a request that reads or writes a relation."""
    return text.lstrip().startswith(f"WITH {SOURCE} AS")


def fingerprint_of(text: str, first_schema: str) -> str:
    """The fingerprint: select, filters, order, limit and offset in this order. ``first_schema`` is left out of it.

    UnwritableError, which says why, for writes, embeds and expressions that are not read back.
    """
    try:
        tree = sqlglot.parse_one(text, read="postgres")
    except (SqlglotError, RecursionError) as error:
        raise UnwritableError("a statement that cannot be parsed") from error
    source = next((each.this for each in tree.find_all(exp.CTE) if each.alias == SOURCE), None)
    if not isinstance(source, exp.Select):
        raise UnwritableError("a write, or a call of a function")
    table = _table(source)
    name = table.name if table.db == first_schema else f"{table.db}.{table.name}"
    return f"GET {name}?{'&'.join(_params(source))}"


def updated_columns(text: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Schema, table and the columns that an update of PostgREST sets; None if the statement is another one."""
    if "UPDATE" not in text:
        return None
    try:
        tree = sqlglot.parse_one(text, read="postgres")
    except (SqlglotError, RecursionError):
        return None
    update = next(tree.find_all(exp.Update), None)
    if update is None or not isinstance(update.this, exp.Table):
        return None
    columns = (one.this.name for one in update.expressions if isinstance(one, exp.EQ))
    return update.this.db, update.this.name, tuple(dict.fromkeys(columns))


def _table(source: exp.Select) -> exp.Table:
    tables = list(source.find_all(exp.Table))
    if len(tables) != 1 or source.args.get("joins") or source.args.get("laterals"):
        raise UnwritableError("an embed")
    return tables[0]


def _params(source: exp.Select) -> Iterator[str]:
    yield "select=" + ",".join(_selected(one) for one in source.expressions)
    where = source.args.get("where")
    for part in _all_of(where.this) if where is not None else ():
        yield _filter(part)
    order = source.args.get("order")
    if order is not None:
        yield "order=" + ",".join(_ordered(one) for one in order.expressions)
    if source.args.get("limit") is not None or source.args.get("offset") is not None:
        yield "limit=?"
        yield "offset=?"


def _selected(node: exp.Expr) -> str:
    if isinstance(node, exp.Alias) and isinstance(node.this, exp.Column):
        return f"{node.alias}:{_column(node.this)}"
    return _column(node)


def _column(node: exp.Expr | None) -> str:
    if isinstance(node, exp.Column):
        return "*" if isinstance(node.this, exp.Star) else node.name
    raise UnwritableError("an expression in place of a column")


def _all_of(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.And):
        yield from _all_of(node.left)
        yield from _all_of(node.right)
    else:
        yield node


def _filter(node: exp.Expr) -> str:
    negated, inner = "", node.unnest()
    if isinstance(inner, exp.Not):
        negated, inner = "not.", inner.this.unnest()
    if isinstance(inner, exp.Is):
        return f"{_column(inner.this)}={negated}is.{inner.expression.sql('postgres').lower()}"
    operator = OPERATORS.get(type(inner))
    if operator is None:
        raise UnwritableError("a filter that is not read back")
    other = inner.args.get("expression")
    if isinstance(other, exp.Any):
        operator = "in" if operator == "eq" else f"{operator}(any)"
    elif not isinstance(other, exp.Parameter | exp.Literal | exp.Cast):
        raise UnwritableError("a filter that is not read back")
    return f"{_column(inner.args.get('this'))}={negated}{operator}.{NO_VALUE}"


def _ordered(node: exp.Expr) -> str:
    if not isinstance(node, exp.Ordered):
        raise UnwritableError("an order that is not read back")
    descending, first = bool(node.args.get("desc")), bool(node.args.get("nulls_first"))
    nulls = "" if descending == first else ".nullsfirst" if first else ".nullslast"
    return _column(node.this) + (".desc" if descending else "") + nulls


def same_statement(fingerprint: str) -> tuple[str, frozenset[str]]:
    """Equal for fingerprints of reads for which PostgREST runs one statement, whatever the order of parameters."""
    method, _, target = fingerprint.partition(" ")
    path, _, query = target.partition("?")
    params = {_normal(param) for param in query.split("&") if param}
    if "offset=?" in params or "limit=?" in params:
        params = params - {"offset=?"} | {"limit=?"}
    return f"{'GET' if method == 'HEAD' else method} {path}", frozenset(params - {"select=*"})


def _normal(param: str) -> str:
    name, _, value = param.partition("=")
    return param if name != "order" else f"order={value.replace('.asc', '')}"
