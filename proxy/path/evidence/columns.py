"""Registry of column types: from the catalog, else learned from upstream's answers for a limited time."""

from collections.abc import Mapping, Sequence

import msgspec

from proxy.bounded_table import ENTRY, MAX_BYTES, BoundedTable
from proxy.model import Column, LiteralClass, PendingRequest
from proxy.postgrest.types import NO_COLUMN, known_column

Relations = Mapping[str, Mapping[bytes, Column]]
RETRY_UNKNOWN_AFTER = 10.0
"""Seconds after which upstream is asked again for an unknown type: the first request may have had a bad token."""
MAX_BAD_VALUES = 100
"""Largest number of bad values stored per column."""
MAX_COLUMNS = 1600
"""Most columns of a table in Postgres. A client may name any number: beyond it the learned ones are forgotten."""
COUNT = b"count"
NO_COLUMNS: Mapping[bytes, Column] = {}
Table = tuple[str, str]
"""A relation, as in ``Query.relation``, and the profile that selects its schema; empty if there is none."""


def table_of(request: PendingRequest) -> Table:
    """The table that ``request`` reads.

    The profile is part of the result: if ``catalog.schemas`` differs from PostgREST's db-schemas, one name can mean
    two tables, one with a profile and one without. Columns learned for one must not be used for the other.
    """
    return request.query.relation, request.head.accept_profile


class _LearnedColumns(msgspec.Struct):
    """Columns of one table that were learned from upstream, each with the time until which it is valid."""

    columns: dict[bytes, Column] = {}
    expires: dict[bytes, float] = {}
    size: int = 0
    """Estimated bytes of both."""


class ColumnRegistry:
    """Columns by table. The catalog, which is by relation, has precedence over what was learned."""

    def __init__(self, lifetime: float, limit: int, max_bytes: int = MAX_BYTES) -> None:
        """At most ``limit`` tables, and ``max_bytes`` of what was learned."""
        self._lifetime = lifetime
        self._catalog: Relations = {}
        self.learned: BoundedTable[Table, _LearnedColumns] = BoundedTable(limit, max_bytes)

    def known(self, table: Table, now: float) -> Mapping[bytes, Column]:
        """All known columns of a table, by name."""
        catalogued = self._catalog.get(table[0], NO_COLUMNS)
        learned = self.learned.get(table)
        if learned is None:
            return catalogued
        for name in [name for name, expires in learned.expires.items() if expires < now]:
            learned.size -= _size_of(name, learned.columns[name])
            del learned.expires[name], learned.columns[name]
        return {
            **learned.columns,
            **{name: _with_bad_values(column, learned.columns.get(name)) for name, column in catalogued.items()},
        }

    def learn(self, table: Table, name: bytes, column: Column, now: float) -> None:
        """Store a column as learned from upstream; an empty type means that upstream did not reveal it."""
        learned = self.learned.get(table) or _LearnedColumns()
        if name in learned.columns:
            learned.size -= _size_of(name, learned.columns[name])
        elif len(learned.columns) >= MAX_COLUMNS:
            learned = _LearnedColumns()
        learned.columns[name] = column
        learned.size += _size_of(name, column)
        lasts = column.type not in ("", NO_COLUMN)
        learned.expires[name] = now + (self._lifetime if lasts else min(self._lifetime, RETRY_UNKNOWN_AFTER))
        self.learned.put(table, learned, sum(map(len, table)) + learned.size)

    def record_bad_value(self, table: Table, name: bytes, type_name: str, literal: bytes, now: float) -> bool:
        """Store that upstream rejected ``literal`` and named the column's type.

        Returns whether the catalog has another type for it; the table's columns are then forgotten.
        """
        catalogued = self._catalog.get(table[0], NO_COLUMNS).get(name)
        if catalogued is not None and catalogued.type != type_name:
            return self.forget(table)
        known = self.known(table, now).get(name)
        bad_values = known.bad_values if known is not None and known.type == type_name else frozenset()
        if len(bad_values) < MAX_BAD_VALUES:
            bad_values |= {literal}
        self.learn(table, name, Column(type_name, bad_values=bad_values), now)
        return False

    def apply_catalog(self, catalog: Relations) -> None:
        """Replace the catalog's columns, and forget all learned ones."""
        self._catalog = catalog
        self.learned.clear()

    def forget(self, table: Table) -> bool:
        """Forget the columns of ``table``, because an answer contradicts them. Returns whether the catalog had it."""
        self.learned.pop(table)
        if table[0] not in self._catalog:
            return False
        self._catalog = {name: columns for name, columns in self._catalog.items() if name != table[0]}
        return True


def _size_of(name: bytes, column: Column) -> int:
    """Estimated bytes of a learned column."""
    return ENTRY + len(name) + len(column.type) + sum(100 + len(literal) for literal in column.bad_values)


def _with_bad_values(column: Column, learned: Column | None) -> Column:
    if learned is None or learned.type != column.type or not learned.bad_values:
        return column
    return msgspec.structs.replace(column, bad_values=learned.bad_values)


def unknown_columns(batch: Sequence[PendingRequest], known: Mapping[bytes, Column]) -> list[bytes]:
    """Columns of unknown type that prevent merging in ``batch``: keys with different texts, order columns, and names
    that could be aggregates.
    """
    if len(batch) < 2:
        return []
    values: dict[bytes, set[tuple[bytes, ...]]] = {}
    text_keys: set[bytes] = set()
    for request in batch:
        for key in request.query.keys:
            values.setdefault(key.name, set()).add(key.literals)
            if key.kind is LiteralClass.TEXT:
                text_keys.add(key.name)
    varying = [name for name, different in values.items() if len(different) > 1]
    needed = [name for name in varying if name in text_keys]
    needed += (*batch[0].query.order, *batch[0].query.aggregates) if varying else ()
    again = bool(varying) and _counts_rows(batch[0], known)
    return [name for name in dict.fromkeys(needed) if known_column(name, known) is None or (again and name == COUNT)]


def _counts_rows(request: PendingRequest, known: Mapping[bytes, Column]) -> bool:
    """Whether ``request`` may be answered with the number of its rows, because ``count`` was found to be no column.

    That is asked again for each batch: a merged call that counts rows does not show that such a column was added.
    """
    column = known.get(COUNT)
    counted = request.query.counted and not request.head.exact_count and request.head.range_limit is None
    return bool(counted) and column is not None and column.type == NO_COLUMN
