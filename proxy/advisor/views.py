"""A request to a view as one to the table whose rows and columns the view shows.

Tests: tests/e2e/database/test_view_indexes.py.
"""

from collections.abc import Mapping

import msgspec
from msgspec import structs

from proxy.advisor.levels import Constants, NullTest, ReadLevel
from proxy.postgrest.request.api_request import OrderTerm
from proxy.postgrest.request.conditions import Condition
from proxy.schema.plain_view import plain_view
from proxy.schema.relation import Relation
from proxy.sql.relationships import DeclaredSchema, RelationName


class ShownTable(msgspec.Struct, frozen=True):
    """The one table whose rows and columns a view shows."""

    table: RelationName
    names: Mapping[str, str]
    """Per column of the view that is one of the table, that column."""
    null_tests: tuple[NullTest, ...]
    """Those of the view itself."""


def shown_table(view: Relation, declared: DeclaredSchema) -> ShownTable | None:
    """None if the view groups, joins or limits, or is none."""
    origins = declared.shown.get((view.schema, view.name), {})
    tables = {table for table, _ in origins.values()}
    if view.kind != "v" or view.view is None or len(tables) != 1:
        return None
    (table,) = tables
    plain = plain_view(view.view.definition) if view.view.depends_on == (".".join(table),) else None
    if plain is None:
        return None
    names = {name: column for name, (_, column) in origins.items()}
    return ShownTable(table, names, tuple(NullTest(*one) for one in plain.null_tests))


def level_of_table(level: ReadLevel, shown: ShownTable) -> ReadLevel:
    """A level of a view as one of its table. An expression's name may be that of another column of the table."""
    names = shown.names
    order = tuple(_ordered(one, names) for one in level.order if one.field.name in names and not one.relation)
    others = [f"{one.field.name}={one.operator}" for one in level.conditions if one.field.name not in names]
    if level.limited and len(order) < len(level.order):
        others.append("order=" + ",".join(str(one.field) for one in level.order))
    selected = tuple(names[name] for name in level.selected if name in names)
    own = [structs.replace(one, column=names[one.column]) for one in level.null_tests if one.column in names]
    return structs.replace(
        level,
        table=shown.table,
        conditions=tuple(_renamed(one, names) for one in level.conditions if one.field.name in names),
        joined=tuple(names[name] for name in level.joined if name in names),
        order=order if len(order) == len(level.order) else (),
        selected=selected if len(selected) == len(level.selected) else (),
        of_expressions=tuple(others),
        null_tests=tuple(dict.fromkeys((*own, *shown.null_tests))),
    )


def _renamed(one: Condition, names: Mapping[str, str]) -> Condition:
    return structs.replace(one, field=structs.replace(one.field, name=names[one.field.name]))


def _ordered(one: OrderTerm, names: Mapping[str, str]) -> OrderTerm:
    return structs.replace(one, field=structs.replace(one.field, name=names[one.field.name]))


def constants_of_tables(constants: Constants, declared: DeclaredSchema) -> Constants:
    """The same with those of views' columns as those of the tables' columns that they show."""
    of_tables = {
        declared.shown[relation][column]: value
        for (relation, column), value in constants.items()
        if column in declared.shown.get(relation, {})
    }
    return {**of_tables, **constants}
