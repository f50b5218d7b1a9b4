"""One page of a read, behind the last row of the page before (keyset, or seek): in SQL and both client languages.

PostgREST knows no row comparison, so that ``(a, b) > (x, y)`` is written out: ``or=(a.gt.x,and(a.eq.x,b.gt.y))``
(https://postgrest.org/en/v12/references/api/tables_views.html#logical-operators).
"""

import json
from collections.abc import Sequence

import msgspec

from proxy.postgrest.batch_sql import columns_sql, expression, order_sql
from proxy.postgrest.chain_code import Read, camel_case, js_chain, left_out, named, py_chain, snake_case
from proxy.postgrest.names import quoted
from proxy.postgrest.read_sql import conditions_of, unsaid
from proxy.postgrest.remembered import remembered
from proxy.postgrest.shown import Order, Shown


def seek_order(shown: Shown, key: str) -> tuple[Order, ...]:
    """Its own order, made total by ``key``, which goes the way of the column before it."""
    if any(order.column == key for order in shown.order):
        return shown.order
    descending = shown.order[-1].descending if shown.order else False
    return (*shown.order, Order(key, descending, ""))


@remembered
def next_page_sql(shown: Shown, key: str) -> str:
    """Columns that all go one way are compared as a row, which an index on them answers at once."""
    orders = seek_order(shown, key)
    conditions, values = conditions_of(shown.filters)
    last = [f"${values + 1 + at}" for at in range(len(orders))]
    lines = [f"select {columns_sql(_select(shown, orders), '')}", f"from {quoted(shown.relation)}"]
    lines += [f"{'  and' if at else 'where'} {text}" for at, text in enumerate([*conditions, _past_sql(orders, last)])]
    lines += [f"  -- and {text}" for text in unsaid(shown, shown.filters)]
    lines.append("order by " + ", ".join(map(order_sql, orders)))
    lines.append(f"limit ${values + 1 + len(orders)};")
    names = ", ".join(order.column for order in orders)
    return "\n".join([*lines, f"-- {', '.join(last)}: {names} of the last row; the first page has no such condition"])


@remembered
def next_page_js(shown: Shown, key: str) -> str:
    """A function for supabase-js: ``last`` is the last row of the page before, nothing for the first one."""
    orders = seek_order(shown, key)
    read = named(_unordered(shown, orders), camel=True)
    chain = js_chain(read)
    lines = [
        f"async function {camel_case('list ' + shown.relation + ' page')}({_arguments(read, 'size, last')}) {{",
        *(f"  // and {text}" for text in left_out(shown)),
        "  let query = supabase",
        *(f"    {line}" for line in chain[:-1]),
        f"    {chain[-1]};",
        *(f"  {line}" for line in _seek_js(orders)),
        "  const { data, error } = await query",
        *(f"    .order({json.dumps(o.column)}, {{ ascending: {json.dumps(not o.descending)} }})" for o in orders),
        "    .limit(size);",
        "  if (error) throw error;",
        "  return data;",
        "}",
    ]
    return "\n".join(lines)


@remembered
def next_page_py(shown: Shown, key: str) -> str:
    """The same for supabase-py."""
    orders = seek_order(shown, key)
    read = named(_unordered(shown, orders), camel=False)
    composed = len(orders) > 1
    lines = [
        *(["import json", ""] if composed else []),
        f"def {snake_case('list ' + shown.relation + ' page')}({_arguments(read, 'size, last=None')}):",
        *(f"    # and {text}" for text in left_out(shown)),
        "    query = (",
        *(f"        {line}" for line in py_chain(read)),
        "    )",
        *(f"    {line}" for line in _seek_py(orders)),
        *(f"    query = query.order({json.dumps(o.column)}, desc={o.descending})" for o in orders),
        "    return query.limit(size).execute().data",
    ]
    return "\n".join(lines)


def _seek_js(orders: Sequence[Order]) -> list[str]:
    names = [json.dumps(order.column) for order in orders]
    if len(orders) == 1:
        return [f"if (last) query = query.{_compare(orders[0])}({names[0]}, last[{names[0]}]);"]
    text = _past(orders).replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
    for at in range(len(orders)):
        text = text.replace(_HOLE.format(at), f"${{past[{at}]}}")
    return [
        "if (last) {",
        f"  const past = [{', '.join(names)}].map((name) => JSON.stringify(String(last[name])));",
        f"  query = query.or(`{text}`);",
        "}",
    ]


def _seek_py(orders: Sequence[Order]) -> list[str]:
    names = [json.dumps(order.column) for order in orders]
    if len(orders) == 1:
        return ["if last:", f"    query = query.{_compare(orders[0])}({names[0]}, last[{names[0]}])"]
    text = _past(orders).replace("{", "{{").replace("}", "}}")
    for at in range(len(orders)):
        text = text.replace(_HOLE.format(at), f"{{{at}}}")
    return [
        "if last:",
        f"    past = [json.dumps(str(last[name])) for name in ({', '.join(names)})]",
        f"    query = query.or_({json.dumps(text)}.format(*past))",
    ]


_HOLE = "\x00{}\x00"
"""Stands for the value of a column until the language is known."""


def _past(orders: Sequence[Order]) -> str:
    """``a.gt.…,and(a.eq.…,b.gt.…)`` with a hole for each value."""
    cases = []
    for at, order in enumerate(orders):
        alike = [f"{_name(before)}.eq.{_HOLE.format(place)}" for place, before in enumerate(orders[:at])]
        past = f"{_name(order)}.{_compare(order)}.{_HOLE.format(at)}"
        cases.append(f"and({','.join([*alike, past])})" if alike else past)
    return ",".join(cases)


def _past_sql(orders: Sequence[Order], last: Sequence[str]) -> str:
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


def _compare(order: Order) -> str:
    return "lt" if order.descending else "gt"


def _name(order: Order) -> str:
    """A column in a logic tree: quoted where it holds what means something there."""
    plain = order.column.replace("_", "a").isalnum()
    return order.column if plain else json.dumps(order.column, ensure_ascii=False)


def _arguments(read: Read, more: str) -> str:
    return ", ".join([*read.filters.values(), more])


def _unordered(shown: Shown, orders: Sequence[Order]) -> Shown:
    return msgspec.structs.replace(shown, select=_select(shown, orders), order=())


def _select(shown: Shown, orders: Sequence[Order]) -> str:
    """A page has to show what the next one begins behind."""
    columns = shown.select.split(",")
    wanted = [] if "*" in columns else [o.column for o in orders if o.column not in columns]
    return ",".join([*wanted, shown.select])
