"""A read of many patterns (``email=ilike.…``): by a function in the database, which says whose rows are whose.

No client can tell this from the rows: whether a text matches depends on its collation.

Tests: tests/e2e/fixes/test_printed_lookups.py.
"""

import json

from proxy.analysis.fingerprint import Filter
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import in_schema, name_values
from proxy.fixes.clients.function_code import checked_call_js, function_js, function_py, statement_py
from proxy.fixes.clients.identifiers import camel_case, free_name, snake_case
from proxy.fixes.loops.key_code import CODE_NAMES
from proxy.fixes.sql.batch import function_sql, takes_keys
from proxy.fixes.sql.clauses import columns_sql, condition_sql, order_sql, table_sql, where_sql
from proxy.postgrest.names import quoted_identifier
from proxy.postgrest.singular import plural

_PATTERNS = ("like", "ilike", "match", "imatch")


def pattern_fix(calls: SimilarCalls, name: str, many: bool) -> Fix | None:
    """The read of all patterns; None if a part of the query does not fit into the function."""
    key = _pattern(calls)
    if key is None or not columns_sql(calls.parsed.select):
        return None
    others = tuple(f for f in calls.parsed.filters if f is not key)
    if any(param != "limit=?" for param in calls.parsed.rest) or not takes_keys(others):
        return None
    if any(f.column == key.column for f in others):
        return None
    return Fix(_sql(calls, key, snake_case(name)), _js(calls, key, name, many), _py(calls, key, name, many))


def _pattern(calls: SimilarCalls) -> Filter | None:
    """The filter whose values vary, if it is a pattern for a plain column."""
    for one in calls.parsed.filters:
        if f"{one.column}={one.operator}" == calls.others[0] and one.operator in _PATTERNS:
            return one if one.column.replace("_", "a").isalnum() else None
    return None


def _sql(calls: SimilarCalls, key: Filter, name: str) -> str:
    """The function: an array with an object per pattern, whose ``rows`` are those of its call."""
    parsed, value = calls.parsed, f"(one.key ->> '{key.column}')"
    conditions = [
        condition_sql(f, value if f is key else f"given.{quoted_identifier(f.column)}", "t") for f in parsed.filters
    ]
    inner = [
        f"select {columns_sql(parsed.select)}",
        f"from {table_sql(parsed)} as t",
        *where_sql(conditions),
        *(["order by " + ", ".join(f"t.{order_sql(item)}" for item in parsed.order)] if parsed.order else []),
        *([f"limit {calls.limit}"] if calls.limit is not None else []),
    ]
    lines = [
        "select coalesce(jsonb_agg(jsonb_build_object(",
        f"  '{key.column}', {value},",
        "  'rows', (select coalesce(jsonb_agg(_found), '[]') from (",
        *(f"    {line}" for line in inner),
        "  ) as _found)",
        ")), '[]')",
        "from jsonb_array_elements(keys) as one(key)",
        f"cross join lateral jsonb_populate_record(null::{table_sql(parsed)}, one.key - '{key.column}') as given",
    ]
    schema = f"{quoted_identifier(parsed.schema)}." if parsed.schema else ""
    return function_sql(f"{schema}{quoted_identifier(name)}(keys jsonb) returns jsonb", lines)


def _members(calls: SimilarCalls, key: Filter, part: str, filters: dict[int, str]) -> str:
    """The members of the objects that the function takes."""
    given = [(f.column, part if f is key else filters[f.index]) for f in calls.parsed.filters if f.index in filters]
    return ", ".join(f"{json.dumps(column)}: {variable}" for column, variable in given)


def _js(calls: SimilarCalls, key: Filter, name: str, many: bool) -> str:
    used = {*CODE_NAMES, "given"}
    argument = free_name(plural(camel_case(key.column)) or "values", used)
    part = free_name(camel_case(key.column) or "value", used)
    read = name_values(calls.parsed, camel=True, used=used)
    others = [read.filters[f.index] for f in calls.parsed.filters if f is not key and f.index in read.filters]
    call = checked_call_js([f'{in_schema(calls.parsed)}.rpc("{snake_case(name)}", {{ keys: given }})'])
    rows = "rows" if many else "rows[0]"
    body = [
        f"const given = [...new Set({argument})].map(({part}) => ({{ {_members(calls, key, part, read.filters)} }}));",
        *call,
        "const found = data.filter(({ rows }) => rows.length);",
        f"return new Map(found.map(({{ rows, {json.dumps(key.column)}: key }}) => [key, {rows}]));",
    ]
    return function_js(name, [argument, *others], body)


def _py(calls: SimilarCalls, key: Filter, name: str, many: bool) -> str:
    used = {*CODE_NAMES, "given"}
    argument = free_name(plural(snake_case(key.column)) or "values", used)
    part = free_name(snake_case(key.column) or "value", used)
    read = name_values(calls.parsed, camel=False, used=used)
    others = [read.filters[f.index] for f in calls.parsed.filters if f is not key and f.index in read.filters]
    source = f'supabase{in_schema(calls.parsed)}.rpc("{snake_case(name)}", {{"keys": given}})'
    rows = '["rows"]' if many else '["rows"][0]'
    body = [
        f"given = [{{{_members(calls, key, part, read.filters)}}} for {part} in dict.fromkeys({argument})]",
        *statement_py("found =", [source, ".execute()", ".data"]),
        f'return {{one[{json.dumps(key.column)}]: one{rows} for one in found if one["rows"]}}',
    ]
    return function_py(snake_case(name), [argument, *others], body)
