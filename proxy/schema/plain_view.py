"""A view that shows rows and columns of one table, and does nothing else with them."""

from collections.abc import Iterator

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

CHANGING = ("with", "with_", "joins", "laterals", "group", "having", "distinct", "limit", "offset", "windows")
"""Parts of a SELECT with which its rows are others than the table's."""


class PlainView(msgspec.Struct, frozen=True):
    """What it asks of the rows that it shows, as far as that is read."""

    null_tests: tuple[tuple[str, bool], ...] = ()
    """Columns of the table that must be null (True), or must not."""


def plain_view(definition: str) -> PlainView | None:
    """``definition`` is of ``pg_get_viewdef``. None if the view groups, joins, limits, or cannot be parsed."""
    try:
        select = sqlglot.parse_one(definition, read="postgres")
    except (SqlglotError, RecursionError):
        return None
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in CHANGING):
        return None
    alone = len(list(select.find_all(exp.Select))) == len(list(select.find_all(exp.Table))) == 1
    if not alone or select.find(exp.AggFunc, exp.Window) is not None:
        return None
    where = select.args.get("where")
    return PlainView(tuple(_null_tests(where.this)) if where is not None else ())


def _null_tests(condition: exp.Expr) -> Iterator[tuple[str, bool]]:
    """Those of conditions that must all hold."""
    node = condition.unnest()
    if isinstance(node, exp.And):
        yield from _null_tests(node.left)
        yield from _null_tests(node.right)
        return
    is_null = True
    while isinstance(node, exp.Not):
        node, is_null = node.this.unnest(), not is_null
    if isinstance(node, exp.Is) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Null):
        # IS NOT NULL is a Not around, or this flag, by the version of sqlglot.
        yield node.this.name, is_null != bool(node.args.get("negate"))
