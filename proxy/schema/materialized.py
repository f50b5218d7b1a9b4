"""Statements that compute an aggregate once: a materialized view, its unique index, its refresh, and their undo.

tests/e2e/database/test_traffic_rules.py covers it on real servers.
"""

from collections.abc import Iterator

import msgspec

from proxy.schema.aggregate import Aggregate
from proxy.schema.grants import grants
from proxy.schema.index_sql import free_name, names_in
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import in_a_line, with_undo

SCHEMA = "private"
"""Where the materialized view is: no row-level security limits one, so that it must not be in a schema of the API."""


class Materialized(msgspec.Struct, frozen=True):
    """What is to be computed once."""

    relation: Relation
    """The view, or the table that requests aggregate."""
    statement: str
    """The query, without a semicolon."""
    aggregate: Aggregate


def materialized(one: Materialized, database: Database) -> str:
    """The statements. A view keeps its name and its grants, so that requests stay as they are; for a table there is a
    new view.
    """
    relation, is_view = one.relation, one.relation.view is not None
    named = relation.name if is_view else "_".join([relation.name, *(key.name for key in one.aggregate.keys), "totals"])
    name = free_name(named, names_in(SCHEMA, database))
    stored = qualified(SCHEMA, name)
    view = qualified(
        relation.schema, relation.name if is_view else free_name(named, names_in(relation.schema, database))
    )
    read = [grant for grant in relation.grants if grant.privilege == "SELECT" and not grant.columns]
    lines = [
        f"create schema if not exists {SCHEMA};",
        f"create materialized view {stored} as {in_a_line(one.statement)};",
        *_unique(one, name, database),
        f"create {'or replace ' if is_view else ''}view {view} as select * from {stored};",  # noqa: S608 – printed
        *([] if is_view else grants(view, read)),
        *_refresh(one, name, database),
    ]
    undo = f"create or replace view {view} as {in_a_line(one.statement)};" if is_view else f"drop view {view};"
    return with_undo("\n".join(lines), f"{undo} drop materialized view {stored};")


def _unique(one: Materialized, name: str, database: Database) -> Iterator[str]:
    if one.aggregate.unique:
        keys = ", ".join(quoted(key.name) for key in one.aggregate.keys)
        index = quoted(free_name(f"{name}_key", names_in(SCHEMA, database)))
        yield f"create unique index {index} on {qualified(SCHEMA, name)} ({keys});"


def _refresh(one: Materialized, name: str, database: Database) -> Iterator[str]:
    """REFRESH, on a schedule where pg_cron is installed."""
    how = "concurrently " if one.aggregate.unique else ""
    refresh = f"refresh materialized view {how}{qualified(SCHEMA, name)}"
    yield f"{refresh};"
    if database.extension("pg_cron"):
        text = refresh.replace("'", "''")
        yield f"-- every five minutes: select cron.schedule('*/5 * * * *', '{text}');"
    else:
        yield "-- run the refresh again after writes, or on a schedule (pg_cron is not installed)"
