"""One read as a chain of method calls of supabase-js or supabase-py.

Column names become identifiers, values become arguments: those of the filters in the order of the query, then those of
the other parameters. A query with a parameter that no method expresses has no code: ``unsupported_params``.
"""

import json
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

import msgspec

from proxy.analysis.answer_shape import OTHER, STRIPPED, wants_object
from proxy.analysis.fingerprint import Filter, OrderItem, ParsedFingerprint, describes_body
from proxy.fixes.clients.filter_code import (
    filter_js,
    filter_py,
    is_unsupported,
    order_js,
    order_py,
    param_js,
    param_py,
    quoted_name,
    value_words,
)
from proxy.fixes.clients.identifiers import camel_case, free_name, snake_case
from proxy.postgrest.request.grammar import GrammarError
from proxy.postgrest.request.select_list import Items, SelectItem, read_select

KEY_ALIAS, ORDER_ALIAS = "_key", "_order"
"""Names of added columns in the rows; the code takes them out of them again."""


class ClientRead(msgspec.Struct, frozen=True):
    """A fingerprint with an argument name per value.

    ``filters`` has them by the filter's index, ``params`` by the parameter's index in ``parsed.rest``, ``bounds`` by
    ``limit`` and ``offset``.
    """

    parsed: ParsedFingerprint
    filters: dict[int, str]
    bounds: dict[str, str]
    params: dict[int, list[str]]

    @property
    def arguments(self) -> list[str]:
        others = [name for names in self.params.values() for name in names]
        return [*self.filters.values(), *others, *self.bounds.values()]


def name_values(parsed: ParsedFingerprint, camel: bool, bounds: bool = False, used: Collection[str] = ()) -> ClientRead:
    """Name the values of a read, in camel or snake case; ``bounds``: the values of limit and offset too.

    No name is in ``used``, ``RESERVED`` or used twice.
    """
    used, case = set(used), camel_case if camel else snake_case
    valued = [condition for condition in parsed.filters if not condition.operator.startswith(("is.", "not.is."))]
    filters = {condition.index: _argument(condition, case, used) for condition in valued}
    params = {
        at: [free_name(case(words), used) for words in value_words(param)] for at, param in enumerate(parsed.rest)
    }
    wanted = [name for name in ("limit", "offset") if bounds and f"{name}=?" in parsed.rest]
    return ClientRead(parsed, filters, {name: free_name(name, used) for name in wanted}, params)


def _argument(condition: Filter, case: Callable[[str], str], used: set[str]) -> str:
    """A unique identifier for the value of a filter."""
    is_list = condition.operator.removeprefix("not.") == "in"
    return free_name(case(condition.column + (" list" if is_list else "")), used)


def js_table(parsed: ParsedFingerprint) -> str:
    """The first call of a chain: the table, and the schema unless it is the client's default."""
    return f"{in_schema(parsed)}.from({json.dumps(parsed.relation)})"


def py_table(parsed: ParsedFingerprint) -> str:
    """The same for Python; it begins with the client."""
    return f"supabase{in_schema(parsed)}.table({json.dumps(parsed.relation)})"


def in_schema(parsed: ParsedFingerprint) -> str:
    """The call that selects the schema, the same in both languages; empty for the client's default schema."""
    return f".schema({json.dumps(parsed.schema)})" if parsed.schema else ""


def js_chain(read: ClientRead, count: str = "") -> list[str]:
    """The calls on ``supabase``, one per line. ``count`` (exact, planned, estimated) adds a count of all rows."""
    return [js_table(read.parsed), js_select(read.parsed, count), *js_conditions(read)]


def py_chain(read: ClientRead, count: str = "") -> list[str]:
    """The same for Python; it begins with the client."""
    return [py_table(read.parsed), py_select(read.parsed, count), *py_conditions(read)]


def js_select(parsed: ParsedFingerprint, count: str = "") -> str:
    """The call that names the columns."""
    head = ", head: true" if is_count(parsed) else ""
    options = f", {{ count: {json.dumps(count or 'exact')}{head} }}" if count or head else ""
    return f".select({json.dumps(parsed.select)}{options})"


def py_select(parsed: ParsedFingerprint, count: str = "") -> str:
    """The same for Python."""
    head = ", head=True" if is_count(parsed) else ""
    options = f", count={json.dumps(count or 'exact')}{head}" if count or head else ""
    return f".select({json.dumps(parsed.select)}{options})"


def js_conditions(read: ClientRead) -> list[str]:
    """The calls after the columns: filters, order, limit, and what is asked for if that is not an array of rows."""
    strip = [".stripNulls()"] if STRIPPED in read.parsed.media else []
    return [*js_filters(read), *js_orders(read.parsed.order), *_bounds(read), *strip, *_one(read.parsed)]


