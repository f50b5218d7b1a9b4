"""The SQL of the read that a fingerprint stands for, whole or page by page, as text for people."""

from proxy.postgrest.batch_sql import columns_sql, condition_sql, order_sql
from proxy.postgrest.names import quoted
from proxy.postgrest.shown import Filter, Order, Shown


def read_sql(shown: Shown) -> str:
    """``select … where a = $1``; values are numbered in the order of the query.

    A HEAD stands for the number of rows. Conditions that have no plain operator in SQL (full text, arrays, logic trees)
    are named in a comment.
    """
    if shown.method == "HEAD":
        lines, _ = _lines(shown, shown.filters, ())
        lines[0] = "select count(*)"
    else:
        lines, _ = _lines(shown, shown.filters, shown.order)
    return "\n".join(lines) + ";"


def page_sql(shown: Shown, key: str, size: int) -> str:
    """The same for one page: ``size`` rows past the last ``key`` of the page before."""
    past = Filter(key, "gt", -1)
    lines, values = _lines(shown, (*shown.filters, past), (Order(key, False, ""),), key)
    note = f"-- ${values} is the last {key} of the page before; the first page has no such condition"
    return "\n".join([*lines, f"limit {size};", note])


def _lines(shown: Shown, filters: tuple[Filter, ...], order: tuple[Order, ...], key: str = "") -> tuple[list[str], int]:
    """The query's lines, and how many values it has."""
    conditions: list[str] = []
    left_out = [param for param in shown.rest if param not in ("limit=?", "offset=?")]
    values = 0
    for condition in filters:
        text = condition_sql(condition, values + 1)
        if text:
            conditions.append(text)
            values += not condition.operator.endswith("null")
        else:
            left_out.append(f"{condition.column}={condition.operator}")
    lines = [f"select {columns_sql(shown.select, key)}", f"from {quoted(shown.relation)}"]
    lines += [f"{'  and' if at else 'where'} {text}" for at, text in enumerate(conditions)]
    lines += [f"  -- and {' '.join(text.split())}" for text in left_out]
    if order:
        lines.append("order by " + ", ".join(map(order_sql, order)))
    return lines, values
