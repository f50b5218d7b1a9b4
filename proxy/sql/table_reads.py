"""What a SELECT that was not made by PostgREST asks of each table: equal columns, ranges, joins and the order."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proxy.sql.expressions import UnwritableError
from proxy.sql.relationships import DeclaredSchema, RelationName

TESTS: dict[type[exp.Expression], str] = {
    exp.EQ: "eq",
    exp.GT: "gt",
    exp.GTE: "gte",
    exp.LT: "lt",
    exp.LTE: "lte",
    exp.Like: "like",
    exp.ILike: "ilike",
    exp.In: "in",
    exp.Between: "gte",
    exp.ArrayContainsAll: "cs",
}
"""Operators, by their name in PostgREST."""
TURNED = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte"}


class ColumnTest(msgspec.Struct, frozen=True):
    """``column operator value``; ``value`` is None where it is no constant text or number."""

    column: str
    operator: str
    value: str | None = None


class ColumnOrder(msgspec.Struct, frozen=True):
    """One item of ORDER BY. ``nulls`` is ``first``, ``last``, or empty for the default."""

    column: str
    descending: bool = False
    nulls: str = ""


class TableRead(msgspec.Struct, frozen=True):
    """What one SELECT asks of a table in its FROM."""

    table: RelationName
    tests: tuple[ColumnTest, ...] = ()
    joined: tuple[str, ...] = ()
    order: tuple[ColumnOrder, ...] = ()
    """The columns of GROUP BY, if there is one: rows that come in their order need no sort."""
    limited: bool = False
    grouped: bool = False
    needed: tuple[str, ...] = ()
    """All columns of the table that the SELECT names; empty if it returns all."""


Sources = Mapping[str, RelationName]
"""The tables of a SELECT, by the name that it gives them."""


def table_reads(text: str, declared: DeclaredSchema) -> list[TableRead]:
    """One read per table and SELECT, two for one that is joined; subqueries included.

    UnwritableError if the statement is no SELECT.
    """
    try:
        statements = sqlglot.parse(text, read="postgres")
    except (SqlglotError, RecursionError) as error:
        raise UnwritableError("a statement that cannot be parsed") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UnwritableError("a statement that is no single SELECT")
    return [read for select in statements[0].find_all(exp.Select) for read in _reads(select, declared)]


def _reads(select: exp.Select, declared: DeclaredSchema) -> Iterator[TableRead]:
    sources = dict(_sources(select, declared))
    parts = list(_parts(select))
    for alias, table in sources.items():
        tests, joined = [], []
        for part in parts:
            for column, other, operator in _sides(part):
                if _owner(column, sources, declared) != alias:
                    continue
                others = {_owner(each, sources, declared) for each in other.find_all(exp.Column)}
                if others:
                    joined += [column.name] if operator == "eq" and alias not in others else []
                else:
                    tests.append(ColumnTest(column.name, operator, _constant(other)))
        order, grouped = _order(select, alias, sources, declared), select.args.get("group") is not None
        limited = select.args.get("limit") is not None and select.args.get("offset") is None and not grouped
        needed = _needed(select, alias, sources, declared)
        yield TableRead(table, tuple(tests), (), order, limited and len(sources) == 1, grouped, needed)
        if joined:  # it may be read for each row of the others, too
            yield TableRead(table, tuple(tests), tuple(dict.fromkeys(joined)), needed=needed)


def _sources(select: exp.Select, declared: DeclaredSchema) -> Iterator[tuple[str, RelationName]]:
    froms = [part.this for part in (select.args.get("from_"), select.args.get("from")) if part is not None]
    for node in (*froms, *(join.this for join in select.args.get("joins") or ())):
        if isinstance(node, exp.Table):
            names = [(node.db, node.name)] if node.db else [(declared.schema, node.name), ("public", node.name)]
            table = next((name for name in names if name in declared.columns), None)
            if table is not None:
                yield node.alias_or_name, table


def _parts(select: exp.Select) -> Iterator[exp.Expression]:
    """The conditions that must all hold."""
    where = select.args.get("where")
    roots = [where.this] if where is not None else []
    roots += [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on") is not None]
    while roots:
        node = roots.pop(0).unnest()
        if isinstance(node, exp.And):
            roots[:0] = [node.left, node.right]
        else:
            yield node


def _sides(node: exp.Expression) -> Iterator[tuple[exp.Column, exp.Expression, str]]:
    """A compared column, what it is compared with, and the operator; both ways round."""
    operator = TESTS.get(type(node))
    if operator is None:
        return
    left = node.args.get("this")
    right = exp.Tuple(expressions=node.expressions) if isinstance(node, exp.In) else node.args.get("expression")
    right = node.args.get("low") if isinstance(node, exp.Between) else right
    if isinstance(left, exp.Column) and right is not None:
        yield left, right, operator
    if isinstance(right, exp.Column) and left is not None:
        yield right, left, TURNED.get(operator, operator)


def _owner(column: exp.Column, sources: Sources, declared: DeclaredSchema) -> str:
    """The alias of the table that a column belongs to; empty if that is not one of the SELECT."""
    if column.table:
        return column.table if column.table in sources else ""
    having = [alias for alias, table in sources.items() if column.name in declared.columns[table]]
    return having[0] if len(having) == 1 else ""


def _constant(node: exp.Expression) -> str | None:
    inner = node.this if isinstance(node, exp.Cast) else node
    return inner.name if isinstance(inner, exp.Literal) else None


def _needed(select: exp.Select, alias: str, sources: Sources, declared: DeclaredSchema) -> tuple[str, ...]:
    """The columns of a table that the SELECT or its subqueries name; empty if it returns all columns."""
    if any(one.is_star and not isinstance(one, exp.Count) for one in select.expressions) and not _is_tested(select):
        return ()
    named = (each for each in select.find_all(exp.Column) if not _is_of_subquery(each, select, declared))
    return tuple(dict.fromkeys(each.name for each in named if _owner(each, sources, declared) == alias))


def _is_tested(select: exp.Select) -> bool:
    """Whether it is only asked whether there is a row."""
    above = select.parent
    return isinstance(above, exp.Exists) or (isinstance(above, exp.Subquery) and isinstance(above.parent, exp.Exists))


def _is_of_subquery(column: exp.Column, select: exp.Select, declared: DeclaredSchema) -> bool:
    """Whether a subquery between the column and ``select`` has the table that it belongs to."""
    inner = column.parent_select
    while isinstance(inner, exp.Select) and inner is not select:
        if _owner(column, dict(_sources(inner, declared)), declared):
            return True
        inner = inner.parent_select
    return False


def _order(select: exp.Select, alias: str, sources: Sources, declared: DeclaredSchema) -> tuple[ColumnOrder, ...]:
    """The order, or the columns of GROUP BY, if all of it is of columns of one table."""
    group = select.args.get("group")
    if group is not None:
        columns = [one for one in group.expressions if isinstance(one, exp.Column)]
        of_table = [one.name for one in columns if _owner(one, sources, declared) == alias]
        return tuple(map(ColumnOrder, of_table)) if len(of_table) == len(group.expressions) else ()
    order = select.args.get("order")
    found = []
    nodes: Sequence[exp.Expression] = order.expressions if order is not None else ()
    for node in nodes:
        column = node.this
        if not isinstance(column, exp.Column) or _owner(column, sources, declared) != alias:
            return ()
        descending, first = bool(node.args.get("desc")), bool(node.args.get("nulls_first"))
        nulls = "" if descending == first else "first" if first else "last"
        found.append(ColumnOrder(column.name, descending, nulls))
    return tuple(found)
