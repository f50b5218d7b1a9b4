"""The SQL of the read that a fingerprint stands for, whole or page by page, as text for people."""

from collections.abc import Iterable

from proxy.postgrest.batch_sql import columns_sql, condition_sql, order_sql, statement
from proxy.postgrest.names import quoted
from proxy.postgrest.remembered import remembered
from proxy.postgrest.shown import Filter, Order, Shown


@remembered
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
    return statement(lines)


@remembered
def narrow_sql(shown: Shown, key: str) -> str:
    """The same with ``key`` for its columns, to which those are to be added that the code reads."""
    lines, _ = _lines(shown, shown.filters, shown.order)
    lines[0] = f"select {quoted(key)} -- and the columns that the code reads"
    return statement(lines)


@remembered
def estimate_sql(shown: Shown) -> str:
    """What ``count=planned`` asks Postgres: the number of rows that the planner expects."""
    lines, _ = _lines(shown, shown.filters, ())
    lines[0] = "select 1"
    return "\n".join(["explain (format json)", *lines]) + ';\n-- "Plan Rows" at the top is the estimate'


def part_sql(shown: Shown, values: int) -> tuple[list[str], int]:
    """The lines of the query for a place inside another one, numbered behind ``values``; and how many there are now."""
    conditions, values = conditions_of(shown.filters, values)
    return _query(shown, conditions, shown.filters, shown.order), values


@remembered
def page_sql(shown: Shown, key: str, size: int) -> str:
    """The same for one page: ``size`` rows past the last ``key`` of the page before."""
    past = Filter(key, "gt", -1)
    lines, values = _lines(shown, (*shown.filters, past), (Order(key, False, ""),), key)
    note = f"-- ${values} is the last {key} of the page before; the first page has no such condition"
    return "\n".join([*lines, f"limit {size};", note])


def _lines(shown: Shown, filters: tuple[Filter, ...], order: tuple[Order, ...], key: str = "") -> tuple[list[str], int]:
    """The query's lines, and how many values it has."""
    conditions, values = conditions_of(filters)
    return _query(shown, conditions, filters, order, key), values


def _query(
    shown: Shown, conditions: list[str], filters: tuple[Filter, ...], order: tuple[Order, ...], key: str = ""
) -> list[str]:
    lines = [f"select {columns_sql(shown.select, key)}", f"from {quoted(shown.relation)}"]
    lines += [f"{'  and' if at else 'where'} {text}" for at, text in enumerate(conditions)]
    lines += [f"  -- and {text}" for text in unsaid(shown, filters)]
    if order:
        lines.append("order by " + ", ".join(map(order_sql, order)))
    return lines


def conditions_of(filters: Iterable[Filter], values: int = 0) -> tuple[list[str], int]:
    """The conditions that SQL has plain operators for, numbered behind ``values``; and how many values that makes."""
    conditions: list[str] = []
    for condition in filters:
        text = condition_sql(condition, values + 1)
        if text:
            conditions.append(text)
            values += not condition.operator.endswith("null")
    return conditions, values


def unsaid(shown: Shown, filters: Iterable[Filter]) -> list[str]:
    """The others, for a comment."""
    params = [param for param in shown.rest if param not in ("limit=?", "offset=?")]
    odd = [f"{one.column}={one.operator}" for one in filters if not condition_sql(one, 1)]
    return [" ".join(text.split()) for text in (*params, *odd)]
