"""Keyset pagination: the page after a given last row, and all pages, in SQL and for both client libraries.

PostgREST has no row comparison, so ``(a, b) > (x, y)`` becomes ``or=(a.gt.x,and(a.eq.x,b.gt.y))``
(https://postgrest.org/en/v12/references/api/tables_views.html#logical-operators). The code is right for nulls in every
column that is not known to have none.
"""

import json
from collections.abc import Sequence

import msgspec

from proxy.analysis.answer_shape import STRIPPED
from proxy.analysis.fingerprint import OrderItem, ParsedFingerprint
from proxy.fixes.clients.chain_code import (
    has_column,
    js_chain,
    js_orders,
    name_values,
    py_chain,
    py_orders,
    row_property,
    select_items,
    without_order,
)
from proxy.fixes.clients.filter_code import QUOTED_JS, QUOTED_PY, quoted_name
from proxy.fixes.clients.function_code import (
    checked_call_js,
    function_js,
    function_py,
    indent,
    statement_js,
    statement_py,
)
from proxy.fixes.clients.identifiers import camel_case, snake_case
from proxy.fixes.clients.memoized import memoized

SeekKey = tuple[str, ...]
"""Columns that together are unique and have no nulls."""


class Seek(msgspec.Struct, frozen=True):
    """How the row after a given one is found."""

    key: SeekKey
    filled: tuple[str, ...] = ()
    """The columns of the order that have no nulls, as far as is known."""

    def has_nulls(self, order: OrderItem) -> bool:
        """Whether a column of the order may have nulls."""
        return order.column not in self.key and order.column not in self.filled


def seek_order(parsed: ParsedFingerprint, key: SeekKey) -> tuple[OrderItem, ...]:
    """The order of the query, made total by ``key``, which has the direction of the column before it."""
    ordered = {order.column for order in parsed.order}
    descending = parsed.order[-1].descending if parsed.order else False
    return (*parsed.order, *(OrderItem(column, descending, "") for column in key if column not in ordered))


def page_reason(parsed: ParsedFingerprint, key: SeekKey) -> str:
    """Why there is no code for pages; empty if there is."""
    items = select_items(parsed.select)
    if items is None:
        return "No code: PostgREST's grammar of select does not cover the columns."
    if STRIPPED in parsed.media:
        return "No code: the rows lack their nulls (nulls=stripped), after which a page may start."
    names = {item.output_name for item in items}
    for order in seek_order(parsed, key):
        embedded = "(" in order.column or "." in order.column
        if embedded or (row_property(order.column) in names and not has_column(parsed.select, order.column)):
            return f"No code: the rows cannot have the column {order.column}, from whose value the next page starts."
    return ""


def nulls_last(order: OrderItem) -> bool:
    """Whether nulls come after all values: Postgres' default for an ascending order."""
    return order.nulls == "nullslast" if order.nulls else not order.descending


@memoized
def next_page_js(parsed: ParsedFingerprint, seek: Seek) -> str:
    """A supabase-js function; its ``last`` is the last row of the previous page, or undefined for the first page."""
    orders = seek_order(parsed, seek.key)
    read = name_values(_page_read(parsed, orders), camel=True)
    body = [
        QUOTED_JS,
        *statement_js("let query = supabase", js_chain(read)),
        *_seek_js(orders, seek),
        *checked_call_js([*js_orders(orders), ".limit(size)"], source="query"),
        "return data;",
    ]
    return function_js(camel_case("list " + parsed.relation + " page"), [*read.arguments, "size", "last"], body)


@memoized
def next_page_py(parsed: ParsedFingerprint, seek: Seek) -> str:
    """The same for supabase-py."""
    orders = seek_order(parsed, seek.key)
    read = name_values(_page_read(parsed, orders), camel=False)
    body = [
        *QUOTED_PY,
        *statement_py("query =", py_chain(read)),
        *_seek_py(orders, seek),
        *(f"query = query{order}" for order in py_orders(orders)),
        "return query.limit(size).execute().data",
    ]
    return function_py(snake_case("list " + parsed.relation + " page"), [*read.arguments, "size", "last=None"], body)


@memoized
def pages_js(parsed: ParsedFingerprint, seek: Seek, size: int) -> str:
    """A supabase-js function that reads all rows in the order of the query and its key, ``size`` rows per page."""
    orders = seek_order(parsed, seek.key)
    read = name_values(_page_read(parsed, orders), camel=True)
    page = [
        *statement_js("let query = supabase", js_chain(read)),
        *_seek_js(orders, seek),
        *checked_call_js([*js_orders(orders), f".limit({size})"], source="query"),
        "rows.push(...data);",
        f"if (data.length < {size}) return rows;",
        "last = data.at(-1);",
    ]
    body = [QUOTED_JS, "const rows = [];", "for (let last; ; ) {", *indent(page, 2), "}"]
    return function_js(camel_case("list all " + parsed.relation), read.arguments, body)


