"""A read of many keys whose rows stay one list: in chunks, or by a function in the database that takes all keys."""

import json
import re

from msgspec.structs import replace

from proxy.analysis.fingerprint import Filter, ParsedFingerprint
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import (
    ORDER_ALIAS,
    ClientRead,
    client_reason,
    has_column,
    has_star,
    in_schema,
    js_chain,
    js_conditions,
    js_select,
    name_values,
    py_chain,
    py_conditions,
    py_select,
    select_items,
    unsupported_params,
)
from proxy.fixes.clients.filter_code import quoted_name, quoting_js, quoting_py
from proxy.fixes.clients.function_code import checked_call_js, function_js, function_py, indent, statement_py
from proxy.fixes.clients.identifiers import free_name, snake_case
from proxy.fixes.loops.batch_code import batch_name
from proxy.fixes.loops.key_code import (
    HALVES_JS,
    HALVES_PY,
    Keys,
    chunk_filter_js,
    chunk_filter_py,
    chunk_size,
    chunks_js,
    chunks_py,
    keys_of,
)
from proxy.fixes.sql.batch import batch_sql, by_keys_sql
from proxy.fixes.sql.clauses import sql_reason
from proxy.postgrest.request.select_list import SelectItem

_LOGIC = ("or=", "and=", "not.or=", "not.and=")


def chunk_fix(calls: SimilarCalls) -> Fix:
    """The read of ``calls.keys[0]``, an ``in`` filter. One function in the database if the rows of all keys belong
    together: by an order, a limit, or an aggregate.
    """
    parsed = calls.parsed
    reason = client_reason(unsupported_params(parsed))
    if reason:
        return Fix(reason=reason)
    items = select_items(parsed.select) or ()
    together = parsed.order or any(param in ("limit=?", "offset=?") for param in parsed.rest)
    aggregates = any(isinstance(item, SelectItem) and item.aggregate for item in items)
    if together or aggregates:
        if not calls.keys[0].column.replace("_", "a").isalnum():
            return Fix(reason="No fix: the list is of a path into JSON, and its rows are ordered or limited together.")
        if not has_star(parsed.select) and any(param.startswith(_LOGIC) for param in parsed.rest):
            return Fix(
                reason="No fix: PostgREST filters the rows of a function by a logic tree of selected columns only."
            )
        if aggregates and (parsed.order or len(parsed.filters) > 1):
            return Fix(
                reason="No fix: PostgREST filters the rows of a function by selected columns, not by aggregates."
            )
        return Fix(by_keys_sql(calls, function_name(calls)), _function_js(calls), _function_py(calls))
    rest = [condition for condition in parsed.filters if condition not in calls.keys]
    no_sql = sql_reason(parsed, rest)
    sql = "" if no_sql else batch_sql(calls, _flat(calls, camel=False))
    return Fix(sql, _chunks_js(calls), _chunks_py(calls), no_sql)


def list_name(calls: SimilarCalls) -> str:
    """The name of the function in the application."""
    return batch_name(calls.parsed.relation, calls.keys[0].column)


def function_name(calls: SimilarCalls) -> str:
    """The name of the function in the database."""
    return snake_case(list_name(calls))


def list_calls(parsed: ParsedFingerprint, key: Filter, kind: str) -> SimilarCalls:
    """A read with a list, as if its values were the keys of a loop."""
    return SimilarCalls(parsed, (key,), (kind,), (), (), (), -1, None, False, "")


def _flat(calls: SimilarCalls, camel: bool) -> Keys:
    """The keys; the rows need not have them."""
    keys = keys_of(calls, camel)
    return Keys(_rest(calls, camel), keys.argument, keys.parts, keys.columns, keys.aliases, (), keys.plain)


