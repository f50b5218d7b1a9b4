"""An index that is proposed, as a value, and its statements."""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

NULL, NOT_NULL = " IS NULL", " IS NOT NULL"
"""The conditions of a partial index that follow a column and have no value."""
MAX_NAME = 63
"""Longest name in Postgres, in bytes."""


class ProposedIndex(msgspec.Struct, frozen=True, order=True):
    """``CREATE INDEX ON schema.table USING method (keys) INCLUDE (include) WHERE where``."""

    schema: str
    table: str
    keys: tuple[str, ...]
    """SQL texts in order: a column, quoted if necessary, or an expression in parentheses, each with its operator
    class, direction and nulls."""
    method: str = "btree"
    include: tuple[str, ...] = ()
    where: str = ""
    partitions: tuple[tuple[str, str], ...] = ()
    """Schema and name of each partition, if the table is partitioned; they are tables themselves."""

    @property
    def tables(self) -> tuple[tuple[str, str], ...]:
        """Schema and name of the tables that plans name where they could use it."""
        return self.partitions or ((self.schema, self.table),)

    @property
    def is_for_nulls(self) -> bool:
        """Whether it is one of the rows that have no value in a column, or of those that have one."""
        return self.where.endswith((NULL, NOT_NULL))

    @property
    def name(self) -> str:
        """The name for a migration: of the table, the keys, and a hash if it is too long or has a condition."""
        words = [self.table, *(_word(key) for key in self.keys), "idx"]
        name = "_".join(word for word in words if word)
        if self.where or self.include or len(name.encode()) > MAX_NAME:
            text = repr((self.keys, self.include, self.where))
            digest = blake2b(text.encode(), digest_size=3).hexdigest()
            name = f"{name.encode()[: MAX_NAME - 11].decode('utf-8', 'ignore').removesuffix('_idx')}_{digest}_idx"
        return name

    def create(self, name: str = "", concurrently: bool = False) -> str:
        """The statement; without a name, Postgres chooses one. With partitions and a name, several statements.

        Postgres creates no index of a partitioned table concurrently: those of the partitions are attached to it.
        PostgreSQL, "Partition Maintenance".
        """
        if not (self.partitions and name):
            return self._create("CONCURRENTLY" if concurrently else "", name, "", (self.schema, self.table))
        made = [self._create("", name, "ONLY", (self.schema, self.table))]
        for table, (schema, own) in zip(self.partitions, self.names_of_partitions(name), strict=True):
            made.append(self._create("CONCURRENTLY" if concurrently else "", own, "", table))
            attached = f"{_quoted(schema)}.{_quoted(own)}"
            made.append(f"ALTER INDEX {_quoted(self.schema)}.{_quoted(name)} ATTACH PARTITION {attached}")
        return ";\n".join(made)

    def _create(self, how: str, name: str, only: str, table: tuple[str, str]) -> str:
        words = ["CREATE INDEX", how, _quoted(name) if name else "", "ON", only]
        words += [".".join(map(_quoted, table)), f"USING {self.method}", f"({', '.join(self.keys)})"]
        words += [f"INCLUDE ({', '.join(self.include)})"] if self.include else []
        words += [f"WHERE {self.where}"] if self.where else []
        return " ".join(word for word in words if word)

    def names_of_partitions(self, name: str) -> tuple[tuple[str, str], ...]:
        """Schema and name of the partitions' indexes, where the index of the whole table has ``name``."""
        suffixes = [f"_{number}" for number in range(1, len(self.partitions) + 1)]
        names = [name.encode()[: MAX_NAME - len(one)].decode("utf-8", "ignore") + one for one in suffixes]
        return tuple((schema, own) for (schema, _), own in zip(self.partitions, names, strict=True))

    def drop(self, name: str = "") -> str:
        """The statement that undoes a migration; with partitions, those that undo one that failed half way too."""
        whole = f"{_quoted(self.schema)}.{_quoted(name or self.name)}"
        if not self.partitions:
            return f"DROP INDEX CONCURRENTLY IF EXISTS {whole}"
        parts = [f"{_quoted(schema)}.{_quoted(own)}" for schema, own in self.names_of_partitions(name or self.name)]
        return "; ".join(
            [f"DROP INDEX IF EXISTS {whole}", *(f"DROP INDEX CONCURRENTLY IF EXISTS {one}" for one in parts)]
        )


def of_tables(indexes: Iterable[ProposedIndex], tables: Iterable[tuple[str, str]]) -> frozenset[ProposedIndex]:
    """The indexes that a statement over ``tables`` could use."""
    known = frozenset(tables)
    return frozenset(index for index in indexes if known.intersection(index.tables))


def _word(key: str) -> str:
    """The part of a key that a name has: letters, digits and single underscores."""
    first = key if key.startswith("(") else key.split(" ", maxsplit=1)[0]
    characters = "".join(one if one.isalnum() or one == "_" else " " for one in first)
    return "_".join(characters.split()).lower()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
