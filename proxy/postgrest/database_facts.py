"""What the database declares about its tables: kinds, indexes, primary keys and foreign keys, for findings.

PostgreSQL, "System Catalogs": pg_class, pg_index, pg_constraint, pg_extension.

Tests: tests/e2e/findings/test_indexes.py.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from proxy.model import Column
from proxy.postgrest.hazards import CatalogRow

INDEXES = """
select n.nspname::text as schema, c.relname::text as relation, c.relkind::text as kind, i.relname::text as name,
  m.amname::text as method, x.indisprimary as primary, x.indisunique
    and not (c.relkind = 'r' and exists (select from pg_inherits h where h.inhparent = c.oid)) as unique,
  pg_get_expr(x.indpred, x.indrelid, true) as predicate,
  array(
    select coalesce(a.attname::text, pg_get_indexdef(x.indexrelid, k, true))
    from generate_series(1, x.indnkeyatts) k
    left join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[k - 1] and a.attnum > 0
    order by k
  ) as keys,
  array(select x.indoption[k - 1]::int from generate_series(1, x.indnkeyatts) k order by k) as options,
  array(
    select o.opcname::text from generate_series(1, x.indnkeyatts) k
    join pg_opclass o on o.oid = x.indclass[k - 1] order by k
  ) as classes,
  array(
    select a.attnum is not null and x.indcollation[k - 1] <> a.attcollation from generate_series(1, x.indnkeyatts) k
    left join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[k - 1] and a.attnum > 0
    order by k
  ) as collated
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname = any($1::text[])
left join pg_index x on x.indrelid = c.oid and x.indisvalid
left join pg_class i on i.oid = x.indexrelid
left join pg_am m on m.oid = i.relam
where c.relkind in ('r', 'p', 'v', 'm', 'f')
order by 1, 2, i.relname
"""
"""One row per relation of the schemas ``$1`` and valid index; ``name`` is null for a relation without any.

An index of a table that others inherit from is not unique for the rows of a query, which has theirs too.
"""

REFERENCES = """
select n.nspname::text as schema, c.relname::text as relation, k.conname::text as name,
  tn.nspname::text as target_schema, t.relname::text as target,
  array(select a.attname::text from unnest(k.conkey) with ordinality u(num, at)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.at) as columns,
  array(select a.attname::text from unnest(k.confkey) with ordinality u(num, at)
    join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.at) as target_columns
from pg_constraint k
join pg_class c on c.oid = k.conrelid and not c.relispartition
join pg_namespace n on n.oid = c.relnamespace and n.nspname = any($1::text[])
join pg_class t on t.oid = k.confrelid
join pg_namespace tn on tn.oid = t.relnamespace and tn.nspname = any($1::text[])
where k.contype = 'f' and k.conparentid = 0
order by 1, 2, 3
"""
"""Foreign keys between relations of the schemas ``$1``."""

TRIGRAMS = """
select n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'
"""
"""The schema of the extension pg_trgm; null if it is not installed."""


DESCENDING, NULLS_FIRST = 1, 2
"""Bits of pg_index.indoption."""
TABLE_KINDS = ("r", "p", "m")
"""Kinds of relations that can have an index: table, partitioned table, materialized view (pg_class.relkind)."""


class IndexKeyFact(msgspec.Struct, frozen=True):
    """A key of an index: a column's name, or the text of an expression."""

    text: str
    descending: bool = False
    nulls_first: bool = False
    operators: str = ""
    """The operator class: ``text_ops``, ``gin_trgm_ops``."""
    collated: bool = False
    """Whether its collation is another than that of its column: it serves no condition and no order of the column."""


class IndexFact(msgspec.Struct, frozen=True):
    """A valid index; ``method`` is ``btree``, ``gin``, …"""

    name: str
    method: str
    keys: tuple[IndexKeyFact, ...]
    unique: bool = False
    primary: bool = False
    predicate: str = ""
    """The condition of a partial index, as Postgres writes it; else empty."""