def py_conditions(read: ClientRead) -> list[str]:
    """The same for Python."""
    strip = [".strip_nulls()"] if STRIPPED in read.parsed.media else []
    return [*py_filters(read), *py_orders(read.parsed.order), *_bounds(read), *strip, *_one(read.parsed)]


def js_filters(read: ClientRead) -> list[str]:
    """The calls of the filters and of the parameters of embeds."""
    filters = [filter_js(condition, read.filters.get(condition.index, "")) for condition in read.parsed.filters]
    others = [call for at, names in read.params.items() for call in param_js(read.parsed.rest[at], names)]
    return [f".{call}" for call in (*filters, *others)]


def py_filters(read: ClientRead) -> list[str]:
    """The same for Python."""
    filters = [filter_py(condition, read.filters.get(condition.index, "")) for condition in read.parsed.filters]
    others = [call for at, names in read.params.items() for call in param_py(read.parsed.rest[at], names)]
    return [f".{call}" for call in (*filters, *others)]


def js_orders(orders: Iterable[OrderItem]) -> list[str]:
    """The calls of an order only."""
    return [f".{order_js(order)}" for order in orders]


def py_orders(orders: Iterable[OrderItem]) -> list[str]:
    """The same for Python."""
    return [f".{order_py(order)}" for order in orders]


def _bounds(read: ClientRead) -> list[str]:
    """The call for limit and offset, the same in both languages."""
    limit, offset = read.bounds.get("limit"), read.bounds.get("offset")
    if limit and offset:
        return [f".range({offset}, {offset} + {limit} - 1)"]
    return [f".limit({limit})"] if limit else []


def _one(parsed: ParsedFingerprint) -> list[str]:
    """The call that asks for one object, the same in both languages."""
    return [".single()"] if wants_object(parsed) and not is_count(parsed) else []


def unsupported_params(parsed: ParsedFingerprint) -> list[str]:
    """Parameters that no client method expresses; empty if the code can be printed."""
    found = [f"{f.column}={f.operator}" for f in parsed.filters if is_unsupported(f"{f.column}={f.operator}")]
    found += [param for param in parsed.rest if is_unsupported(param)]
    if "offset=?" in parsed.rest and "limit=?" not in parsed.rest:
        found.append("offset without a limit")
    bounds = [param.removesuffix("=?") for param in parsed.rest if param in ("limit=?", "offset=?")]
    twice = [f"{name}, twice" for name in dict.fromkeys(bounds) if bounds.count(name) > 1]
    other = ["the format that the calls accept"] if parsed.media == OTHER else []
    return [" ".join(text.split()) for text in (*found, *twice, *other)]


def unsupported_row_params(parsed: ParsedFingerprint) -> list[str]:
    """The same for a write, which in addition can have no limit or offset of its own."""
    bounds = [param for param in parsed.rest if param in ("limit=?", "offset=?")]
    return bounds + [text for text in unsupported_params(parsed) if not describes_body(text)]


def client_reason(unsupported: Iterable[str]) -> str:
    """Why there is no client code; empty if there is some."""
    texts = ", ".join(unsupported)
    return f"No client code: the clients have no method for {texts}." if texts else ""


def is_count(parsed: ParsedFingerprint) -> bool:
    """Whether the request is a HEAD, whose only use is the number of rows."""
    return parsed.method == "HEAD"


@lru_cache(maxsize=256)
def select_items(select: str) -> Items | None:
    """The items of a select; None if PostgREST does not accept it."""
    try:
        items, rest = read_select(select)
    except GrammarError:
        return None
    return None if rest else items


def has_column(select: str, column: str) -> bool:
    """Whether the rows of ``select`` have ``column`` under its own name, and nothing else under that name."""
    items = select_items(select) or ()
    plain = [item for item in items if isinstance(item, SelectItem) and str(item.field) in ("*", column)]
    own = [item for item in plain if not (item.alias or item.cast or item.aggregate)]
    names = [item.output_name or "" for item in items if item not in own]
    return bool(own) and column not in names and column.replace("_", "a").isalnum()


def has_star(select: str) -> bool:
    """Whether the rows have all columns of the relation."""
    items = select_items(select) or ()
    return any(isinstance(item, SelectItem) and str(item.field) == "*" and not item.aggregate for item in items)


def select_with(select: str, columns: Iterable[str]) -> str:
    """``select`` with those of ``columns`` that it lacks added before it."""
    return ",".join([*(quoted_name(name) for name in columns if not has_column(select, name)), select])


def without_order(parsed: ParsedFingerprint, columns: Iterable[str]) -> ParsedFingerprint:
    """The read without its order, with ``columns`` in its rows: the code of the pages orders by them."""
    return msgspec.structs.replace(parsed, select=select_with(parsed.select, columns), order=())


def row_property(column: str) -> str:
    """Name of the column in a row: PostgREST names a JSON path by its last step."""
    return column.rpartition("->")[2].removeprefix(">")
