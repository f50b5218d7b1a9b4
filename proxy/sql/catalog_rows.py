"""Reads from rows of Postgres' system catalogs what the SQL of a request needs (``DeclaredSchema``).

PostgreSQL, "System Catalogs": pg_class, pg_attribute, pg_type, pg_cast, pg_constraint, pg_proc.

Tests: tests/e2e/findings/test_planned_sql.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from proxy.sql.relationships import DeclaredSchema, Reference, RelationName, RowFunction
from proxy.sql.view_columns import keys_of_views, shown_columns, with_views

FetchedRow = Mapping[str, Any]

COLUMNS = """
select n.nspname::text as schema, c.relname::text as relation, c.relkind in ('v', 'm') as view,
  c.oid::bigint as oid, a.attnum::int as number, a.attname::text as name, r.oid is not null as represented,
  format_type(case when r.oid is null and t.typtype = 'd' then t.typbasetype else t.oid end, null) as type
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_(toast_)?temp_'
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_cast r on r.castsource = t.oid and r.casttarget = 'json'::regtype and t.typtype = 'd'
where c.relkind in ('r', 'p', 'v', 'm', 'f')
order by 1, 2, a.attnum
"""
"""One row per column; ``type`` is the one below a domain, unless PostgREST shows the domain's values by a cast."""

KEYS = """
select k.conname::text as name, k.contype::text as kind,
  n.nspname::text as schema, c.relname::text as relation, tn.nspname::text as target_schema, t.relname::text as target,
  array(select a.attname::text from unnest(k.conkey) with ordinality u(num, at)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.at) as columns,
  array(select a.attname::text from unnest(k.confkey) with ordinality u(num, at)
    join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.at) as target_columns
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_class t on t.oid = k.confrelid
left join pg_namespace tn on tn.oid = t.relnamespace
where k.contype in ('p', 'u', 'f') and k.conparentid = 0
order by 3, 4, 1
"""
"""One row per primary key, unique constraint and foreign key."""

VIEWS = """
select c.oid::bigint as oid, w.ev_action::text as tree
from pg_rewrite w
join pg_class c on c.oid = w.ev_class and c.relkind in ('v', 'm')
join pg_namespace n on n.oid = c.relnamespace and n.nspname not in ('pg_catalog', 'information_schema')
where w.ev_type = '1'
order by 1
"""
"""One row per view, with the tree of its query."""

ROW_FUNCTIONS = """
select pn.nspname::text as function_schema, p.proname::text as function,
  n.nspname::text as schema, c.relname::text as relation, tn.nspname::text as target_schema, t.relname::text as target,
  not p.proretset or p.prorows = 1 as to_one
from pg_proc p
join pg_namespace pn on pn.oid = p.pronamespace
join pg_class c on c.reltype = p.proargtypes[0] and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.reltype = p.prorettype and t.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace tn on tn.oid = t.relnamespace
where p.pronargs = 1
order by 1, 2, 3, 4
"""
"""One row per function of a row that returns rows."""


class CatalogRows(msgspec.Struct, frozen=True):
    """The rows of the statements above."""

    columns: Sequence[FetchedRow]
    keys: Sequence[FetchedRow]
    functions: Sequence[FetchedRow]
    views: Sequence[FetchedRow]


def read_relations(schema: str, rows: CatalogRows) -> DeclaredSchema:
    """``schema`` is the one of a request without a profile."""
    types: dict[RelationName, dict[str, str]] = {}
    for row in rows.columns:
        types.setdefault(_table(row), {})[row["name"]] = row["type"]
    unique: dict[RelationName, set[frozenset[str]]] = {}
    for row in rows.keys:
        if row["kind"] != "f":
            unique.setdefault(_table(row), set()).add(frozenset(row["columns"]))
    shown = _shown(rows)
    primary_keys = {_table(row): tuple(row["columns"]) for row in rows.keys if row["kind"] == "p"}
    references = [_reference(row, unique) for row in rows.keys if row["kind"] == "f"]
    return DeclaredSchema(
        schema=schema,
        columns=types,
        foreign_keys=tuple(with_views(references, shown)),
        primary_keys={**dict(keys_of_views(primary_keys, shown)), **primary_keys},
        views=frozenset(_table(row) for row in rows.columns if row["view"]),
        functions=tuple(_function(row) for row in rows.functions),
        represented=frozenset(row["type"] for row in rows.columns if row["represented"]),
        shown=shown,
    )


def _shown(rows: CatalogRows) -> dict[RelationName, dict[str, tuple[RelationName, str]]]:
    names = {row["oid"]: _table(row) for row in rows.columns}
    columns = {(row["oid"], row["number"]): row["name"] for row in rows.columns}
    return shown_columns({row["oid"]: row["tree"] for row in rows.views if row["oid"] in names}, names, columns)


def _table(row: FetchedRow) -> RelationName:
    return row["schema"], row["relation"]


def _reference(row: FetchedRow, unique: Mapping[RelationName, set[frozenset[str]]]) -> Reference:
    table, target = _table(row), (row["target_schema"], row["target"])
    is_single = frozenset(row["columns"]) in unique.get(table, set())
    return Reference(row["name"], table, tuple(row["columns"]), target, tuple(row["target_columns"]), is_single)


def _function(row: FetchedRow) -> RowFunction:
    function, target = (row["function_schema"], row["function"]), (row["target_schema"], row["target"])
    return RowFunction(function, (row["schema"], row["relation"]), target, row["to_one"])
