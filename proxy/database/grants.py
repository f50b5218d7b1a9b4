"""The GRANT statements that a role lacks, to paste. They name what a refused statement, or its error, names.

The server's messages are in its own language, so that only the names in them are read.

Tests: tests/e2e/database/test_missing_grants.py.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from proxy.schema.names import qualified, quoted

Ask = Callable[..., Awaitable[Sequence[Mapping[str, Any]]]]
"""Returns the rows of a statement; none if it fails."""
WORD = re.compile(r"\w+")
NAMED = re.compile(r"(?:denied for|must be owner of) (?:materialized |foreign )?\w+ (.+)")
"""The object of an English message, whatever its name."""
WHO = "select session_user::text as name"
CATALOGS = """
select name from unnest($1::text[]) name
where to_regclass('pg_catalog."' || name || '"') is not null
  and not has_table_privilege(session_user, to_regclass('pg_catalog."' || name || '"'), 'SELECT')
"""
"""It reads no catalog, each of which may be what the role may not read."""
FUNCTIONS = """
select p.oid::regprocedure::text as name from pg_catalog.pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = any($1)
  and not has_function_privilege(session_user, p.oid, 'EXECUTE') order by 1
"""
OVERLOADS = """
select p.oid::regprocedure::text as name from pg_catalog.pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace and p.proname = any($1) order by 1
"""
SCHEMAS = """
select n.nspname::text as name, has_schema_privilege(session_user, n.oid, 'USAGE') as usage
from pg_catalog.pg_namespace n where n.nspname = any($1) and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not (has_schema_privilege(session_user, n.oid, 'USAGE') and has_schema_privilege(session_user, n.oid, 'CREATE'))
"""
TABLES = """
select n.nspname::text as schema, c.relname::text as name, pg_get_userbyid(c.relowner)::text as owner,
  (select r.rolsuper from pg_catalog.pg_roles r where r.oid = c.relowner) as of_superuser,
  has_table_privilege(session_user, c.oid, 'SELECT') as readable, has_schema_privilege(session_user, n.oid, 'USAGE')
    as usage
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema' and ($2 = '' or n.nspname = $2 or not exists (
    select from pg_catalog.pg_class o join pg_catalog.pg_namespace m on m.oid = o.relnamespace
    where o.relname = c.relname and m.nspname = $2))
  and not (has_table_privilege(session_user, c.oid, 'SELECT') and pg_has_role(session_user, c.relowner, 'USAGE'))
order by 1, 2
"""


async def for_catalogs(ask: Ask, statement: str, message: str) -> str:
    """What a statement over the catalogs lacks; empty if that cannot be found out."""
    names, told = _words(statement, message), _words(message)
    found = [f"SELECT ON pg_catalog.{quoted(row['name'])}" for row in await ask(CATALOGS, names)]
    functions = await ask(FUNCTIONS, names) or ([] if found else await ask(OVERLOADS, told))
    return await _granted(ask, [*found, *(f"EXECUTE ON FUNCTION {_in_catalog(row['name'])}" for row in functions)])


async def for_tables(ask: Ask, names: Iterable[str], schema: str = "") -> str:
    """What reading relations, or if that is granted owning them, lacks. ``names`` are words that name them, or schemas.

    A relation of ``schema`` hides those of the same name elsewhere.
    """
    words = sorted(set(names))
    rights: list[str] = []
    for row in await ask(TABLES, words, schema):
        if not row["usage"]:
            rights.append(f"USAGE ON SCHEMA {quoted(row['schema'])}")
        if not row["readable"]:
            rights.append(f"SELECT ON {qualified(row['schema'], row['name'])}")
        elif not row["of_superuser"]:  # to become a superuser is more than an audit should ask for
            rights.append(quoted(row["owner"]))
    if not rights:
        rights = [
            f"{'CREATE' if row['usage'] else 'USAGE'} ON SCHEMA {quoted(row['name'])}"
            for row in await ask(SCHEMAS, words)
        ]
    return await _granted(ask, rights)


async def membership(ask: Ask, role: str) -> str:
    """What becoming a role lacks."""
    return await _granted(ask, [quoted(role)])


def words_of(text: str) -> list[str]:
    """The names that the message of an error may hold."""
    named = NAMED.search(text)
    return [named[1]] if named else _words(text)


async def _granted(ask: Ask, rights: Iterable[str]) -> str:
    """A statement per right."""
    who = next((quoted(row["name"]) for row in await ask(WHO)), "")
    return " ".join(f"GRANT {right} TO {who};" for right in dict.fromkeys(rights)) if who else ""


def _words(*texts: str) -> list[str]:
    return sorted({word for text in texts for word in WORD.findall(text)})


def _in_catalog(signature: str) -> str:
    return signature if signature.startswith("pg_catalog.") else f"pg_catalog.{signature}"
