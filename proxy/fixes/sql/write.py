"""SQL that writes many rows in one statement. fanin does not read bodies: one placeholder column stands for all."""

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, conflict_columns, describes_body, key_filter
from proxy.fixes.sql.clauses import (
    conditions_sql,
    finish_statement,
    key_sql,
    table_sql,
    unsupported_conditions,
    where_sql,
)
from proxy.postgrest.names import quoted_identifier

COLUMN = "changed_column"
"""Placeholder for each column in the body of a write."""
OTHER_COLUMNS = "-- and the other columns of the body"


def batch_write_sql(parsed: ParsedFingerprint, key: str, kind: str) -> str:
    """One ``update`` or ``delete`` for an array of keys, ``$1``; ``$2`` is the new value of an update."""
    key_condition = key_filter(parsed, key)
    rest = tuple(condition for condition in parsed.filters if condition is not key_condition)
    return _write(parsed, [key_sql(key, kind)], rest, 1)


def row_write_sql(parsed: ParsedFingerprint) -> str:
    """The write unchanged; ``$1`` is the new value of an update."""
    return (
        rows_sql(parsed, conflict_columns(parsed)) if parsed.method == "POST" else _write(parsed, [], parsed.filters, 0)
    )


def _write(parsed: ParsedFingerprint, conditions: list[str], rest: tuple[Filter, ...], values: int) -> str:
    """Placeholders: ``conditions`` use the first ``values``; the new value and then the filters ``rest`` follow."""
    table, updates = table_sql(parsed), parsed.method == "PATCH"
    lines = (
        [f"update {table}", f"set {COLUMN} = ${values + 1} {OTHER_COLUMNS}"] if updates else ["delete", f"from {table}"]
    )
    others, _ = conditions_sql(rest, values + updates)
    notes = [text for text in unsupported_conditions(parsed, rest) if not describes_body(text)]
    return finish_statement([*lines, *where_sql([*conditions, *others], notes)])


def update_each_sql(parsed: ParsedFingerprint, key: str) -> str:
    """One ``update`` that sets different values per row, from a JSON array of objects, ``$1``."""
    table, name = table_sql(parsed), quoted_identifier(key)
    lines = (
        f"update {table}",
        f"set {COLUMN} = given.{COLUMN} {OTHER_COLUMNS}",
        f"from jsonb_populate_recordset(null::{table}, $1::jsonb) as given",
        f"where {table}.{name} = given.{name};",
    )
    return "\n".join(lines)


def rows_sql(parsed: ParsedFingerprint, conflict: str) -> str:
    """One ``insert`` of all rows, from a JSON array of objects, ``$1``; with ``conflict`` columns, an upsert."""
    table = table_sql(parsed)
    keys = [quoted_identifier(name.strip()) for name in conflict.split(",")] if conflict else []
    columns = ", ".join([*keys, COLUMN])
    lines = [
        f"insert into {table} ({columns}) {OTHER_COLUMNS}",
        f"select {columns}",
        f"from jsonb_populate_recordset(null::{table}, $1::jsonb)",
    ]
    if keys:
        lines += [f"on conflict ({', '.join(keys)})", f"do update set {COLUMN} = excluded.{COLUMN}"]
    return "\n".join(lines) + ";"
