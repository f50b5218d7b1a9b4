"""The SQL of a read of many keys: one statement, or a function that returns the first rows of each key.

The keys of a function are a JSON array of objects, so that their columns have the types of the relation.
"""

from collections.abc import Collection

from msgspec.structs import replace

from proxy.analysis.fingerprint import Filter
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.fixes.loops.key_code import Keys
from proxy.fixes.sql.clauses import (
    columns_sql,
    condition_sql,
    conditions_sql,
    finish_statement,
    key_sql,
    order_sql,
    records_sql,
    select_sql,
    table_sql,
    where_sql,
)
from proxy.postgrest.names import quoted_identifier


def batch_sql(calls: SimilarCalls, keys: Keys) -> str:
    """``select … where key = ANY($1)``; other values are ``$2``, ``$3``, … in the order of the query."""
    parsed = calls.parsed
    rest = [condition for condition in parsed.filters if condition not in calls.keys]
    others, _ = conditions_sql(rest, 1)
    added = {alias: column for alias, column in zip(keys.aliases, keys.columns, strict=True) if alias in keys.added}
    columns = columns_sql(parsed.select, added)
    return finish_statement(select_sql(parsed, columns, [key_sql(calls.keys, parsed), *others], parsed.order))


def function_name(calls: SimilarCalls, name: str) -> str:
    """The function in the schema of the relation."""
    return table_sql(replace(calls.parsed, relation=name))


def first_rows_sql(calls: SimilarCalls, name: str) -> str:
    """``create function name(keys jsonb)``, which returns at most ``calls.limit`` rows for each of the keys."""
    parsed = calls.parsed
    of_relation = [
        condition_sql(condition, f"given.{quoted_identifier(condition.column)}", "t") for condition in parsed.filters
    ]
    inner = [f"select * from {table_sql(parsed)} as t", *where_sql(of_relation)]  # noqa: S608 – read, not run
    if parsed.order:
        inner.append("order by " + ", ".join(map(order_sql, parsed.order)))
    lines = [
        "select per_key.*",
        f"from {records_sql(parsed, 'keys')} as given",
        "cross join lateral (",
        *(f"  {line}" for line in (*inner, f"limit {calls.limit}")),
        ") as per_key",
    ]
    return function_sql(f"{function_name(calls, name)}(keys jsonb) returns setof {table_sql(parsed)}", lines)


def by_keys_sql(calls: SimilarCalls, name: str) -> str:
    """``create function name(keys jsonb)``, which returns all rows of the keys."""
    parsed, columns = calls.parsed, ", ".join(quoted_identifier(key.column) for key in calls.keys)
    lines = [
        f"select * from {table_sql(parsed)}",  # noqa: S608 – read, not run
        f"where ({columns}) in (select {columns} from {records_sql(parsed, 'keys')});",  # noqa: S608 – read, not run
    ]
    return function_sql(f"{function_name(calls, name)}(keys jsonb) returns setof {table_sql(parsed)}", lines)


def counts_sql(calls: SimilarCalls, name: str) -> str:
    """``create function name(keys jsonb)``, which returns each of the keys with its number of rows."""
    parsed = calls.parsed
    compared = [condition_sql(c, f"given.{quoted_identifier(c.column)}", "t") for c in parsed.filters]
    columns = [key.column for key in calls.keys]
    lines = [
        "select coalesce(jsonb_agg(jsonb_build_object(",
        *(f"  '{column}', given.{quoted_identifier(column)}," for column in columns),
        f"  'count', (select count(*) from {table_sql(parsed)} as t",  # noqa: S608 – read, not run
        *(f"    {line}" for line in where_sql(compared)),
        "  ))), '[]')",
        f"from {records_sql(parsed, 'keys')} as given",
    ]
    return function_sql(f"{function_name(calls, name)}(keys jsonb) returns jsonb", lines)


def grouped_counts_sql(calls: SimilarCalls) -> str:
    """The keys that have rows, each with their number; ``$1`` is an array of keys, the other values follow."""
    parsed, key = calls.parsed, quoted_identifier(calls.keys[0].column)
    others, _ = conditions_sql([f for f in parsed.filters if f not in calls.keys], 1)
    lines = select_sql(parsed, f"{key}, count(*)", [key_sql(calls.keys, parsed), *others])
    return finish_statement([*lines, f"group by {key}"])


def takes_keys(filters: tuple[Filter, ...], embeds: Collection[str] = ()) -> bool:
    """Whether the values of all filters fit into one object per key: plain columns, each once, one value each.

    Those that are about whole ``embeds`` do not.
    """
    if any(f.column in embeds for f in filters):
        return False
    columns = [f.column for f in filters if not f.operator.removeprefix("not.").startswith("is.")]
    plain = all(name.replace("_", "a").isalnum() for name in columns) and len(set(columns)) == len(columns)
    listed = any(f.operator.removeprefix("not.") == "in" for f in filters)
    return plain and not listed and all(condition_sql(f, "x") for f in filters)


def function_sql(head: str, lines: list[str]) -> str:
    """A stable SQL function; its body is quoted by a mark that is not in it."""
    body, mark = "\n".join(f"  {line}" for line in lines), "$$"
    while mark in body:  # a relation's name may contain any character
        mark = f"${'x' * len(mark)}$"
    return f"create function {head}\nlanguage sql stable as {mark}\n{body}\n{mark};"
