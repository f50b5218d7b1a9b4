"""Reads a snapshot of the database part by part; what cannot be read is listed, and the rest is read all the same.

Tests: tests/e2e/database/test_read_database.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from proxy.database.assembly import Rows, assemble
from proxy.database.connection import Reader, StatementError, reading
from proxy.database.statements import EXISTING, HIDDEN_STATISTICS, SCHEMAS, STATEMENTS
from proxy.schema.names import qualified, quoted
from proxy.schema.snapshot import Database, NotChecked, Part

PARTS: tuple[Part, ...] = get_args(Part)


class NoSchemasError(Exception):
    """Nothing says which schemas PostgREST serves."""


async def read_database(
    uri: str,
    schemas: Sequence[str] | None,
    seen: Sequence[str] = (),
    lock_timeout: int = 500,
    statement_timeout: int = 5000,
) -> Database:
    """The snapshot; timeouts are milliseconds. DatabaseError if nothing can be read, NoSchemasError as it says.

    ``schemas`` are those of the settings, None if not set: then those of ``pgrst.db_schemas``, then ``seen``, the ones
    that traffic named.
    """
    async with reading(uri, lock_timeout, statement_timeout) as reader:
        exposed = tuple(schemas or await _configured(reader) or seen)
        if not exposed:
            raise NoSchemasError(
                "nothing says which schemas PostgREST serves: set catalog.schemas (--set catalog.schemas=public)"
            )
        unknown = await _unknown(reader, exposed)
        if len(unknown) == len(exposed):
            raise NoSchemasError(
                f"the database has no schema {', '.join(unknown)}: correct catalog.schemas, or --db-uri"
            )
        return await _read(reader, exposed, unknown)


async def _unknown(reader: Reader, exposed: Sequence[str]) -> list[str]:
    """Those that the database does not have; none if that cannot be read."""
    try:
        found = {row["name"] for row in await reader.rows(EXISTING, list(exposed))}
    except StatementError:
        return []
    return [name for name in exposed if name not in found]


async def _configured(reader: Reader) -> tuple[str, ...]:
    """The schemas of ``pgrst.db_schemas``."""
    try:
        rows = await reader.rows(SCHEMAS)
    except StatementError:
        return ()
    names = rows[0]["setting"].partition("=")[2].split(",") if rows else []
    return tuple(name.strip() for name in names if name.strip())


async def _read(reader: Reader, exposed: tuple[str, ...], unknown: Sequence[str]) -> Database:
    rows: dict[Part, Rows] = {}
    absent = "the database has no such schema"
    missing = [NotChecked("relations", absent, "Correct catalog.schemas, or --db-uri.", name) for name in unknown]
    roles: list[str] = []
    for part in PARTS:
        statement = STATEMENTS[part]
        possible = {"$1": exposed, "$2": roles}
        try:
            rows[part] = await _part(reader, statement, possible)
        except StatementError as error:
            missing.append(NotChecked(part, error.cause, error.remedy))
        if part == "roles":
            roles = [row["name"] for row in rows.get("roles", ()) if row["api"]]
    missing += await _hidden_statistics(reader, exposed)
    return assemble(exposed, rows, missing)


async def _part(reader: Reader, statement: str, possible: Mapping[str, Any]) -> Rows:
    """Only the arguments that a statement names: Postgres must know the type of each."""
    if "$1" in statement and "$2" in statement:
        return await reader.rows(statement, list(possible["$1"]), list(possible["$2"]))
    if "$2" in statement:
        return await reader.rows(statement.replace("$2", "$1"), list(possible["$2"]))
    return await reader.rows(statement, *([list(possible["$1"])] if "$1" in statement else []))


async def _hidden_statistics(reader: Reader, exposed: Sequence[str]) -> list[NotChecked]:
    try:
        hidden = await reader.rows(HIDDEN_STATISTICS, list(exposed))
    except StatementError as error:
        return [NotChecked("column_stats", error.cause, error.remedy)]
    because = "pg_stats hides the statistics of columns that the role may not read"
    return [NotChecked("column_stats", because, _shown_by(row), f"{row['schema']}.{row['relation']}") for row in hidden]


def _shown_by(row: Mapping[str, Any]) -> str:
    """The statements after which pg_stats shows the statistics of a table."""
    role = quoted(row["role"])
    select = f"GRANT SELECT ON {qualified(row['schema'], row['relation'])} TO {role};"
    bypass = f"ALTER ROLE {role} BYPASSRLS;"
    return " ".join([*([] if row["readable"] else [select]), *([bypass] if row["secured"] else [])])
