"""One SELECT of a planned statement: its table, its embeds, and the clauses that these stand for.

Tests: tests/e2e/findings/test_planned_sql.py.
"""

from collections.abc import Sequence

import msgspec
from sqlglot import exp

from proxy.postgrest.request.api_request import QueryLevel
from proxy.postgrest.request.select_list import Embed, Items, SelectItem
from proxy.sql.embed_tree import EmbedNode
from proxy.sql.expressions import UnwritableError, column, constant, identifier
from proxy.sql.relationships import RelationName, Relationship


class Embedded(msgspec.Struct, frozen=True):
    """An embed in a select, with the alias of its lateral subquery."""

    item: Embed
    relationship: Relationship
    alias: str
    node: EmbedNode


class SelectLevel(msgspec.Struct, frozen=True):
    """One SELECT: its table with its alias, its embeds, and the condition that joins it to the table above."""

    table: RelationName
    name: str
    level: QueryLevel
    embeds: tuple[Embedded, ...]
    join: tuple[exp.Expression, ...] = ()
    above: str = ""
    via: Relationship | None = None


def table_of(table: RelationName, name: str) -> exp.Table:
    """A table with its schema, and an alias where ``name`` is not its own."""
    alias = None if name == table[1] else exp.TableAlias(this=identifier(name))
    return exp.Table(this=identifier(table[1]), db=identifier(table[0]), alias=alias)


def function_of(function: RelationName) -> str:
    """The text of a function's name with its schema."""
    return ".".join(identifier(name).sql("postgres") for name in function)


def equal(left: str, right: str, pairs: Sequence[tuple[str, str]]) -> list[exp.Expression]:
    """The conditions that join two tables of these names."""
    names = ((left, one, right, other) for one, other in pairs)
    return [
        exp.EQ(
            this=exp.Column(this=identifier(one), table=identifier(above)),
            expression=exp.Column(this=identifier(other), table=identifier(below)),
        )
        for above, one, below, other in names
    ]


def as_jsonb(value: exp.Expression) -> exp.Expression:
    """The cast that PostgREST adds, so that rows can be grouped by it."""
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.JSONB))


def embed_columns(one: Embedded) -> list[exp.Expression]:
    """The columns of an embed in the select list; none if it has no columns and serves as a filter only."""
    if not one.item.items:
        if one.item.spread:
            raise UnwritableError(f"'...{one.item.relation}()', a spread without columns: Postgres rejects it")
        return []
    row = exp.Column(this=exp.Star(), table=identifier(one.alias))
    if one.item.spread:
        if any(isinstance(item, SelectItem) and item.aggregate for item in one.item.items):
            raise UnwritableError("an aggregate in a spread embed")
        return [row]
    name = identifier(one.item.output_name)
    if one.relationship.to_one:
        return [exp.Alias(this=as_jsonb(exp.Anonymous(this="row_to_json", expressions=[row])), alias=name)]
    array = exp.Column(this=identifier(one.alias), table=identifier(one.alias))
    filled = exp.Anonymous(this="coalesce", expressions=[array, constant("[]")])
    return [exp.Alias(this=filled, alias=name)]


def set_group(query: exp.Select, items: Items, level: SelectLevel) -> None:
    """Group by every item that is not an aggregate, by its alias if it has one."""
    plain = [item for item in items if isinstance(item, SelectItem)]
    if not any(item.aggregate for item in plain):
        return
    groups = [
        exp.Column(this=identifier(item.output_name)) if item.output_name else column(item.field, level.name)
        for item in plain
        if not item.aggregate
    ]
    groups += [exp.Column(this=identifier(one.item.output_name)) for one in level.embeds if one.item.items]
    if groups:
        query.set("group", exp.Group(expressions=groups))
