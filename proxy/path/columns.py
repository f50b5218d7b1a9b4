"""What is known of columns, and for how long: from the catalog, else from what upstream said of them."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from proxy.model import Column, LiteralClass, PendingRequest
from proxy.postgrest.types import known_column

Relations = Mapping[str, Mapping[bytes, Column]]
RETRY_UNKNOWN_AFTER = 10.0
"""Seconds after which upstream is asked again for what it did not tell: who asked may have had a bad token."""
MAX_BAD_VALUES = 100
"""Literals remembered a column because upstream refused them."""
NO_COLUMNS: Mapping[bytes, Column] = {}
Table = tuple[str, str]
"""A relation, as in ``Query.relation``, and the profile that named its schema; empty where none did."""


def table_of(member: PendingRequest) -> Table:
    """What ``member`` asks for.

    Where ``catalog.schemas`` are not PostgREST's own, two tables have one name, with and without a profile: what is
    learnt of one must not be believed of the other.
    """
    return member.query.relation, member.head.accept_profile


class _LearnedColumns(msgspec.Struct):
    """What upstream said of the columns of one table, each until a time."""

    columns: dict[bytes, Column] = {}
    expires: dict[bytes, float] = {}


class ColumnRegistry:
    """Columns by table. The catalog's word, which is by relation, counts first."""

    def __init__(self, lifetime: float, limit: int) -> None:
        self._lifetime = lifetime
        self._limit = limit
        self._catalog: Relations = {}
        self._learned: OrderedDict[Table, _LearnedColumns] = OrderedDict()

    def known(self, table: Table, now: float) -> Mapping[bytes, Column]:
        """Everything that is known of a table's columns."""
        known = self._catalog.get(table[0], NO_COLUMNS)
        told = self._learned.get(table)
        if told is None:
            return known
        for name in [name for name, until in told.expires.items() if until < now]:
            del told.expires[name], told.columns[name]
        return {
            **told.columns,
            **{name: _with_bad_values(column, told.columns.get(name)) for name, column in known.items()},
        }

    def learn(self, table: Table, name: bytes, column: Column, now: float) -> None:
        """Upstream said something about a column."""
        told = self._learned.setdefault(table, _LearnedColumns())
        told.columns[name] = column
        told.expires[name] = now + (self._lifetime if column.type else min(self._lifetime, RETRY_UNKNOWN_AFTER))
        self._learned.move_to_end(table)
        if len(self._learned) > self._limit:
            self._learned.popitem(last=False)

    def record_bad_value(self, table: Table, name: bytes, type_name: str, literal: bytes, now: float) -> bool:
        """Upstream refused a literal, and named the type. Whether the catalog says another type."""
        catalogued = self._catalog.get(table[0], NO_COLUMNS).get(name)
        if catalogued is not None and catalogued.type != type_name:
            return self.forget(table)
        known = self.known(table, now).get(name)
        refused = known.bad_values if known is not None and known.type == type_name else frozenset()
        if len(refused) < MAX_BAD_VALUES:
            refused |= {literal}
        self.learn(table, name, Column(type_name, bad_values=refused), now)
        return False

    def apply_catalog(self, catalog: Relations) -> None:
        """The catalog was read (again)."""
        self._catalog = catalog
        self._learned.clear()

    def forget(self, table: Table) -> bool:
        """An answer contradicted what is known of ``table``. Whether the catalog itself was wrong."""
        self._learned.pop(table, None)
        if table[0] not in self._catalog:
            return False
        self._catalog = {name: columns for name, columns in self._catalog.items() if name != table[0]}
        return True


def _with_bad_values(column: Column, told: Column | None) -> Column:
    if told is None or told.type != column.type or not told.bad_values:
        return column
    return msgspec.structs.replace(column, bad_values=told.bad_values)


def unknown_columns(batch: Sequence[PendingRequest], known: Mapping[bytes, Column]) -> list[bytes]:
    """Columns whose types would let more of ``batch`` share a call: keys with different texts, and orders."""
    if len(batch) < 2:
        return []
    values: dict[bytes, set[tuple[bytes, ...]]] = {}
    texts: set[bytes] = set()
    for member in batch:
        for key in member.query.keys:
            values.setdefault(key.name, set()).add(key.literals)
            if key.kind is LiteralClass.TEXT:
                texts.add(key.name)
    varying = [name for name, different in values.items() if len(different) > 1]
    wanted = [name for name in varying if name in texts]
    wanted += batch[0].query.order if varying else ()
    return [name for name in dict.fromkeys(wanted) if known_column(name, known) is None]
