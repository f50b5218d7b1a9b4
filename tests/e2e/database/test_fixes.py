"""The SQL that rules over the database print runs as printed, whatever the names, and removes what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.e2e.database.conftest import inspect_uri, statements
from tests.e2e.database.test_examples import DATABASE_RULES, sql, traffic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.analysis.rule import AnyRule

RENAMED = """
do $$ declare one record; hostile text := E'a"b\\'; drop table hit; --\\n'; begin
  for one in select oid::regclass as name, relname, relkind from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'i')
      and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e') loop
    execute format('alter %s %s rename to %I', case one.relkind when 'v' then 'view' when 'm' then 'materialized view'
      when 'i' then 'index' else 'table' end, one.name, hostile || one.relname);
  end loop;
  for one in select attrelid::regclass as name, attname, relkind
      from pg_attribute join pg_class on attrelid = pg_class.oid
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') and attnum > 0
      and not attisdropped and attname not in ('password', 'token') loop
    execute format('alter %s %s rename column %I to %I', case one.relkind when 'v' then 'view'
      when 'm' then 'materialized view' else 'table' end, one.name, one.attname, hostile || one.attname);
  end loop;
  for one in select polrelid::regclass as name, polname from pg_policy loop
    execute format('alter policy %I on %s rename to %I', one.polname, one.name, hostile || one.polname);
  end loop;
end $$;
"""
"""Puts text that would do harm if it were not quoted before the name of each table, view, index, column and policy."""


WITHOUT_TRAFFIC = [rule for rule in DATABASE_RULES if not (rule.needs_calls or traffic(rule, "Example"))]
"""Requests must have such names too: test_traffic_rules.py and test_audit_indexes.py are about the others."""


@pytest.mark.parametrize("rule", WITHOUT_TRAFFIC, ids=lambda rule: rule.code)
async def test_with_hostile_names_the_printed_sql_runs_as_printed_and_removes_what_was_found(
    rule: AnyRule, example_database: Callable[[str], Awaitable[str]]
) -> None:
    uri = await example_database(sql(rule, "Example") + RENAMED)
    (finding,) = (await inspect_uri(rule, uri)).findings
    connection = await asyncpg.connect(uri)
    try:
        for statement in statements(finding.fix.sql):
            await connection.execute(statement)
    finally:
        await connection.close()
    if finding.fix.sql:
        assert (await inspect_uri(rule, uri)).findings == ()
