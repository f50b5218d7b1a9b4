"""How an index could find the rows of a condition: its conjuncts, and the columns of their alternatives.

Postgres searches by an index for one operand of AND, and for an OR only if there is an index for each of its operands.
A policy's ``column IN (SELECT …)`` is computed for each row, other than one of a query: Postgres makes no join of it.

PostgreSQL, "Combining Multiple Indexes".
"""

from collections.abc import Iterator

from sqlglot import exp

from proxy.schema.expression import ComparedColumn, Conjunct, SearchedArm

QUERIES = (exp.Select, exp.SetOperation)
OTHERS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
NOTHING = SearchedArm()


def conjuncts(node: exp.Expr) -> tuple[Conjunct, ...]:
    """The operands of AND, each as the operands of its OR."""
    node = node.unnest()
    if isinstance(node, exp.And):
        return conjuncts(node.left) + conjuncts(node.right)
    return (tuple(_arms(node)),)


def merged_arm(found: tuple[Conjunct, ...]) -> SearchedArm:
    """The conjuncts as an operand of OR: an index for any of them serves it."""
    arms = [each[0] for each in found if len(each) == 1]
    equal = dict.fromkeys(one for arm in arms for one in arm.equal)
    return SearchedArm(tuple(equal), tuple(dict.fromkeys(name for arm in arms for name in arm.others)))


def correlated(query: exp.Expr) -> bool:
    """Whether a subselect refers to a column that it does not declare: one of the row outside."""
    declared = {table.alias_or_name for table in query.find_all(exp.Table)}
    declared |= {source.alias for source in query.find_all(exp.Subquery) if source.alias}
    declared |= {cte.alias for cte in query.find_all(exp.CTE)}
    return any(column.table not in declared for column in query.find_all(exp.Column) if column.table or not declared)


def _arms(node: exp.Expr) -> Iterator[SearchedArm]:
    node = node.unnest()
    if isinstance(node, exp.Or):
        yield from _arms(node.left)
        yield from _arms(node.right)
    elif isinstance(node, exp.And):
        yield merged_arm(conjuncts(node))
    else:
        yield _leaf(node)


def _leaf(node: exp.Expr) -> SearchedArm:
    if isinstance(node, exp.EQ):
        sides = ((node.this, node.expression), (node.expression, node.this))
        return SearchedArm(tuple(one for column, value in sides for one in _compared(column, [value])))
    if isinstance(node, exp.In):
        return SearchedArm(tuple(_compared(node.this, node.expressions))) if not node.args.get("query") else NOTHING
    if isinstance(node, OTHERS):
        values = [node.args[name] for name in ("expression", "low", "high") if node.args.get(name) is not None]
        return SearchedArm(others=tuple(one.name for one in _compared(node.this, values) if not one.casts))
    inner = node.this if isinstance(node, exp.Not | exp.Is) else node  # of a boolean column, or IS NULL
    own = isinstance(inner, exp.Expr) and not (isinstance(node, exp.Not) and isinstance(inner, exp.Is))
    return SearchedArm(others=tuple(one.name for one in _compared(inner, []) if not one.casts)) if own else NOTHING


def _compared(side: exp.Expr, values: list[exp.Expr]) -> Iterator[ComparedColumn]:
    """The column, if it is one of the row and what it is compared with is the same for each row."""
    column, casts = _uncast(side)
    if not isinstance(column, exp.Column) or column.table or any(map(_depends_on_row, values)):
        return
    calls = (call for value in values for call in value.find_all(exp.Anonymous) if not call.find_ancestor(*QUERIES))
    yield ComparedColumn(column.name, casts, tuple(dict.fromkeys(_qualified(call) for call in calls)))


def _depends_on_row(value: exp.Expr) -> bool:
    columns = (column for column in value.find_all(exp.Column) if not column.find_ancestor(*QUERIES))
    queries = (query for query in value.find_all(*QUERIES) if correlated(query))
    return any(True for _ in columns) or any(True for _ in queries)


def _qualified(call: exp.Anonymous) -> tuple[str, str]:
    within = call.parent
    return within.this.name if isinstance(within, exp.Dot) and within.expression is call else "", call.name


def _uncast(node: exp.Expr) -> tuple[exp.Expr, tuple[str, ...]]:
    """An operand without its casts, and the types that they cast to, the first applied first."""
    node = node.unnest()
    if not isinstance(node, exp.Cast):
        return node, ()
    inner, casts = _uncast(node.this)
    return inner, (*casts, node.args["to"].sql("postgres").lower())
