"""The SQL of keyset pagination; right for nulls in every column that may have some."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.clients.chain_code import without_order
from proxy.fixes.clients.memoized import memoized
from proxy.fixes.reads.page_code import Seek, nulls_last, seek_order
from proxy.fixes.sql.clauses import columns_sql, conditions_sql, expression, select_sql


@memoized
def next_page_sql(parsed: ParsedFingerprint, seek: Seek, size: int | None = None) -> str:
    """The query of the next page; without ``size`` the number of rows is a placeholder."""
    orders = seek_order(parsed, seek.key)
    conditions, values = conditions_sql(parsed.filters)
    last = [f"${values + 1 + at}" for at in range(len(orders))]
    conditions.append(_seek_condition(orders, last, seek))
    columns = columns_sql(without_order(parsed, [order.column for order in orders]).select)
    lines = select_sql(parsed, columns, conditions, orders)
    limit = size or f"${values + 1 + len(orders)}"
    names = " ".join(", ".join(order.column for order in orders).split())
    note = f"-- {', '.join(last)}: {names} of the last row; omit the condition for the first page"
    return "\n".join([*lines, f"limit {limit};", note])


def _seek_condition(orders: Sequence[OrderItem], last: Sequence[str], seek: Seek) -> str:
    if len(orders) > 1 and not any(map(seek.has_nulls, orders)) and len({order.descending for order in orders}) == 1:
        columns = ", ".join(expression(order.column) for order in orders)
        return f"({columns}) {'<' if orders[0].descending else '>'} ({', '.join(last)})"
    cases = []
    for at, order in enumerate(orders):
        alike = [_same(before, value, seek) for before, value in zip(orders[:at], last, strict=False)]
        cases.append(" and ".join([*alike, _past(order, last[at], seek)]))
    return cases[0] if len(cases) == 1 else f"({' or '.join(cases)})"


def _same(order: OrderItem, value: str, seek: Seek) -> str:
    compare = "is not distinct from" if seek.has_nulls(order) else "="
    return f"{expression(order.column)} {compare} {value}"


def _past(order: OrderItem, value: str, seek: Seek) -> str:
    column = expression(order.column)
    past = f"{column} {'<' if order.descending else '>'} {value}"
    if not seek.has_nulls(order):
        return past
    if nulls_last(order):
        return f"({past} or ({column} is null and {value} is not null))"
    return f"({past} or ({column} is not null and {value} is null))"
