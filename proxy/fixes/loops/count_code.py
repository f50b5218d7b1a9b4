"""The counts of many keys in place of a loop of HEAD requests: by an embed of their parent, or by a function.

``rows(count)`` needs no setting: https://postgrest.org/en/v12/references/api/aggregate_functions.html#the-case-of-count

Tests: tests/e2e/fixes/test_printed_fixes.py.
"""

import json

import msgspec

from proxy.analysis.fingerprint import Filter
from proxy.analysis.patterns.varying import Parent, SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import in_schema
from proxy.fixes.clients.filter_code import filter_js, filter_py
from proxy.fixes.clients.function_code import checked_call_js, function_js, function_py, statement_py
from proxy.fixes.clients.identifiers import snake_case
from proxy.fixes.loops.key_code import (
    Keys,
    by_key_js,
    by_key_py,
    chunk_filter_js,
    chunk_filter_py,
    chunk_size,
    keys_of,
)
from proxy.fixes.sql.batch import counts_sql, grouped_counts_sql, takes_keys


def count_fix(calls: SimilarCalls, name: str, parent: Parent | None) -> Fix:
    """The counts by key, by a function ``name``."""
    plain = len(calls.keys) == 1 and takes_keys(calls.keys) and not calls.parsed.rest
    if parent is not None and plain:
        return Fix(grouped_counts_sql(calls), _embed_js(calls, name, parent), _embed_py(calls, name, parent))
    if calls.parsed.rest or not takes_keys(calls.parsed.filters):
        return Fix(reason="No fix: the filters of the counts do not fit into one object per key of a function.")
    return Fix(counts_sql(calls, snake_case(name)), _function_js(calls, name), _function_py(calls, name))


def _embed(calls: SimilarCalls, parent: Parent) -> str:
    """The foreign key is named by its column, so that no other one is taken."""
    return f"{parent.column},{calls.parsed.relation}!{calls.keys[0].column}(count)"


def _of_parent(calls: SimilarCalls, keys: Keys, parent: Parent) -> tuple[Keys, list[tuple[Filter, str]]]:
    """The keys as the column of the parent, and the other filters as those of the embed, with their values."""
    embed = calls.parsed.relation
    read = keys.read
    filters = [
        (msgspec.structs.replace(f, column=f"{embed}.{f.column}"), read.filters.get(f.index, ""))
        for f in read.parsed.filters
    ]
    return msgspec.structs.replace(keys, columns=(parent.column,)), filters


def _embed_js(calls: SimilarCalls, name: str, parent: Parent) -> str:
    keys, filters = _of_parent(calls, keys_of(calls, camel=True), parent)
    chain = [
        f"{in_schema(calls.parsed)}.from({json.dumps(parent.relation)})",
        f'.select({json.dumps(_embed(calls, parent))}, {{ count: "exact" }})',
        chunk_filter_js(keys, "chunk"),
        *(f".{filter_js(condition, value)}" for condition, value in filters),
    ]
    call = checked_call_js(chain, "data, count")
    counts = f"row[{json.dumps(calls.parsed.relation)}]"
    counts = counts if parent.many else f"[{counts}].flat()"
    key = f"text(row[{json.dumps(parent.column)}])"
    store = f"byKey.set(known.get({key}) ?? chunk[0], {counts}[0].count);"
    body = by_key_js(keys, chunk_size(calls), call, f"!known.has({key})", [f"for (const row of data) {store}"])
    return function_js(name, [keys.argument, *keys.read.arguments], body)


def _embed_py(calls: SimilarCalls, name: str, parent: Parent) -> str:
    keys, filters = _of_parent(calls, keys_of(calls, camel=False), parent)
    chain = [
        f"supabase{in_schema(calls.parsed)}.table({json.dumps(parent.relation)})",
        f'.select({json.dumps(_embed(calls, parent))}, count="exact")',
        chunk_filter_py(keys, "chunk"),
        *(f".{filter_py(condition, value)}" for condition, value in filters),
        ".execute()",
    ]
    call = statement_py("answer =", chain)
    key = f"text(row[{json.dumps(parent.column)}])"
    counts = f"row[{json.dumps(calls.parsed.relation)}]"
    either = [] if parent.many else [f"    if isinstance({counts}, dict):", f"        {counts} = [{counts}]"]
    member = f'    by_key[known.get({key}, chunk[0])] = {counts}[0]["count"]'
    store = ["for row in answer.data:", *either, member]
    body = by_key_py(keys, chunk_size(calls), call, f"{key} not in known", store)
    return function_py(snake_case(name), [keys.argument, *keys.read.arguments], body)


def _given(calls: SimilarCalls, keys: Keys) -> str:
    """The members of the objects that the function takes."""
    others = [(f.column, keys.read.filters[f.index]) for f in keys.read.parsed.filters if f.index in keys.read.filters]
    return ", ".join(
        f"{json.dumps(column)}: {name}" for column, name in [*zip(keys.columns, keys.parts, strict=True), *others]
    )


def _function_js(calls: SimilarCalls, name: str) -> str:
    keys = keys_of(calls, camel=True)
    one = keys.parts[0] if len(keys.parts) == 1 else f"[{', '.join(keys.parts)}]"
    key = f"{keys.argument}[at]"
    key = key if len(keys.columns) == 1 else f"JSON.stringify({key})"
    call = checked_call_js([f'{in_schema(calls.parsed)}.rpc("{snake_case(name)}", {{ keys: given }})'])
    body = [
        f"const given = {keys.argument}.map(({one}) => ({{ {_given(calls, keys)} }}));",
        *call,
        f"return new Map(data.map((row, at) => [{key}, row.count]));",
    ]
    return function_js(name, [keys.argument, *keys.read.arguments], body)


def _function_py(calls: SimilarCalls, name: str) -> str:
    keys = keys_of(calls, camel=False)
    source = f'supabase{in_schema(calls.parsed)}.rpc("{snake_case(name)}", {{"keys": given}})'
    body = [
        f"given = [{{{_given(calls, keys)}}} for {', '.join(keys.parts)} in {keys.argument}]",
        *statement_py("rows =", [source, ".execute()", ".data"]),
        f'return {{key: row["count"] for key, row in zip({keys.argument}, rows)}}',
    ]
    return function_py(snake_case(name), [keys.argument, *keys.read.arguments], body)
