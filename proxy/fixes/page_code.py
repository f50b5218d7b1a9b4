"""One page of a read, behind the last row of the page before (keyset, or seek): in SQL and both client languages.

PostgREST knows no row comparison, so that ``(a, b) > (x, y)`` is written out: ``or=(a.gt.x,and(a.eq.x,b.gt.y))``
(https://postgrest.org/en/v12/references/api/tables_views.html#logical-operators).
"""

import json
from collections.abc import Sequence

from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.chain_code import js_chain, js_orders, left_out, member_of, named, py_chain, py_orders, unordered
from proxy.fixes.function_code import answered_js, function_js, function_py, remarks, statement_js, statement_py
from proxy.fixes.identifiers import camel_case, snake_case
from proxy.fixes.remembered import remembered
from proxy.fixes.sql.clauses import columns_sql, conditions_sql, expression, select_sql, unsaid


def seek_order(shown: ParsedFingerprint, key: str) -> tuple[OrderItem, ...]:
    """Its own order, made total by ``key``, which goes the way of the column before it."""
    if any(order.column == key for order in shown.order):
        return shown.order
    descending = shown.order[-1].descending if shown.order else False
    return (*shown.order, OrderItem(key, descending, ""))


@remembered
def next_page_sql(shown: ParsedFingerprint, key: str, size: int | None = None) -> str:
    """Columns that all go one way are compared as a row, which an index on them answers at once. Without a ``size``
    the rows of a page are a value too.
    """
    orders = seek_order(shown, key)
    conditions, values = conditions_sql(shown.filters)
    last = [f"${values + 1 + at}" for at in range(len(orders))]
    conditions.append(_past_sql(orders, last))
    columns, notes = columns_sql(_page(shown, orders).select), unsaid(shown, shown.filters)
    lines = select_sql(shown, columns, conditions, notes, orders)
    limit = size or f"${values + 1 + len(orders)}"
    names = " ".join(", ".join(order.column for order in orders).split())
    note = f"-- {', '.join(last)}: {names} of the last row; the first page has no such condition"
    return "\n".join([*lines, f"limit {limit};", note])


@remembered
def next_page_js(shown: ParsedFingerprint, key: str) -> str:
    """A function for supabase-js: ``last`` is the last row of the page before, nothing for the first one."""
    orders = seek_order(shown, key)
    read = named(_page(shown, orders), camel=True)
    body = [
        *remarks("//", left_out(shown)),
        *statement_js("let query = supabase", js_chain(read)),
        *_seek_js(orders),
        *answered_js([*js_orders(orders), ".limit(size)"], source="query"),
        "return data;",
    ]
    return function_js(camel_case("list " + shown.relation + " page"), [*read.arguments, "size", "last"], body)


@remembered
def next_page_py(shown: ParsedFingerprint, key: str) -> str:
    """The same for supabase-py."""
    orders = seek_order(shown, key)
    read = named(_page(shown, orders), camel=False)
    body = [
        *remarks("#", left_out(shown)),
        *statement_py("query =", py_chain(read)),
        *_seek_py(orders),
        *(f"query = query{order}" for order in py_orders(orders)),
        "return query.limit(size).execute().data",
    ]
    name = snake_case("list " + shown.relation + " page")
    code = function_py(name, [*read.arguments, "size", "last=None"], body)
    return code if len(orders) == 1 else f"import json\n\n{code}"


def _seek_js(orders: Sequence[OrderItem]) -> list[str]:
    members = [json.dumps(member_of(order.column)) for order in orders]
    if len(orders) == 1:
        column = json.dumps(orders[0].column)
        return [f"if (last) query = query.{_compare(orders[0])}({column}, last[{members[0]}]);"]
    text = _past(orders).replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
    for at in range(len(orders)):
        text = text.replace(_HOLE.format(at), f"${{past[{at}]}}")
    return [
        "if (last) {",
        f"  const past = [{', '.join(members)}].map((name) => JSON.stringify(String(last[name])));",
        f"  query = query.or(`{text}`);",
        "}",
    ]


def _seek_py(orders: Sequence[OrderItem]) -> list[str]:
    members = [json.dumps(member_of(order.column)) for order in orders]
    if len(orders) == 1:
        column = json.dumps(orders[0].column)
        return ["if last:", f"    query = query.{_compare(orders[0])}({column}, last[{members[0]}])"]
    text = _past(orders).replace("{", "{{").replace("}", "}}")
    for at in range(len(orders)):
        text = text.replace(_HOLE.format(at), f"{{{at}}}")
    return [
        "if last:",
        f"    past = [json.dumps(str(last[name])) for name in ({', '.join(members)})]",
        f"    query = query.or_({json.dumps(text)}.format(*past))",
    ]


_HOLE = "\x00{}\x00"
"""Stands for the value of a column until the language is known."""


def _past(orders: Sequence[OrderItem]) -> str:
    """``a.gt.…,and(a.eq.…,b.gt.…)`` with a hole for each value."""
    cases = []
    for at, order in enumerate(orders):
        alike = [f"{_name(before)}.eq.{_HOLE.format(place)}" for place, before in enumerate(orders[:at])]
        past = f"{_name(order)}.{_compare(order)}.{_HOLE.format(at)}"
        cases.append(f"and({','.join([*alike, past])})" if alike else past)
    return ",".join(cases)


def _past_sql(orders: Sequence[OrderItem], last: Sequence[str]) -> str:
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


def _name(order: OrderItem) -> str:
    """A column, or a path into JSON, in a logic tree: quoted where it holds what means something there."""
    plain = order.column.replace("->", "_").replace(">", "_").replace("_", "a").isalnum()
    return order.column if plain else json.dumps(order.column, ensure_ascii=False)


def _page(shown: ParsedFingerprint, orders: Sequence[OrderItem]) -> ParsedFingerprint:
    """A page has to show what the next one begins behind."""
    return unordered(shown, [order.column for order in orders])
