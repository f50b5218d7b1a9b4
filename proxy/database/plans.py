"""Asks Postgres for plans, as the role that calls and with its claims; what only needs planning is not run.

Tests: tests/e2e/findings/test_explain_plan.py.
"""

import json
from typing import TYPE_CHECKING

from proxy.database.session import Caller, Limits, rolled_back
from proxy.plans.explained import AddedPolicy, ExplainedStatement
from proxy.plans.tree import Plan, read_plan
from proxy.sql.catalog_rows import COLUMNS, KEYS, ROW_FUNCTIONS, VIEWS, CatalogRows, read_relations
from proxy.sql.planned import Planned
from proxy.sql.relationships import DeclaredSchema

if TYPE_CHECKING:
    from proxy.database.session import Connection

POLICIES = """
select n.nspname::text as schema, c.relname::text as relation, p.polname::text as name, p.polpermissive as permissive,
  pg_get_expr(p.polqual, p.polrelid) as condition
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join unnest($1::text[], $2::text[]) as asked(schema, relation)
  on asked.schema = n.nspname and asked.relation = c.relname
left join pg_policy p on p.polrelid = c.oid and p.polcmd in ('*', 'r')
  and (p.polroles = '{0}' or exists (select from unnest(p.polroles) r where r <> 0 and pg_has_role($3, r, 'usage')))
where c.relrowsecurity
  and not (select rolsuper or rolbypassrls from pg_roles where rolname = $3)
  and (c.relforcerowsecurity or not pg_has_role($3, c.relowner, 'usage'))
order by 1, 2, 4 desc, 3
"""
"""The policies that Postgres adds to a read of the relations ``$1.$2`` by the role ``$3``."""


async def read_declared_schema(connection: "Connection", schema: str) -> DeclaredSchema:
    """Tables, columns and keys. ``schema`` is the one of a request without a profile."""
    columns, keys = await connection.fetch(COLUMNS), await connection.fetch(KEYS)
    functions, views = await connection.fetch(ROW_FUNCTIONS), await connection.fetch(VIEWS)
    return read_relations(schema, CatalogRows(columns, keys, functions, views))


async def plan_of(connection: "Connection", statement: str, analyze: bool = False) -> Plan:
    """The plan of ``statement`` in the current transaction. With ``analyze`` it is run."""
    options = "FORMAT JSON, VERBOSE" + (", ANALYZE, BUFFERS" if analyze else "")
    document = await connection.fetchval(f"EXPLAIN ({options}) {statement}")
    return read_plan(json.loads(document))


async def explain_statement(
    connection: "Connection", sql: Planned, caller: Caller, limits: Limits, analyze: bool = False
) -> ExplainedStatement:
    """The plan of the rows of ``sql`` for ``caller``. With ``analyze`` it is run, read only. DatabaseFaultError."""
    async with rolled_back(connection, caller, limits):
        plan = await plan_of(connection, sql.statements(sql.values)[0], analyze)
        role = str(await connection.fetchval("select current_user"))
        schemas, names = zip(*sql.relations, strict=True)
        rows = await connection.fetch(POLICIES, schemas, names, role)
    policies = [
        AddedPolicy(row["schema"], row["relation"], row["name"] or "", bool(row["permissive"]), row["condition"] or "")
        for row in rows
    ]
    return ExplainedStatement(plan, role, tuple(policies))
