"""One read as a chain of method calls of supabase-js or supabase-py.

Column names become identifiers, values become arguments. Parameters without a client method (logic trees, filters on
embeds) become a comment.
"""

import json
from collections.abc import Collection, Iterable, Iterator

import msgspec

from proxy.analysis.fingerprint import Filter, OrderItem, ParsedFingerprint, describes_body
from proxy.fixes.identifiers import camel_case, free_name, snake_case

_METHODS = frozenset(("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"))


class ClientRead(msgspec.Struct, frozen=True):
    """A fingerprint with an argument name per value.

    ``filters`` has them by the filter's index, ``bounds`` by ``limit`` and ``offset``.
    """

    parsed: ParsedFingerprint
    filters: dict[int, str]
    bounds: dict[str, str]

    @property
    def arguments(self) -> list[str]:
        return [*self.filters.values(), *self.bounds.values()]


def name_values(parsed: ParsedFingerprint, camel: bool, bounds: bool = False, used: Collection[str] = ()) -> ClientRead:
    """Name the values of a read, in camel or snake case; ``bounds``: the values of limit and offset too.

    No name is in ``used``, ``RESERVED`` or used twice.
    """
    used = set(used)
    valued = [condition for condition in parsed.filters if not condition.operator.startswith(("is.", "not.is."))]
    filters = {condition.index: _argument(condition, camel, used) for condition in valued}
    wanted = [name for name in ("limit", "offset") if bounds and f"{name}=?" in parsed.rest]
    return ClientRead(parsed, filters, {name: free_name(name, used) for name in wanted})


def _argument(condition: Filter, camel: bool, used: set[str]) -> str:
    """A unique identifier for the value of a filter."""
    words = condition.column + (" list" if condition.operator == "in" else "")
    return free_name(camel_case(words) if camel else snake_case(words), used)


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
    parsed, head = read.parsed, ", head: true" if is_count(read.parsed) else ""
    options = f", {{ count: {json.dumps(count or 'exact')}{head} }}" if count or head else ""
    return [
        js_table(parsed),
        f".select({json.dumps(parsed.select)}{options})",
        *js_filters(read),
        *js_orders(parsed.order),
        *_bounds(read),
    ]


def py_chain(read: ClientRead, count: str = "") -> list[str]:
    """The same for Python; it begins with the client."""
    parsed, head = read.parsed, ", head=True" if is_count(read.parsed) else ""
    options = f", count={json.dumps(count or 'exact')}{head}" if count or head else ""
    return [
        py_table(parsed),
        f".select({json.dumps(parsed.select)}{options})",
        *py_filters(read),
        *py_orders(parsed.order),
        *_bounds(read),
    ]


def js_filters(read: ClientRead) -> list[str]:
    """The calls of the filters only."""
    return [f".{js_filter(condition, read.filters.get(condition.index, ''))}" for condition in read.parsed.filters]


def py_filters(read: ClientRead) -> list[str]:
    """The same for Python."""
    return [f".{py_filter(condition, read.filters.get(condition.index, ''))}" for condition in read.parsed.filters]


def js_orders(orders: Iterable[OrderItem]) -> list[str]:
    """The calls of an order only."""
    return [f".order({json.dumps(o.column)}, {{ ascending: {json.dumps(not o.descending)} }})" for o in orders]


def py_orders(orders: Iterable[OrderItem]) -> list[str]:
    """The same for Python."""
    return [f".order({json.dumps(o.column)}, desc={o.descending})" for o in orders]


def _bounds(read: ClientRead) -> list[str]:
    """The call for limit and offset, the same in both languages."""
    limit, offset = read.bounds.get("limit"), read.bounds.get("offset")
    if limit and offset:
        return [f".range({offset}, {offset} + {limit} - 1)"]
    return [f".limit({limit})"] if limit else []


def js_filter(condition: Filter, value: str) -> str:
    """A filter call without its leading dot; ``value`` is an expression."""
    column, operator = json.dumps(condition.column), condition.operator
    plain, negated = operator.removeprefix("not."), operator.startswith("not.")
    name, _, word = plain.partition(".")
    if negated:
        return f"not({column}, {json.dumps(name)}, {value or word})"
    if name in _METHODS or name in ("in", "is"):
        return f"{name}({column}, {value or word})"
    return f"filter({column}, {json.dumps(operator)}, {value})"


def py_filter(condition: Filter, value: str) -> str:
    """The same for Python."""
    column, operator = json.dumps(condition.column), condition.operator
    plain, negation = operator.removeprefix("not."), "not_." if operator.startswith("not.") else ""
    name, _, word = plain.partition(".")
    if name in _METHODS:
        return f"{negation}{name}({column}, {value})"
    if name in ("in", "is"):
        return f"{negation}{name}_({column}, {value or json.dumps(word)})"
    return f"filter({column}, {json.dumps(operator)}, {value})"


def unsupported_params(parsed: ParsedFingerprint) -> Iterator[str]:
    """Parameters without a client method, for a comment."""
    for param in parsed.rest:
        if param not in ("limit=?", "offset=?"):
            yield " ".join(param.split())


def unsupported_row_params(parsed: ParsedFingerprint) -> list[str]:
    """The same for a write, without parameters that describe its body: only those that select rows."""
    return [text for text in unsupported_params(parsed) if not describes_body(text)]


def is_count(parsed: ParsedFingerprint) -> bool:
    """Whether the request is a HEAD, whose only use is the number of rows."""
    return parsed.method == "HEAD"


def select_with(select: str, columns: Iterable[str]) -> str:
    """``select`` with those of ``columns`` that it lacks added before it."""
    selected = select.split(",")
    missing = (name for name in columns if name not in selected and ("*" not in selected or "->" in name))
    return ",".join([*missing, select])


def without_order(parsed: ParsedFingerprint, columns: Iterable[str]) -> ParsedFingerprint:
    """The read without its order, with ``columns`` in its rows: the code of the pages orders by them."""
    return msgspec.structs.replace(parsed, select=select_with(parsed.select, columns), order=())


def row_property(column: str) -> str:
    """Name of the column in a row: PostgREST names a JSON path by its last step."""
    return column.rpartition("->")[2].removeprefix(">")