def _rest(calls: SimilarCalls, camel: bool) -> ClientRead:
    rest = tuple(condition for condition in calls.parsed.filters if condition not in calls.keys)
    used = [keys_of(calls, camel).argument, *keys_of(calls, camel).parts, "at", "chunk", "keys", "unique", "half"]
    return name_values(replace(calls.parsed, filters=rest), camel, bounds=True, used=used)


def _chunks_js(calls: SimilarCalls) -> str:
    keys = _flat(calls, camel=True)
    source, select, *rest = js_chain(keys.read, count="exact")
    chain = [source, select, chunk_filter_js(keys, "chunk"), *rest]
    call = checked_call_js(chain, "data, count")
    body = [
        *quoting_js(call),
        "const rows = [], chunks = [];",
        *chunks_js(keys, chunk_size(calls)),
        "for (const chunk of chunks) {",
        *indent([*call, *HALVES_JS, "rows.push(...data);"], 2),
        "}",
        "return rows;",
    ]
    return function_js(list_name(calls), [keys.argument, *keys.read.arguments], body)


def _chunks_py(calls: SimilarCalls) -> str:
    keys = _flat(calls, camel=False)
    source, select, *rest = py_chain(keys.read, count="exact")
    call = statement_py("answer =", [source, select, chunk_filter_py(keys, "chunk"), *rest, ".execute()"])
    body = [
        *quoting_py(call),
        "rows = []",
        *chunks_py(keys, chunk_size(calls)),
        "for chunk in chunks:",
        *indent([*call, *HALVES_PY, "rows += answer.data"], 4),
        "return rows",
    ]
    return function_py(function_name(calls), [keys.argument, *keys.read.arguments], body)


def _with_conditions(parsed: ParsedFingerprint) -> tuple[ParsedFingerprint, list[str]]:
    """The read with the columns that it filters and orders by, and their names in the rows.

    PostgREST filters and orders the rows of a function by selected columns only.
    """
    taken, added = set(parsed.select.replace(":", ",").split(",")), dict[str, str]()
    for name in (*(f.column for f in parsed.filters), *(item.column for item in parsed.order)):
        column = re.split("->", name)[0]
        if "(" not in column and column not in added.values() and not has_column(parsed.select, column):
            added[free_name(ORDER_ALIAS, taken, ())] = column
    select = ",".join([*(f"{alias}:{quoted_name(column)}" for alias, column in added.items()), parsed.select])
    return replace(parsed, select=select), list(added)


def _function_js(calls: SimilarCalls) -> str:
    keys = _flat(calls, camel=True)
    parsed, added = _with_conditions(keys.read.parsed)
    part = keys.parts[0]
    source = f'{in_schema(parsed)}.rpc("{function_name(calls)}", {{ keys }})'
    call = checked_call_js([source, js_select(parsed), *js_conditions(keys.read)])
    own = f".map(({{ {', '.join(added)}, ...row }}) => row)" if added else ""
    member = f"const keys = {keys.argument}.map(({part}) => ({{ {json.dumps(keys.columns[0])}: {part} }}));"
    return function_js(
        list_name(calls),
        [keys.argument, *keys.read.arguments],
        [*quoting_js(call), member, *call, f"return data{own};"],
    )


def _function_py(calls: SimilarCalls) -> str:
    keys = _flat(calls, camel=False)
    parsed, added = _with_conditions(keys.read.parsed)
    part = keys.parts[0]
    source = f'supabase{in_schema(parsed)}.rpc("{function_name(calls)}", {{"keys": keys}})'
    chain = [source, py_select(parsed), *py_conditions(keys.read), ".execute()", ".data"]
    call = statement_py("rows =" if added else "return", chain)
    if added:
        call += [
            f"added = {{{', '.join(map(json.dumps, added))}}}",
            "return [{name: row[name] for name in row if name not in added} for row in rows]",
        ]
    member = f"keys = [{{{json.dumps(keys.columns[0])}: {part}}} for {part} in {keys.argument}]"
    return function_py(function_name(calls), [keys.argument, *keys.read.arguments], [*quoting_py(call), member, *call])
