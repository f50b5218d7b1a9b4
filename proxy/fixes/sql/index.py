"""The index that the filters and the order of a query can use."""

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.sql.clauses import expression, table_sql, with_direction

EQUAL = ("eq", "in", "is.null", "is.true", "is.false")
RANGE = ("gt", "gte", "lt", "lte")
"""Range operators that a B-tree supports. All operators in neither tuple need another kind of index, or none helps."""


def index_columns(parsed: ParsedFingerprint) -> tuple[OrderItem, ...]:
    """Columns with an equality filter first; then the columns of the order, or else one column with a range filter.

    https://www.postgresql.org/docs/current/indexes-multicolumn.html, …/indexes-ordering.html
    """
    equal = dict.fromkeys(f.column for f in parsed.filters if f.operator in EQUAL)
    items = [OrderItem(column, False, "") for column in equal]
    order = [] if parsed.method == "HEAD" else [item for item in parsed.order if item.column not in equal]
    ranges = [f.column for f in parsed.filters if f.operator in RANGE and f.column not in equal]
    items += order or [OrderItem(column, False, "") for column in ranges[:1]]
    return tuple(items) if all("." not in item.column and "(" not in item.column for item in items) else ()


def index_sql(parsed: ParsedFingerprint) -> str:
    """``create index concurrently on …``; empty if no B-tree index helps."""
    columns = index_columns(parsed)
    if not columns:
        return ""
    return f"create index concurrently on {table_sql(parsed)} ({', '.join(map(_item, columns))});"


def _item(item: OrderItem) -> str:
    text = expression(item.column)
    return with_direction(f"({text})" if "->" in item.column else text, item)
