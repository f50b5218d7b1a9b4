"""Keyset pagination: the page after a given last row, in SQL and for both client libraries.

PostgREST has no row comparison, so ``(a, b) > (x, y)`` becomes ``or=(a.gt.x,and(a.eq.x,b.gt.y))``
(https://postgrest.org/en/v12/references/api/tables_views.html#logical-operators).
"""

import json
from collections.abc import Sequence

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.chain_code import (
    js_chain,
    js_orders,
    name_values,
    py_chain,
    py_orders,
    row_property,
    unsupported_params,
    without_order,
)
from proxy.fixes.function_code import checked_call_js, comments, function_js, function_py, statement_js, statement_py
from proxy.fixes.identifiers import camel_case, snake_case
from proxy.fixes.memoized import memoized
from proxy.fixes.sql.clauses import columns_sql, conditions_sql, expression, select_sql, unsupported_conditions


def seek_order(parsed: ParsedFingerprint, key: str) -> tuple[OrderItem, ...]:
    """The order of the query, made total by ``key``, which has the direction of the column before it."""
    if any(order.column == key for order in parsed.order):
        return parsed.order
    descending = parsed.order[-1].descending if parsed.order else False
    return (*parsed.order, OrderItem(key, descending, ""))


@memoized
def next_page_sql(parsed: ParsedFingerprint, key: str, size: int | None = None) -> str:
    """The query of the next page; without ``size`` the number of rows is a placeholder.

    Columns with one direction are compared as a row, for which Postgres can use an index on them.
    """
    orders = seek_order(parsed, key)
    conditions, values = conditions_sql(parsed.filters)
    last = [f"${values + 1 + at}" for at in range(len(orders))]
    conditions.append(_seek_condition_sql(orders, last))
    columns, notes = columns_sql(_page_read(parsed, orders).select), unsupported_conditions(parsed, parsed.filters)
    lines = select_sql(parsed, columns, conditions, notes, orders)
    limit = size or f"${values + 1 + len(orders)}"
    names = " ".join(", ".join(order.column for order in orders).split())
    note = f"-- {', '.join(last)}: {names} of the last row; omit the condition for the first page"
    return "\n".join([*lines, f"limit {limit};", note])


@memoized
def next_page_js(parsed: ParsedFingerprint, key: str) -> str:
    """A supabase-js function; its ``last`` is the last row of the previous page, or undefined for the first page."""
    orders = seek_order(parsed, key)
    read = name_values(_page_read(parsed, orders), camel=True)
    body = [
        *comments("//", unsupported_params(parsed)),
        *statement_js("let query = supabase", js_chain(read)),
        *_seek_js(orders),
        *checked_call_js([*js_orders(orders), ".limit(size)"], source="query"),
        "return data;",
    ]
    return function_js(camel_case("list " + parsed.relation + " page"), [*read.arguments, "size", "last"], body)


@memoized
def next_page_py(parsed: ParsedFingerprint, key: str) -> str:
    """The same for supabase-py."""
    orders = seek_order(parsed, key)
    read = name_values(_page_read(parsed, orders), camel=False)
    body = [
        *comments("#", unsupported_params(parsed)),
        *statement_py("query =", py_chain(read)),
        *_seek_py(orders),
        *(f"query = query{order}" for order in py_orders(orders)),
        "return query.limit(size).execute().data",
    ]
    name = snake_case("list " + parsed.relation + " page")
    code = function_py(name, [*read.arguments, "size", "last=None"], body)
    return code if len(orders) == 1 else f"import json\n\n{code}"


def _seek_js(orders: Sequence[OrderItem]) -> list[str]:
    members = [json.dumps(row_property(order.column)) for order in orders]
    if len(orders) == 1:
        column = json.dumps(orders[0].column)
        return [f"if (last) query = query.{_compare(orders[0])}({column}, last[{members[0]}]);"]
    text = _seek_condition(orders).replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
    for at in range(len(orders)):
        text = text.replace(_VALUE.format(at), f"${{past[{at}]}}")
    return [
        "if (last) {",
        f"  const past = [{', '.join(members)}].map((name) => JSON.stringify(String(last[name])));",
        f"  query = query.or(`{text}`);",
        "}",
    ]


def _seek_py(orders: Sequence[OrderItem]) -> list[str]:
    members = [json.dumps(row_property(order.column)) for order in orders]
    if len(orders) == 1:
        column = json.dumps(orders[0].column)
        return ["if last:", f"    query = query.{_compare(orders[0])}({column}, last[{members[0]}])"]
    text = _seek_condition(orders).replace("{", "{{").replace("}", "}}")
    for at in range(len(orders)):
        text = text.replace(_VALUE.format(at), f"{{{at}}}")
    return [
        "if last:",
        f"    past = [json.dumps(str(last[name])) for name in ({', '.join(members)})]",
        f"    query = query.or_({json.dumps(text)}.format(*past))",
    ]


_VALUE = "\x00{}\x00"
"""Placeholder for the value of a column in text that both languages share."""


def _seek_condition(orders: Sequence[OrderItem]) -> str:
    """``a.gt.…,and(a.eq.…,b.gt.…)`` with a placeholder per value."""
    cases = []
    for at, order in enumerate(orders):
        alike = [f"{_logic_name(before)}.eq.{_VALUE.format(place)}" for place, before in enumerate(orders[:at])]
        past = f"{_logic_name(order)}.{_compare(order)}.{_VALUE.format(at)}"
        cases.append(f"and({','.join([*alike, past])})" if alike else past)
    return ",".join(cases)


def _seek_condition_sql(orders: Sequence[OrderItem], last: Sequence[str]) -> str:
    if len({order.descending for order in orders}) == 1:
        columns, values = ", ".join(expression(order.column) for order in orders), ", ".join(last)
        both = (columns, values) if len(orders) == 1 else (f"({columns})", f"({values})")
        return f" {'<' if orders[0].descending else '>'} ".join(both)
    cases = []
    for at, order in enumerate(orders):
        alike = [f"{expression(o.column)} = {value}" for o, value in zip(orders[:at], last, strict=False)]
        past = f"{expression(order.column)} {'<' if order.descending else '>'} {last[at]}"
        cases.append(" and ".join([*alike, past]))
    return f"({' or '.join(cases)})"


def _compare(order: OrderItem) -> str:
    return "lt" if order.descending else "gt"


def _logic_name(order: OrderItem) -> str:
    """A column or JSON path for a logic tree; quoted if it contains characters with a meaning there."""
    plain = order.column.replace("->", "_").replace(">", "_").replace("_", "a").isalnum()
    return order.column if plain else json.dumps(order.column, ensure_ascii=False)


def _page_read(parsed: ParsedFingerprint, orders: Sequence[OrderItem]) -> ParsedFingerprint:
    """The read of a page; its rows contain the columns of ``orders``, from which the next page starts."""
    return without_order(parsed, [order.column for order in orders])
