"""Which relationship an embed stands for, found in the database's keys as PostgREST finds it.

Source: PostgREST 12, ``SchemaCache.hs`` (``addInverseRels``, ``addM2MRels``) and ``Plan.hs`` (``findRel``).

Tests: tests/e2e/findings/test_planned_sql.py.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from proxy.postgrest.request.select_list import Embed
from proxy.sql.expressions import UnwritableError

RelationName = tuple[str, str]
"""Schema and name of a table or view."""
ColumnPairs = tuple[tuple[str, str], ...]
"""Columns that are equal in two tables: those of the table above, and of the embedded one."""


class Reference(msgspec.Struct, frozen=True):
    """A foreign key; ``target`` is the table that it refers to."""

    name: str
    table: RelationName
    columns: tuple[str, ...]
    target: RelationName
    target_columns: tuple[str, ...]
    is_single: bool = False
    """Whether a unique constraint has just these columns, so that there is at most one row for each of the target."""


class RowFunction(msgspec.Struct, frozen=True):
    """A function of a row that returns rows: PostgREST's computed relationship."""

    function: RelationName
    table: RelationName
    target: RelationName
    to_one: bool


class DeclaredSchema(msgspec.Struct, frozen=True):
    """What the SQL of a request needs from the database's catalog."""

    schema: str = "public"
    """The schema of a request without a profile: the first of PostgREST's db-schemas."""
    columns: Mapping[RelationName, Mapping[str, str]] = {}
    """Per relation, the types of its columns."""
    foreign_keys: tuple[Reference, ...] = ()
    primary_keys: Mapping[RelationName, tuple[str, ...]] = {}
    views: frozenset[RelationName] = frozenset()
    functions: tuple[RowFunction, ...] = ()
    represented: frozenset[str] = frozenset()
    """Domains whose values PostgREST casts (data representations)."""
    shown: Mapping[RelationName, Mapping[str, tuple[RelationName, str]]] = {}
    """Per view and column, the table's column that it shows."""


class Relationship(msgspec.Struct, frozen=True):
    """How the rows of ``target`` belong to a row of the table above."""

    target: RelationName
    to_one: bool
    on: ColumnPairs = ()
    key: str = ""
    """The foreign key's name."""
    junction: RelationName | None = None
    to_target: ColumnPairs = ()
    """With a junction: its columns, and those of ``target``. ``on`` then has columns above, and the junction's."""
    junction_keys: tuple[str, str] = ("", "")
    function: RelationName | None = None


def find_relationship(relations: DeclaredSchema, origin: RelationName, embed: Embed) -> Relationship:
    """The relationship of ``embed`` in a select of ``origin``; UnwritableError if there is none, or several."""
    functions = [
        Relationship(one.target, one.to_one, function=one.function)
        for one in relations.functions
        if one.table == origin and one.function[1] == embed.relation
    ]
    found = functions or [
        one for one in _relationships(relations, origin) if _matches(one, origin, embed, one.target in relations.views)
    ]
    if len(found) > 1 and all(one.target == origin and one.junction is None for one in found):
        found = [one for one in found if not one.to_one][:1] or found
    if len(found) == 1:
        return found[0]
    what = f"{origin[1]} and {embed.relation}" + (f" with the hint {embed.hint}" if embed.hint else "")
    if found:
        raise UnwritableError(f"an embed that PostgREST answers with 300: {what} have {len(found)} relationships")
    raise UnwritableError(f"an embed without a known foreign key: {what}")


def _matches(one: Relationship, origin: RelationName, embed: Embed, to_view: bool) -> bool:
    """Whether an embed may mean a relationship. One to a view is found by the view's name only."""
    if one.target[0] != origin[0]:
        return False
    by_table, hint = one.target[1] == embed.relation, embed.hint
    if one.target == origin and hint and one.junction is None:  # the table that refers to itself
        return by_table and not one.to_one and [column for _, column in one.on] == [hint]
    if hint:
        columns = {name for pair in one.on for name in pair} if len(one.on) == 1 and one.junction is None else set()
        junction = one.junction is not None and one.junction[1] == hint
        return by_table and (junction or hint == one.key or hint in columns)
    above = [column for column, _ in one.on]
    is_column = one.to_one and above == [embed.relation]
    return by_table or (not to_view and (one.key == embed.relation or is_column))


def _relationships(relations: DeclaredSchema, origin: RelationName) -> Iterator[Relationship]:
    for key in relations.foreign_keys:
        pairs = tuple(zip(key.columns, key.target_columns, strict=True))
        if key.table == origin:
            yield Relationship(key.target, True, pairs, key.name)
        if key.target == origin:
            yield Relationship(key.table, key.is_single, _swapped(pairs), key.name)
    yield from _over_junctions(relations, origin)


def _over_junctions(relations: DeclaredSchema, origin: RelationName) -> Iterator[Relationship]:
    """Many-to-many: over a table whose primary key contains the columns of two foreign keys."""
    for first in relations.foreign_keys:
        if first.target != origin or first.is_single:
            continue
        key = set(relations.primary_keys.get(first.table, ()))
        for second in relations.foreign_keys:
            if second.table != first.table or second.name == first.name or second.is_single:
                continue
            if key.issuperset((*first.columns, *second.columns)):
                above = tuple(zip(first.target_columns, first.columns, strict=True))
                below = tuple(zip(second.columns, second.target_columns, strict=True))
                names = (first.name, second.name)
                yield Relationship(second.target, False, above, "", first.table, below, names)


def _swapped(pairs: Sequence[tuple[str, str]]) -> ColumnPairs:
    return tuple((right, left) for left, right in pairs)
