"""What each level of a request asks of its table: the columns that an index on it could have as keys.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import Iterator, Mapping

import msgspec

from proxy.postgrest.request.api_request import ApiRequest, OrderTerm, QueryLevel
from proxy.postgrest.request.conditions import Condition, Tree, Where
from proxy.postgrest.request.grammar import FieldPath
from proxy.postgrest.request.select_list import SelectItem
from proxy.sql.embed_tree import EmbedNode, embed_tree
from proxy.sql.expressions import UnwritableError
from proxy.sql.relationships import DeclaredSchema, RelationName, find_relationship
from proxy.sql.table_reads import TableRead

EQUALITIES, RANGES = frozenset(("eq", "in")), frozenset(("gt", "gte", "lt", "lte"))


class NullTest(msgspec.Struct, frozen=True):
    """``column IS NULL``, or ``column IS NOT NULL``: a condition without a value, which is the same in all calls."""

    column: str
    is_null: bool


class ReadLevel(msgspec.Struct, frozen=True):
    """A level of a request: the table, and its conditions that must all hold."""

    table: RelationName
    conditions: tuple[Condition, ...] = ()
    joined: tuple[str, ...] = ()
    """Columns by which rows belong to a row of the level above."""
    order: tuple[OrderTerm, ...] = ()
    limited: bool = False
    """It stops after some rows, and skips none."""
    selected: tuple[str, ...] = ()
    """All columns that are returned, if they are named; else empty."""
    grouped: bool = False
    """``order`` is that of its groups: no row is skipped, and none has to be sorted."""
    alternatives: bool = False
    """It has an OR; its conditions are not among ``conditions``."""
    null_tests: tuple[NullTest, ...] = ()
    """Those that must all hold. ``is.null`` is among ``conditions`` too, ``not.is.null`` is not: it is negated."""
    of_expressions: tuple[str, ...] = ()
    """Conditions and orders of a view's expressions, of which its table has no column; they are in no other field."""

    @property
    def equal(self) -> tuple[str, ...]:
        """Columns that are compared by ``=``, those of the join first."""
        named = [one.field.name for one in self.conditions if one.operator in EQUALITIES and not one.field.path]
        return tuple(dict.fromkeys((*self.joined, *named)))

    @property
    def ranges(self) -> tuple[str, ...]:
        """Columns of which a range is read."""
        named = (one.field.name for one in self.conditions if one.operator in RANGES and not one.field.path)
        return tuple(dict.fromkeys(named))


def read_levels(request: ApiRequest, declared: DeclaredSchema) -> Iterator[ReadLevel]:
    """The levels of a request, the requested relation first; embeds that no relationship is found for are left out."""
    table = (request.schema or declared.schema, request.relation)
    items = [one for one in request.items if isinstance(one, SelectItem)]
    named = () if any(one.field.name == "*" for one in items) else tuple(one.field.name for one in items)
    nodes = embed_tree(request.items, request.embed_params)
    yield _level(table, request.root, (), named if not nodes else ())
    yield from _embeds(nodes, table, declared)


def _embeds(nodes: list[EmbedNode], above: RelationName, declared: DeclaredSchema) -> Iterator[ReadLevel]:
    for node in nodes:
        try:
            found = find_relationship(declared, above, node.item)
        except UnwritableError:
            continue
        own = QueryLevel((), tuple(node.where), node.order, node.limit, node.offset)
        if found.junction is None:
            yield _level(found.target, own, tuple(column for _, column in found.on))
        else:
            yield ReadLevel(found.junction, joined=tuple(column for _, column in found.on))
            yield _level(found.target, own, tuple(column for _, column in found.to_target))
        yield from _embeds(node.children, found.target, declared)


def _level(table: RelationName, own: QueryLevel, joined: tuple[str, ...], selected: tuple[str, ...] = ()) -> ReadLevel:
    limited = own.limit is not None and own.offset in (None, "0")
    return ReadLevel(
        table,
        tuple(one for one in _all_of(own.where) if not one.negated),
        joined,
        own.order,
        limited,
        selected,
        alternatives=_has_or(own.where),
        null_tests=tuple(dict.fromkeys(_null_tests(own.where))),
    )


def _null_tests(wheres: tuple[Where, ...]) -> Iterator[NullTest]:
    for one in _all_of(wheres):
        if one.operator == "is" and one.value in ("null", "not_null") and not one.field.path:
            yield NullTest(one.field.name, (one.value == "null") != one.negated)


def _has_or(wheres: tuple[Where, ...]) -> bool:
    trees = [where for where in wheres if isinstance(where, Tree) and not where.negated]
    return any(tree.operator == "or" or _has_or(tree.parts) for tree in trees)


def _all_of(wheres: tuple[Where, ...]) -> Iterator[Condition]:
    """The conditions that must all hold, negated ones too; those within ``or`` and ``not.and`` are none of them."""
    for where in wheres:
        if isinstance(where, Tree):
            if where.operator == "and" and not where.negated:
                yield from _all_of(where.parts)
        else:
            yield where


def level_of(read: TableRead) -> ReadLevel:
    """The level of a table in a statement that PostgREST did not make."""
    order = (OrderTerm(FieldPath(one.column), "desc" if one.descending else "", one.nulls, "") for one in read.order)
    conditions = (Condition(FieldPath(one.column), one.operator, one.value or "") for one in read.tests)
    return ReadLevel(read.table, tuple(conditions), read.joined, tuple(order), read.limited, read.needed, read.grouped)


Constants = Mapping[tuple[RelationName, str], str]
"""The values that columns were compared with in all calls, where they were recognised."""
