"""Writes of many rows in one statement. Bodies are not read: a column stands for all that they set."""

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, by_key, conflict_of, is_about_body
from proxy.fixes.sql.clauses import conditions_sql, key_sql, statement, table_sql, unsaid, where_sql
from proxy.postgrest.names import quoted_identifier

COLUMN = "changed_column"
"""Stands for each column that the body of a write has."""
ALL = "-- and whatever else the body has"


def batch_write_sql(shown: ParsedFingerprint, key: str, kind: str) -> str:
    """One ``update`` or ``delete`` for an array of keys, ``$1``; ``$2`` is what an update sets."""
    one = by_key(shown, key)
    rest = tuple(condition for condition in shown.filters if condition is not one)
    return _write(shown, [key_sql(key, kind)], rest, 1)


def row_write_sql(shown: ParsedFingerprint) -> str:
    """The write as it is; ``$1`` is what an update sets."""
    return rows_sql(shown, conflict_of(shown)) if shown.method == "POST" else _write(shown, [], shown.filters, 0)


def _write(shown: ParsedFingerprint, conditions: list[str], rest: tuple[Filter, ...], values: int) -> str:
    """``values`` are those that ``conditions`` have; then comes what is set, then those of the ``rest``."""
    table, updates = table_sql(shown), shown.method == "PATCH"
    lines = [f"update {table}", f"set {COLUMN} = ${values + 1} {ALL}"] if updates else ["delete", f"from {table}"]
    others, _ = conditions_sql(rest, values + updates)
    notes = [text for text in unsaid(shown, rest) if not is_about_body(text)]
    return statement([*lines, *where_sql([*conditions, *others], notes)])


def each_its_own_sql(shown: ParsedFingerprint, key: str) -> str:
    """One ``update`` that gives each row its own values, from a JSON array of objects, ``$1``."""
    table, name = table_sql(shown), quoted_identifier(key)
    lines = (
        f"update {table}",
        f"set {COLUMN} = given.{COLUMN} {ALL}",
        f"from jsonb_populate_recordset(null::{table}, $1::jsonb) as given",
        f"where {table}.{name} = given.{name};",
    )
    return "\n".join(lines)


def rows_sql(shown: ParsedFingerprint, conflict: str) -> str:
    """One ``insert`` of all rows, from a JSON array of objects, ``$1``; on ``conflict``, if any, an update."""
    table = table_sql(shown)
    keys = [quoted_identifier(name.strip()) for name in conflict.split(",")] if conflict else []
    columns = ", ".join([*keys, COLUMN])
    lines = [
        f"insert into {table} ({columns}) {ALL}",
        f"select {columns}",
        f"from jsonb_populate_recordset(null::{table}, $1::jsonb)",
    ]
    if keys:
        lines += [f"on conflict ({', '.join(keys)})", f"do update set {COLUMN} = excluded.{COLUMN}"]
    return "\n".join(lines) + ";"
