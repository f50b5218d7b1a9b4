"""A relation with what belongs to it: columns, indexes, foreign keys, policies, triggers, privileges, statistics."""

from typing import Literal

import msgspec

from proxy.schema.expression import Expression

Verb = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]
VERBS: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")


class ColumnStats(msgspec.Struct, frozen=True):
    """A row of pg_stats; values are texts as Postgres prints them."""

    n_distinct: float
    """Number of distinct values; negative: as a share of the rows, times -1."""
    null_frac: float
    avg_width: int
    """Bytes."""
    common_values: tuple[str, ...] = ()
    common_frequencies: tuple[float, ...] = ()
    histogram: tuple[str, ...] = ()
    correlation: float | None = None

    def distinct(self, rows: float) -> float:
        """Number of distinct values in a table of so many rows; 0 if not known."""
        return self.n_distinct if self.n_distinct >= 0 else -self.n_distinct * max(rows, 1)

    def frequency(self, value: str) -> float | None:
        """The share of rows with a value; None if it is not one of the most common ones."""
        return dict(zip(self.common_values, self.common_frequencies, strict=False)).get(value)


class TableColumn(msgspec.Struct, frozen=True):
    """A column of a relation."""

    name: str
    type: str
    """As ``format_type`` prints it, with its modifier."""
    nullable: bool = True
    generated: bool = False
    identity: bool = False
    default: str = ""
    comment: str = ""
    stats: ColumnStats | None = None
    """None if never gathered, or if part ``column_stats`` was not read."""
    base_type: str = ""
    """The type under a domain; empty for any other type."""


class IndexKey(msgspec.Struct, frozen=True):
    """One key of an index."""

    text: str
    """SQL: a column's name, quoted where necessary, or an expression."""
    column: str = ""
    """The column's name; empty for an expression."""
    opclass: str = ""
    default_opclass: bool = True
    collation: str = ""
    """Empty if it is the column's own."""
    descending: bool = False
    nulls_first: bool = False


class Index(msgspec.Struct, frozen=True):
    """An index of a table or materialized view."""

    schema: str
    table: str
    name: str
    method: str
    keys: tuple[IndexKey, ...]
    include: tuple[str, ...] = ()
    where: str = ""
    """The predicate of a partial index, as SQL."""
    unique: bool = False
    primary: bool = False
    constraint: str = ""
    """The constraint that it enforces."""
    valid: bool = True
    referenced: bool = False
    """A foreign key, replica identity, CLUSTER, or the index of a partitioned table depends on it."""
    size: int = 0
    """Bytes."""
    scans: int | None = None
    """Scans since the statistics were reset; None if part ``index_stats`` was not read."""
    definition: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether it may not be dropped although no query needs it: it keeps rows unique, or something depends on it.
        So it is for one that is not valid: a build may be going on.
        """
        return bool(self.unique or self.primary or self.constraint or self.referenced or not self.valid)


class ForeignKey(msgspec.Struct, frozen=True):
    """A foreign key of a table."""

    name: str
    columns: tuple[str, ...]
    target_schema: str
    target: str
    target_columns: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    valid: bool = True


class Policy(msgspec.Struct, frozen=True):
    """A row-level policy."""

    name: str
    permissive: bool
    command: Literal["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"]
    roles: tuple[str, ...]
    """``public`` is everybody."""
    using: Expression | None = None
    check: Expression | None = None
    """None: WITH CHECK is missing. UPDATE and ALL then use USING; an INSERT policy without it lets no row in."""

    @property
    def expressions(self) -> tuple[tuple[str, Expression], ...]:
        """Its clauses, by their name in SQL."""
        both = (("USING", self.using), ("WITH CHECK", self.check))
        return tuple((clause, found) for clause, found in both if found is not None)


class Trigger(msgspec.Struct, frozen=True):
    """A trigger that is not internal to Postgres."""

    name: str
    function_schema: str
    function: str
    per_row: bool
    before: bool
    events: tuple[str, ...]
    enabled: bool = True


class Privilege(msgspec.Struct, frozen=True):
    """What an API role may do, through grants to itself, its groups and PUBLIC."""

    role: str
    verb: Verb
    columns: tuple[str, ...] = ()
    """The only columns for which it holds; empty: the whole relation."""


class Grant(msgspec.Struct, frozen=True):
    """A privilege as it was granted (pg_class.relacl, pg_attribute.attacl)."""

    role: str
    """``public`` is everybody."""
    privilege: str
    """As GRANT writes it: SELECT, TRUNCATE, …"""
    columns: tuple[str, ...] = ()
    """Empty: the whole relation."""
    grantable: bool = False
    """WITH GRANT OPTION."""


class TableStats(msgspec.Struct, frozen=True):
    """A row of pg_stat_user_tables; times are seconds since 1970, None for never."""

    seq_scan: int = 0
    seq_tup_read: int = 0
    idx_scan: int = 0
    live: int = 0
    dead: int = 0
    inserted: int = 0
    updated: int = 0
    hot_updated: int = 0
    deleted: int = 0
    modified_since_analyze: int = 0
    last_analyze: float | None = None
    last_vacuum: float | None = None
    size: int = 0
    """Bytes of its rows, without TOAST and indexes."""


class View(msgspec.Struct, frozen=True):
    """The definition of a view or materialized view."""

    definition: str
    security_invoker: bool = False
    depends_on: tuple[str, ...] = ()
    """Relations that it reads directly, as ``schema.name``."""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A table, view or materialized view, with all that belongs to it."""

    schema: str
    name: str
    kind: Literal["r", "p", "v", "m", "f"]
    """As pg_class.relkind: table, partitioned table, view, materialized view, foreign table."""
    owner: str = ""
    exposed: bool = True
    """Its schema is one that PostgREST serves."""
    managed: bool = False
    """It belongs to an extension or to Supabase itself: rules leave it alone."""
    partition: bool = False
    row_security: bool = False
    forced: bool = False
    """FORCE ROW LEVEL SECURITY: policies apply to its owner too."""
    comment: str = ""
    rows: float = -1
    """Estimate; below 0: never gathered."""
    pages: int = 0
    """Pages of 8 kB, as last counted by VACUUM or ANALYZE."""
    options: tuple[str, ...] = ()
    """Storage parameters, as ``name=value``."""
    columns: tuple[TableColumn, ...] = ()
    primary_key: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    policies: tuple[Policy, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    privileges: tuple[Privilege, ...] = ()
    grants: tuple[Grant, ...] = ()
    stats: TableStats | None = None
    view: View | None = None

    @property
    def full_name(self) -> str:
        """``schema.name``, unquoted."""
        return f"{self.schema}.{self.name}"

    @property
    def is_table(self) -> bool:
        """Whether it stores rows that clients write: a table or a partitioned table."""
        return self.kind in ("r", "p")

    def roles_with(self, verb: Verb) -> tuple[str, ...]:
        """The API roles that hold a privilege, for the whole relation or some columns."""
        return tuple(held.role for held in self.privileges if held.verb == verb)
