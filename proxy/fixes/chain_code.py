"""One read of the application in the two client languages, as the calls on its client: names are the application's own.

Names are made into identifiers; values are arguments. What no method of the clients stands for (logic trees, filters on
embeds) is left to a comment.
"""

import json
from collections.abc import Collection, Iterable, Iterator

import msgspec

from proxy.analysis.fingerprint import Filter, OrderItem, ParsedFingerprint, is_about_body
from proxy.fixes.identifiers import camel_case, free_name, snake_case

_METHODS = frozenset(("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"))


class ClientRead(msgspec.Struct, frozen=True):
    """A fingerprint with a name for each value: of filters by their place, of limit and offset by what they are."""

    shown: ParsedFingerprint
    filters: dict[int, str]
    bounds: dict[str, str]

    @property
    def arguments(self) -> list[str]:
        return [*self.filters.values(), *self.bounds.values()]


def named(shown: ParsedFingerprint, camel: bool, bounds: bool = False, taken: Collection[str] = ()) -> ClientRead:
    """Names for its values, in camel or snake case, none of them among ``taken``; for limit and offset too where
    ``bounds`` are wanted.
    """
    taken = set(taken)
    valued = [condition for condition in shown.filters if not condition.operator.startswith(("is.", "not.is."))]
    filters = {condition.at: _argument(condition, camel, taken) for condition in valued}
    wanted = [name for name in ("limit", "offset") if bounds and f"{name}=?" in shown.rest]
    return ClientRead(shown, filters, {name: free_name(name, taken) for name in wanted})


def _argument(condition: Filter, camel: bool, taken: set[str]) -> str:
    """An identifier for the value of a filter that no other one has."""
    words = condition.column + (" list" if condition.operator == "in" else "")
    return free_name(camel_case(words) if camel else snake_case(words), taken)


def js_table(shown: ParsedFingerprint) -> str:
    """The first call of a chain: which table, and of which schema where that is not the client's own."""
    return f"{in_schema(shown)}.from({json.dumps(shown.relation)})"


def py_table(shown: ParsedFingerprint) -> str:
    """The same for Python, the client first."""
    return f"supabase{in_schema(shown)}.table({json.dumps(shown.relation)})"


def in_schema(shown: ParsedFingerprint) -> str:
    """The call that chooses the schema, alike in both languages; empty where the client's own will do."""
    return f".schema({json.dumps(shown.schema)})" if shown.schema else ""


def js_chain(read: ClientRead, count: str = "") -> list[str]:
    """The calls on ``supabase``, one a line. ``count`` is how all rows are counted, if they are."""
    shown, head = read.shown, ", head: true" if counts(read.shown) else ""
    options = f", {{ count: {json.dumps(count or 'exact')}{head} }}" if count or head else ""
    return [
        js_table(shown),
        f".select({json.dumps(shown.select)}{options})",
        *js_filters(read),
        *js_orders(shown.order),
        *_bounds(read),
    ]


def py_chain(read: ClientRead, count: str = "") -> list[str]:
    """The same for Python, the client first."""
    shown, head = read.shown, ", head=True" if counts(read.shown) else ""
    options = f", count={json.dumps(count or 'exact')}{head}" if count or head else ""
    return [
        py_table(shown),
        f".select({json.dumps(shown.select)}{options})",
        *py_filters(read),
        *py_orders(shown.order),
        *_bounds(read),
    ]


def js_filters(read: ClientRead) -> list[str]:
    """Its filters alone."""
    return [f".{js_filter(condition, read.filters.get(condition.at, ''))}" for condition in read.shown.filters]


def py_filters(read: ClientRead) -> list[str]:
    """The same for Python."""
    return [f".{py_filter(condition, read.filters.get(condition.at, ''))}" for condition in read.shown.filters]


def js_orders(orders: Iterable[OrderItem]) -> list[str]:
    """An order alone."""
    return [f".order({json.dumps(o.column)}, {{ ascending: {json.dumps(not o.descending)} }})" for o in orders]


def py_orders(orders: Iterable[OrderItem]) -> list[str]:
    """The same for Python."""
    return [f".order({json.dumps(o.column)}, desc={o.descending})" for o in orders]


def _bounds(read: ClientRead) -> list[str]:
    """Limit and offset, which read alike in both languages."""
    limit, offset = read.bounds.get("limit"), read.bounds.get("offset")
    if limit and offset:
        return [f".range({offset}, {offset} + {limit} - 1)"]
    return [f".limit({limit})"] if limit else []


def js_filter(condition: Filter, value: str) -> str:
    """A method's call with ``value``, an expression; without the dot before it."""
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


def left_out(shown: ParsedFingerprint) -> Iterator[str]:
    """What no method stands for, for a comment."""
    for param in shown.rest:
        if param not in ("limit=?", "offset=?"):
            yield " ".join(param.split())


def rows_left_out(shown: ParsedFingerprint) -> list[str]:
    """The same of a write, where only the rows matter that it writes."""
    return [text for text in left_out(shown) if not is_about_body(text)]


def counts(shown: ParsedFingerprint) -> bool:
    """Whether it asks for a head: what for, but the number of rows in it?"""
    return shown.method == "HEAD"


def showing(select: str, columns: Iterable[str]) -> str:
    """``select``, with those of ``columns`` before it that its rows would not show."""
    shown = select.split(",")
    return ",".join([*(name for name in columns if name not in shown and ("*" not in shown or "->" in name)), select])


def unordered(shown: ParsedFingerprint, columns: Iterable[str]) -> ParsedFingerprint:
    """The read whose rows show ``columns``, by which its pages are to be ordered."""
    return msgspec.structs.replace(shown, select=showing(shown.select, columns), order=())


def member_of(column: str) -> str:
    """What a row calls it: PostgREST names a path into JSON by its last step."""
    return column.rpartition("->")[2].removeprefix(">")
