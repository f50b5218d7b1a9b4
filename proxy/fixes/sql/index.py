"""The index that a query's filters and order would use, as text for people."""

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.sql.clauses import directed, expression, table_sql

EQUAL = ("eq", "in", "is.null", "is.true", "is.false")
RANGE = ("gt", "gte", "lt", "lte")
"""Operators that a B-tree serves beside these; all others want an index of another kind, or none helps."""


def index_columns(shown: ParsedFingerprint) -> tuple[OrderItem, ...]:
    """Columns that are compared for equality first, then those of the order, else one that is compared for a range.

    https://www.postgresql.org/docs/current/indexes-multicolumn.html, …/indexes-ordering.html
    """
    equal = dict.fromkeys(f.column for f in shown.filters if f.operator in EQUAL)
    found = [OrderItem(column, False, "") for column in equal]
    order = [] if shown.method == "HEAD" else [item for item in shown.order if item.column not in equal]
    ranges = [f.column for f in shown.filters if f.operator in RANGE and f.column not in equal]
    found += order or [OrderItem(column, False, "") for column in ranges[:1]]
    return tuple(found) if all("." not in item.column and "(" not in item.column for item in found) else ()


def index_sql(shown: ParsedFingerprint) -> str:
    """``create index concurrently on …``; empty where no plain index helps."""
    columns = index_columns(shown)
    if not columns:
        return ""
    return f"create index concurrently on {table_sql(shown)} ({', '.join(map(_item, columns))});"


def _item(item: OrderItem) -> str:
    text = expression(item.column)
    return directed(f"({text})" if "->" in item.column else text, item)
