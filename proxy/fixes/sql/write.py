"""SQL that writes many rows in one statement. fanin does not read bodies: one placeholder column stands for all."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import Filter, ParsedFingerprint, conflict_columns
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.fixes.sql.clauses import conditions_sql, finish_statement, key_sql, records_sql, table_sql, where_sql
from proxy.postgrest.names import quoted_identifier

COLUMN = "changed_column"
"""Placeholder for each column in the body of a write."""
OTHER_COLUMNS = "-- and the other columns of the body"


def batch_write_sql(calls: SimilarCalls) -> str:
    """One ``update`` or ``delete`` for all keys, ``$1``; ``$2`` is the new value of an update."""
    rest = tuple(condition for condition in calls.parsed.filters if condition not in calls.keys)
    return _write(calls.parsed, [key_sql(calls.keys, calls.parsed)], rest, 1)


def row_write_sql(parsed: ParsedFingerprint) -> str:
    """The update or delete unchanged; ``$1`` is the new value of an update."""
    return _write(parsed, [], parsed.filters, 0)


def _write(parsed: ParsedFingerprint, conditions: list[str], rest: tuple[Filter, ...], values: int) -> str:
    """Placeholders: ``conditions`` use the first ``values``; the new value and then the filters ``rest`` follow."""
    table, updates = table_sql(parsed), parsed.method == "PATCH"
    lines = (
        [f"update {table}", f"set {COLUMN} = ${values + 1} {OTHER_COLUMNS}"] if updates else ["delete", f"from {table}"]
    )
    others, _ = conditions_sql(rest, values + updates)
    return finish_statement([*lines, *where_sql([*conditions, *others])])


def update_each_sql(calls: SimilarCalls) -> str:
    """One ``update`` that sets different values per row, from a JSON array of objects, ``$1``."""
    parsed, table = calls.parsed, table_sql(calls.parsed)
    same = [f"{table}.{quoted_identifier(key.column)} = given.{quoted_identifier(key.column)}" for key in calls.keys]
    rest = tuple(condition for condition in parsed.filters if condition not in calls.keys)
    others, _ = conditions_sql(rest, 1, table)
    lines = (
        f"update {table}",
        f"set {COLUMN} = given.{COLUMN} {OTHER_COLUMNS}",
        f"from {records_sql(parsed, '$1::jsonb')} as given",
        *where_sql([*same, *others]),
    )
    return finish_statement(lines)


def rows_sql(parsed: ParsedFingerprint, preferences: str, primary_key: Sequence[str] = ()) -> str:
    """One ``insert`` of all rows, from a JSON array of objects, ``$1``; an upsert without ``on_conflict`` needs the
    ``primary_key``, by which PostgREST then looks for conflicts.
    """
    table = table_sql(parsed)
    conflict = [name.strip() for name in conflict_columns(parsed).split(",") if name] or primary_key
    ignores = "resolution=ignore-duplicates" in preferences
    keys = [quoted_identifier(name) for name in conflict]
    columns = ", ".join([*keys, COLUMN])
    lines = [
        f"insert into {table} ({columns}) {OTHER_COLUMNS}",
        f"select {columns}",
        f"from {records_sql(parsed, '$1::jsonb')}",
    ]
    if keys:
        does = "do nothing" if ignores else f"do update set {COLUMN} = excluded.{COLUMN}"
        lines += [f"on conflict ({', '.join(keys)})", does]
    return "\n".join(lines) + ";"
