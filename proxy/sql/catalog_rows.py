"""Reads from rows of Postgres' system catalogs what the SQL of a request needs (``DeclaredSchema``).

PostgreSQL, "System Catalogs": pg_class, pg_attribute, pg_type, pg_cast, pg_constraint, pg_proc.

Tests: tests/e2e/findings/test_planned_sql.py.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.sql.relationships import DeclaredSchema, Reference, RelationName, RowFunction

FetchedRow = Mapping[str, Any]

COLUMNS = """
select n.nspname::text as schema, c.relname::text as relation, c.relkind in ('v', 'm') as view,
  a.attname::text as name, r.oid is not null as represented,
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


def read_relations(
    schema: str, columns: Iterable[FetchedRow], keys: Iterable[FetchedRow], functions: Iterable[FetchedRow]
) -> DeclaredSchema:
    """``schema`` is the one of a request without a profile."""
    types: dict[RelationName, dict[str, str]] = {}
    views: set[RelationName] = set()
    represented: set[str] = set()
    for row in columns:
        table = _table(row)
        types.setdefault(table, {})[row["name"]] = row["type"]
        if row["view"]:
            views.add(table)
        if row["represented"]:
            represented.add(row["type"])
    constraints = list(keys)
    unique: dict[RelationName, tuple[frozenset[str], ...]] = {}
    for row in constraints:
        if row["kind"] != "f":
            table = _table(row)
            unique[table] = (*unique.get(table, ()), frozenset(row["columns"]))
    return DeclaredSchema(
        schema=schema,
        columns=types,
        foreign_keys=tuple(_foreign_key(row) for row in constraints if row["kind"] == "f"),
        primary_keys={_table(row): tuple(row["columns"]) for row in constraints if row["kind"] == "p"},
        unique=unique,
        views=frozenset(views),
        functions=tuple(_function(row) for row in functions),
        represented=frozenset(represented),
    )


def _table(row: FetchedRow) -> RelationName:
    return row["schema"], row["relation"]


def _foreign_key(row: FetchedRow) -> Reference:
    table, target = (row["schema"], row["relation"]), (row["target_schema"], row["target"])
    return Reference(row["name"], table, tuple(row["columns"]), target, tuple(row["target_columns"]))


def _function(row: FetchedRow) -> RowFunction:
    function, target = (row["function_schema"], row["function"]), (row["target_schema"], row["target"])
    return RowFunction(function, (row["schema"], row["relation"]), target, row["to_one"])