@memoized
def pages_py(parsed: ParsedFingerprint, seek: Seek, size: int) -> str:
    """The same for supabase-py."""
    orders = seek_order(parsed, seek.key)
    read = name_values(_page_read(parsed, orders), camel=False)
    page = [
        *statement_py("query =", py_chain(read)),
        *_seek_py(orders, seek),
        *(f"query = query{order}" for order in py_orders(orders)),
        f"page = query.limit({size}).execute().data",
        "rows += page",
        f"if len(page) < {size}:",
        "    return rows",
        "last = page[-1]",
    ]
    body = [*QUOTED_PY, "rows, last = [], None", "while True:", *indent(page, 4)]
    return function_py(snake_case("list all " + parsed.relation), read.arguments, body)


def _seek_js(orders: Sequence[OrderItem], seek: Seek) -> list[str]:
    if len(orders) == 1:  # a column of the key, which has no nulls
        column = json.dumps(orders[0].column)
        return [f"if (last) query = query.{_compare(orders[0])}({column}, last[{_member(orders[0])}]);"]
    if _is_plain(orders, seek):
        conditions = _conditions([f"${{quoted(last[{_member(order)}])}}" for order in orders], orders)
        return ["if (last) query = query.or([", *(f"  `{condition}`," for condition in conditions), "].join());"]
    steps = ", ".join(
        f"[{_column(order)}, last[{_member(order)}], {json.dumps(_compare(order))}, {_nulls(order, seek)}]"
        for order in orders
    )
    return [
        "if (last) {",
        "  const past = [], same = [];",
        f"  for (const [column, value, after, nulls] of [{steps}]) {{",
        '    let next = value === null ? "" : `${column}.${after}.${quoted(value)}`;',
        '    if (nulls === "last" && next) next = `or(${next},${column}.is.null)`;',
        '    if (nulls === "first" && value === null) next = `${column}.not.is.null`;',
        "    if (next) past.push(`and(${[...same, next].join()})`);",
        "    same.push(value === null ? `${column}.is.null` : `${column}.eq.${quoted(value)}`);",
        "  }",
        "  query = query.or(past.join());",
        "}",
    ]


def _seek_py(orders: Sequence[OrderItem], seek: Seek) -> list[str]:
    if len(orders) == 1:  # a column of the key, which has no nulls
        column = json.dumps(orders[0].column)
        return ["if last:", f"    query = query.{_compare(orders[0])}({column}, last[{_member(orders[0])}])"]
    if _is_plain(orders, seek):
        conditions = _conditions([f"{{quoted(last[{_member(order)}])}}" for order in orders], orders)
        *first, final = [f"        f'{condition}" for condition in conditions]
        return ["if last:", "    query = query.or_(", *(f"{line},'" for line in first), f"{final}'", "    )"]
    steps = ", ".join(
        f"({_column(order)}, last[{_member(order)}], {json.dumps(_compare(order))}, {_nulls(order, seek)})"
        for order in orders
    )
    return [
        "if last:",
        "    past, same = [], []",
        f"    for column, value, after, nulls in ({steps}):",
        '        following = "" if value is None else f"{column}.{after}.{quoted(value)}"',
        '        if nulls == "last" and following:',
        '            following = f"or({following},{column}.is.null)"',
        '        if nulls == "first" and value is None:',
        '            following = f"{column}.not.is.null"',
        "        if following:",
        '            past.append("and(" + ",".join([*same, following]) + ")")',
        '        same.append(f"{column}.is.null" if value is None else f"{column}.eq.{quoted(value)}")',
        '    query = query.or_(",".join(past))',
    ]


def _column(order: OrderItem) -> str:
    return json.dumps(quoted_name(order.column))


def _member(order: OrderItem) -> str:
    return json.dumps(row_property(order.column))


def _nulls(order: OrderItem, seek: Seek) -> str:
    """Where the nulls of a column are; empty if it has none."""
    return json.dumps("last" if nulls_last(order) else "first") if seek.has_nulls(order) else '""'


def _is_plain(orders: Sequence[OrderItem], seek: Seek) -> bool:
    """Whether the condition can be written out: no column has nulls, and no name has to be quoted."""
    return not any(seek.has_nulls(order) or not order.column.replace("_", "a").isalnum() for order in orders)


def _conditions(values: Sequence[str], orders: Sequence[OrderItem]) -> list[str]:
    """The members of the ``or`` for the rows after those with ``values``, of columns without nulls."""
    conditions = []
    for at, order in enumerate(orders):
        alike = [f"{one.column}.eq.{value}" for one, value in zip(orders[:at], values, strict=False)]
        past = f"{order.column}.{_compare(order)}.{values[at]}"
        conditions.append(f"and({','.join([*alike, past])})" if alike else past)
    return conditions


def _compare(order: OrderItem) -> str:
    return "lt" if order.descending else "gt"


def _page_read(parsed: ParsedFingerprint, orders: Sequence[OrderItem]) -> ParsedFingerprint:
    """The read of a page; its rows contain the columns of ``orders``, from which the next page starts."""
    return without_order(parsed, [order.column for order in orders])
