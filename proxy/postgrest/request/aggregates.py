"""Which aggregates a ``select`` has: they have one value for all rows together, so that no row shows its key.

https://postgrest.org/en/v12/references/api/aggregate_functions.html. PostgreSQL reads ``table.name`` as the function
call ``name(table)`` if the table has no such column ("Function Calling Conventions and Notation"), so that
``select=count`` counts rows, in every release of PostgREST.
"""

from collections.abc import Iterator

from proxy.postgrest.request.grammar import GrammarError, TooDeepError
from proxy.postgrest.request.select_list import Items, SelectItem, is_readable, read_select
from proxy.postgrest.request.target import is_plain_name

FUNCTIONS = frozenset(("count", "json_agg", "jsonb_agg", "array_agg", "any_value"))
"""Postgres' aggregate functions that accept a row."""


def has_aggregate(value: bytes) -> bool:
    """Whether the decoded value of ``select`` has an aggregate of the relation's own rows, such as ``id.sum()``.

    Those of embeds are computed per row, unless the embed is spread. An empty embed (``kids!inner()``) is none. True
    also for a value that cannot be read, or would take too long.
    """
    if b"()" not in value:
        return False
    if not is_readable(value):
        return True
    try:
        items, _ = read_select(value.decode("utf-8"))
    except (UnicodeDecodeError, GrammarError):
        return True
    return any(item.aggregate for item in _own_items(items))


def aggregate_names(value: bytes) -> tuple[bytes, ...]:
    """Items of the decoded value of ``select`` that are aggregate functions, unless the relation has such columns.

    Of a value that would take long to read: all that it may have.
    """
    names = [name for name in FUNCTIONS if name.encode() in value]
    if not names or not is_readable(value):
        return tuple(name.encode() for name in names)
    try:
        items, _ = read_select(value.decode("utf-8"))
    except TooDeepError:
        return tuple(name.encode() for name in names)
    except (UnicodeDecodeError, GrammarError):
        return ()
    found = (item.field.name for item in items if isinstance(item, SelectItem) and not item.aggregate)
    return tuple(dict.fromkeys(name.encode() for name in found if name in FUNCTIONS))


def counted_name(value: bytes) -> bytes:
    """The name under which the rows show their number, if that is all that the decoded ``select`` asks for: ``count``,
    ``n:count``. Empty for any other select.
    """
    if not is_readable(value) or aggregate_names(value) != (b"count",):
        return b""
    (item, *others), rest = read_select(value.decode("utf-8"))
    is_count = isinstance(item, SelectItem) and not (others or rest or item.cast or item.field.path)
    name = item.output_name or "count"
    return name.encode() if is_count and is_plain_name(name.encode()) else b""


def _own_items(items: Items) -> Iterator[SelectItem]:
    """The items that become fields of the relation's own rows."""
    for item in items:
        if isinstance(item, SelectItem):
            yield item
        elif item.spread:
            yield from _own_items(item.items)
