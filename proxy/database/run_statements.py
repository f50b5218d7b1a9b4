"""The statements that the database ran, from the extension ``pg_stat_statements``.

https://www.postgresql.org/docs/current/pgstatstatements.html

Tests: tests/e2e/database/test_statements.py.
"""

from typing import TYPE_CHECKING

import msgspec

from proxy.database.session import Caller, DatabaseFaultError, Limits, rolled_back, savepoint
from proxy.schema.names import quoted

if TYPE_CHECKING:
    from proxy.database.session import Connection

EXTENSION = """
select quote_ident(n.nspname) from pg_extension e
join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'
"""
MOST = 5000
"""Statements that are read, those that took the most time first."""
STATEMENTS = """
select s.query as text, r.rolname::text as role, pg_has_role(current_user, s.userid, 'member') as may_become,
  sum(s.calls)::bigint as calls, sum(s.total_exec_time)::float8 as milliseconds, sum(s.rows)::bigint as rows
from {schema}.pg_stat_statements s join pg_roles r on r.oid = s.userid
where s.dbid = (select oid from pg_database where datname = current_database())
group by 1, 2, 3 order by milliseconds desc, text, role limit {most}
"""
NOT_LOADED = "55000"
LOAD = "Add pg_stat_statements to shared_preload_libraries, and restart the server."
HIDDEN = "<insufficient privilege>"


class RunStatement(msgspec.Struct, frozen=True):
    """A statement with parameters in place of its constants, and what its calls by one role cost."""

    text: str
    role: str
    may_become: bool
    """Whether the role of the connection may become that role."""
    calls: int
    milliseconds: float
    """Over all calls."""
    rows: int


class RunStatements(msgspec.Struct, frozen=True):
    """The statements that the role may see."""

    seen: tuple[RunStatement, ...]
    hidden: tuple[str, ...] = ()
    """The roles whose statements it may not see."""
    remedy: str = ""
    """What shows them."""


async def read_run_statements(connection: "Connection", limits: Limits) -> RunStatements:
    """The statements of this database. DatabaseFaultError, which says what is missing, if there are none to be had."""
    async with rolled_back(connection, Caller(), limits):
        schema = await connection.fetchval(EXTENSION)
        if schema is None:
            raise DatabaseFaultError(
                "--statements: the extension pg_stat_statements is not installed",
                remedy="CREATE EXTENSION pg_stat_statements;",
            )
        try:
            async with savepoint(connection, limits):
                rows = await connection.fetch(STATEMENTS.format(schema=schema, most=MOST))
        except DatabaseFaultError as error:
            if error.sqlstate == NOT_LOADED:
                raise DatabaseFaultError(f"--statements: {error}", remedy=LOAD) from error
            raise
        own = quoted(str(await connection.fetchval("select session_user")))
    found = [RunStatement(**dict(row)) for row in rows]
    seen = tuple(one for one in found if one.text != HIDDEN)
    hidden = tuple(sorted({one.role for one in found if one.text == HIDDEN}))
    return RunStatements(seen, hidden, f"GRANT pg_read_all_stats TO {own};")
