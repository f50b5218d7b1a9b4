"""Statements that create and drop an index, with what undoes them, and whether an index finds rows by columns.

tests/e2e/database/test_index_rules.py covers it on real servers.
"""

from collections.abc import Sequence

from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Index, Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo

MAX_NAME = 63
"""Bytes of a name; Postgres cuts a longer one."""


def drop_index(relation: Relation, index: Index) -> str:
    """The statement that drops ``index``, and its undo. It runs outside of a transaction.

    Postgres drops and creates no index of a partitioned table concurrently.
    """
    name = qualified(index.schema, index.name)
    if relation.kind == "p":
        return with_undo(f"drop index {name};", index.definition.replace(" ON ONLY ", " ON ", 1) + ";")
    head = "CREATE UNIQUE INDEX" if index.unique else "CREATE INDEX"
    created = index.definition.replace(head, f"{head} CONCURRENTLY", 1)
    return with_undo(f"drop index concurrently {name};", f"{created};")


def create_index(relation: Relation, columns: Sequence[str], database: Database) -> str:
    """The statement that creates a btree index on ``columns``, under a name that is free, and its undo."""
    return create_index_on(relation, "_".join(columns), f"({', '.join(map(quoted, columns))})", database)


def create_index_on(relation: Relation, named: str, keys: str, database: Database) -> str:
    """As ``create_index``; ``keys`` is SQL, ``(key, …)``, behind ``using gin`` or not; ``named`` is for its name."""
    name = free_name(f"{relation.name}_{named}_idx", names_in(relation.schema, database))
    how = "" if relation.kind == "p" else "concurrently "
    return with_undo(
        f"create index {how}{quoted(name)} on {qualified(relation.schema, relation.name)} {keys};",
        f"drop index {how}{qualified(relation.schema, name)};",
    )


def finds(index: Index, columns: Sequence[str]) -> bool:
    """Whether the index finds the rows that equal a value in each of ``columns``, in any order of the keys."""
    first = index.keys[: len(columns)]
    methods = ("btree", "hash") if len(columns) == 1 else ("btree",)
    if not index.valid or index.method not in methods or any(key.collation for key in first):
        return False
    # A comparison with = implies that the column is not null.
    implied = ("", *(f"({key.text} IS NOT NULL)" for key in first))
    return index.where in implied and {key.column for key in first} == set(columns)


def names_in(schema: str, database: Database) -> frozenset[str]:
    """The names of tables, views and indexes, which have one name space in each schema."""
    each = [relation for relation in database.relations if relation.schema == schema]
    return frozenset(name for one in each for name in (one.name, *(index.name for index in one.indexes)))


def free_name(name: str, taken: frozenset[str]) -> str:
    """``name``, cut to what Postgres allows, with a number if it is ``taken``."""
    for number in range(len(taken) + 1):
        suffix = str(number) if number else ""
        cut = name.encode()[: MAX_NAME - len(suffix)].decode(errors="ignore") + suffix
        if cut not in taken:
            break
    return cut