class RelationFacts(msgspec.Struct, frozen=True):
    """A table or view with its indexes; ``kind`` is pg_class.relkind."""

    kind: str = "r"
    indexes: tuple[IndexFact, ...] = ()
    columns: Mapping[bytes, Column] = {}
    """In the order of the relation."""
    declared_key: tuple[str, ...] = ()
    """The columns of the primary key, if the indexes are unknown."""
    complete: bool = True
    """Whether the kind, the indexes and which columns are unique are known: those of an OpenAPI description are not."""

    @property
    def can_have_indexes(self) -> bool:
        """Whether it has rows of its own; a view and a foreign table have none."""
        return self.kind in TABLE_KINDS

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key; empty without one."""
        keys = (tuple(key.text for key in index.keys) for index in self.indexes if index.primary and index.unique)
        return next(keys, self.declared_key)

    def type_of(self, column: str) -> str:
        """The type of a column; empty if it is unknown."""
        known = self.columns.get(column.encode())
        return "" if known is None else known.type

    def has_no_nulls(self, column: str) -> bool:
        """Whether a column is known to have no nulls."""
        known = self.columns.get(column.encode())
        return known is not None and known.not_null

    def is_unique(self, columns: Iterable[str]) -> bool:
        """Whether at most one row has given values in ``columns``."""
        given = set(columns)
        if self.declared_key and given.issuperset(self.declared_key):
            return True
        return any(
            index.unique and not index.predicate and given.issuperset(key.text for key in index.keys)
            for index in self.indexes
        )


class ForeignKeyFact(msgspec.Struct, frozen=True):
    """Columns of a relation that refer to columns of ``target``; both relations as ``schema.name``."""

    name: str
    relation: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


class DatabaseFacts(msgspec.Struct, frozen=True):
    """What is known of the database; empty without ``db_uri`` and ``detect.openapi``."""

    schemas: tuple[str, ...] = ("public",)
    """PostgREST's db-schemas; names without a schema are of the first."""
    relations: Mapping[str, RelationFacts] = {}
    """By ``schema.name``."""
    foreign_keys: tuple[ForeignKeyFact, ...] = ()
    trigrams: str | None = None
    """The schema of the extension pg_trgm; None if it is not installed, or that is unknown."""

    def qualified(self, name: str) -> str:
        """``schema.name`` of a relation whose name in a fingerprint is ``name``."""
        schema = name.partition(".")[0]
        return name if "." in name and schema in self.schemas else f"{self.schemas[0]}.{name}"

    def of(self, name: str) -> RelationFacts | None:
        """What is known of a relation, named as in a fingerprint; None if it is unknown."""
        return self.relations.get(self.qualified(name))


def read_facts(
    schemas: Sequence[str],
    indexes: Iterable[CatalogRow],
    references: Iterable[CatalogRow],
    trigrams: object,
    columns: Mapping[str, Mapping[bytes, Column]],
) -> DatabaseFacts:
    """Build the facts from the rows of ``INDEXES`` and ``REFERENCES`` and the value of ``TRIGRAMS``."""
    kinds: dict[str, str] = {}
    found: dict[str, list[IndexFact]] = {}
    for row in indexes:
        name = f"{row['schema']}.{row['relation']}"
        kinds[name] = str(row["kind"])
        if row["name"] is not None:
            found.setdefault(name, []).append(_index(row))
    relations = {
        name: RelationFacts(kind, tuple(found.get(name, ())), columns.get(name, {})) for name, kind in kinds.items()
    }
    keys = tuple(_foreign_key(row) for row in references)
    return DatabaseFacts(tuple(schemas), relations, keys, None if trigrams is None else str(trigrams))


def _index(row: CatalogRow) -> IndexFact:
    keys = tuple(
        IndexKeyFact(
            text, bool(int(option) & DESCENDING), bool(int(option) & NULLS_FIRST), operators, collated == "True"
        )
        for text, option, operators, collated in zip(
            *(_texts(row[name]) for name in ("keys", "options", "classes", "collated")), strict=True
        )
    )
    predicate = row["predicate"]
    return IndexFact(
        name=str(row["name"]),
        method=str(row["method"]),
        keys=keys,
        unique=bool(row["unique"]),
        primary=bool(row["primary"]),
        predicate="" if predicate is None else str(predicate),
    )


def _foreign_key(row: CatalogRow) -> ForeignKeyFact:
    return ForeignKeyFact(
        str(row["name"]),
        f"{row['schema']}.{row['relation']}",
        _texts(row["columns"]),
        f"{row['target_schema']}.{row['target']}",
        _texts(row["target_columns"]),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
