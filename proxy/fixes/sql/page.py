"""The SQL of keyset pagination; right for nulls in every column of the order but the key."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.clients.chain_code import without_order
from proxy.fixes.clients.memoized import memoized
from proxy.fixes.reads.page_code import SeekKey, nulls_last, seek_order
from proxy.fixes.sql.clauses import columns_sql, conditions_sql, expression, select_sql


@memoized
def next_page_sql(parsed: ParsedFingerprint, key: SeekKey, size: int | None = None) -> str:
    """The query of the next page; without ``size`` the number of rows is a placeholder."""
    orders = seek_order(parsed, key)
    conditions, values = conditions_sql(parsed.filters)
    last = [f"${values + 1 + at}" for at in range(len(orders))]
    conditions.append(_seek_condition(orders, last, key))
    columns = columns_sql(without_order(parsed, [order.column for order in orders]).select)
    lines = select_sql(parsed, columns, conditions, orders)
    limit = size or f"${values + 1 + len(orders)}"
    names = " ".join(", ".join(order.column for order in orders).split())
    note = f"-- {', '.join(last)}: {names} of the last row; omit the condition for the first page"
    return "\n".join([*lines, f"limit {limit};", note])


def _seek_condition(orders: Sequence[OrderItem], last: Sequence[str], key: SeekKey) -> str:
    cases = []
    for at, order in enumerate(orders):
        alike = [_same(before, value, key) for before, value in zip(orders[:at], last, strict=False)]
        cases.append(" and ".join([*alike, _past(order, last[at], key)]))
    return cases[0] if len(cases) == 1 else f"({' or '.join(cases)})"


def _same(order: OrderItem, value: str, key: SeekKey) -> str:
    compare = "=" if order.column in key else "is not distinct from"
    return f"{expression(order.column)} {compare} {value}"


def _past(order: OrderItem, value: str, key: SeekKey) -> str:
    column = expression(order.column)
    past = f"{column} {'<' if order.descending else '>'} {value}"
    if order.column in key:
        return past
    if nulls_last(order):
        return f"({past} or ({column} is null and {value} is not null))"
    return f"({past} or ({column} is not null and {value} is null))"
