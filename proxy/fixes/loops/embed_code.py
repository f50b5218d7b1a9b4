"""The rows of many keys as an embed of the rows that the keys come from: a limit and an order hold for each of them.

https://postgrest.org/en/v12/references/api/resource_embedding.html

Tests: tests/e2e/fixes/test_printed_embeds.py.
"""

import json
from collections.abc import Iterator

from msgspec.structs import replace

from proxy.analysis.patterns.varying import Parent, SimilarCalls
from proxy.analysis.values.joins import Join
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import in_schema
from proxy.fixes.clients.filter_code import (
    filter_js,
    filter_py,
    order_js,
    order_py,
    param_js,
    param_py,
)
from proxy.fixes.clients.function_code import function_js, function_py, indent, statement_js, statement_py
from proxy.fixes.clients.identifiers import snake_case
from proxy.fixes.clients.memoized import memoized
from proxy.fixes.loops.batch_code import OWN_LIMIT, batch_expectation, batch_fix, name_of
from proxy.fixes.loops.batch_reasons import batch_reason
from proxy.fixes.loops.key_code import (
    Keys,
    by_key_js,
    by_key_py,
    chunk_filter_js,
    chunk_filter_py,
    chunk_size,
    keys_of,
)
from proxy.fixes.loops.to_one_code import is_to_one, to_one_js, to_one_name, to_one_py
from proxy.text.counted import counted


@memoized
def loop_fix(calls: SimilarCalls, many: bool, parent: Parent | None, join: Join | None) -> Fix:
    """The fix of a loop of reads: an embed if the keys come from rows that a foreign key joins, else a batch read."""
    if join is None:
        return batch_fix(calls, many, parent)
    if calls.parsed.method == "HEAD":
        return batch_fix(calls, many, join.parent)
    batch = batch_fix(calls, many)
    if is_to_one(calls, join) and not batch_reason(calls):
        return Fix(batch.sql, to_one_js(calls, join), to_one_py(calls, join), batch.reason)
    if not is_embedded(calls, join):
        return batch
    many = many and calls.limit != 1
    no_sql = "No SQL: each key has its own limit." if batch.reason == OWN_LIMIT else batch.reason
    return Fix(batch.sql, _embed_js(calls, many, join), _embed_py(calls, many, join), no_sql)


def is_embedded(calls: SimilarCalls, join: Join | None) -> bool:
    """Whether the code for the loop is an embed."""
    ordered = all("(" not in item.column for item in calls.parsed.order)
    return join is not None and join.owned and ordered and calls.parsed.method == "GET" and not batch_reason(calls)


def embed_risk(calls: SimilarCalls, join: Join | None, parent: Parent | None = None) -> str:
    """What an embed leaves out, or needs; empty if the code is none."""
    if calls.parsed.method == "HEAD":
        parent = join.parent if join is not None else parent
    if parent is not None and parent.declared and not batch_reason(calls):
        return f" The counts are of rows of {parent.relation} that the caller may read."
    if parent is not None and join is None and not batch_reason(calls):
        return (
            f" The counts by embed need a foreign key from {calls.parsed.relation}.{calls.keys[0].column} to"
            f" {parent.relation}, which fanin does not see; without one, PostgREST answers PGRST200."
        )
    if join is None or not (is_embedded(calls, join) or is_to_one(calls, join)):
        return ""
    if not join.owned:
        return f" A row of {join.relation} whose row of {calls.parsed.relation} the caller may not read has null."
    return f" The embed has only rows whose row of {join.relation} the caller may read."


def loop_expectation(calls: SimilarCalls, join: Join | None, fix: Fix, requests: int, different: int) -> str:
    """The cost after the fix of a loop of reads, for ``requests`` with ``different`` keys."""
    if join is None or not fix.supabase_js or not is_to_one(calls, join):
        return batch_expectation(calls, fix, requests, different)
    return (
        f"{to_one_name(calls, join)}(…) in place of the read of {join.relation}: {requests} requests become none, and"
        " each row has its row of the loop."
    )


def ways(calls: SimilarCalls, join: Join | None, different: int, rows: str) -> Iterator[str]:
    """Lines of evidence: the ways to read what the loop reads, and what each costs, the embed first.

    ``different``: the number of keys; ``rows``: how many rows the loop got, as text.
    """
    if join is None or calls.parsed.method != "GET" or batch_reason(calls):
        return
    embed, relation = f"{join.embed}({calls.parsed.select})", join.relation
    if calls.limit is not None or calls.parsed.order or len(calls.parsed.filters) > 1:
        embed += f", with the filters, the order and the limit as those of {calls.parsed.relation}"
    yield f"the foreign key {join.foreign_key} joins the rows to those of {relation} that were read before"
    yield f"as a part of that read of {relation} ({join.first.select}) it costs no call, and {rows} more: add {embed}"
    chunks = counted(-(-different // chunk_size(calls)), "call")
    yield (
        f"a batch read ({calls.keys[0].column}=in.(…)) costs {chunks}, 1 per {chunk_size(calls)} keys, and {rows}; a"
        f" function in the database 1 call, {rows} and a migration"
    )


def _embed(calls: SimilarCalls, join: Join) -> str:
    return json.dumps(f"{join.column},{join.embed}({calls.parsed.select})")


def _embed_js(calls: SimilarCalls, many: bool, join: Join) -> str:
    keys, name = replace(keys_of(calls, camel=True), columns=(join.column,)), calls.parsed.relation
    chain = [
        f"{in_schema(calls.parsed)}.from({json.dumps(join.relation)})",
        f'.select({_embed(calls, join)}, {{ count: "exact" }})',
        chunk_filter_js(keys, "chunk"),
        *(f".{call}" for call in _conditions_js(calls, keys)),
    ]
    call = statement_js("const { data, count, error } = await supabase", chain)
    rows = f"row[{json.dumps(name)}]"
    if join.single is None:  # an array, or one object or null
        rows = f"[{rows} ?? []].flat()"
    found, value = (rows, f"[{rows}]" if many else rows) if join.single else (f"{rows}.length", rows)
    value = value if many or join.single else f"{rows}[0]"
    key = f"text(row[{json.dumps(join.column)}])"
    store = f"for (const row of data) if ({found}) byKey.set(known.get({key}) ?? chunk[0], {value});"
    call.append("if (error) throw error;")
    body = by_key_js(keys, chunk_size(calls), call, f"!known.has({key})", [store])
    return function_js(name_of(calls), [keys.argument, *keys.read.arguments], body)


def _embed_py(calls: SimilarCalls, many: bool, join: Join) -> str:
    keys, name = replace(keys_of(calls, camel=False), columns=(join.column,)), calls.parsed.relation
    chain = [
        f"supabase{in_schema(calls.parsed)}.table({json.dumps(join.relation)})",
        f'.select({_embed(calls, join)}, count="exact")',
        chunk_filter_py(keys, "chunk"),
        *(f".{call}" for call in _conditions_py(calls, keys)),
        ".execute()",
    ]
    call = statement_py("answer =", chain)
    rows = f"row[{json.dumps(name)}]"
    value = (f"[{rows}]" if many else rows) if join.single else (rows if many else f"{rows}[0]")
    key = f"text(row[{json.dumps(join.column)}])"
    either = [f"if isinstance({rows}, dict):", f"    {rows} = [{rows}]"] if join.single is None else []
    store = [
        "for row in answer.data:",
        *indent(either, 4),
        f"    if {rows}:",
        f"        by_key[known.get({key}, chunk[0])] = {value}",
    ]
    body = by_key_py(keys, chunk_size(calls), call, f"{key} not in known", store)
    return function_py(snake_case(name_of(calls)), [keys.argument, *keys.read.arguments], body)


def _conditions_js(calls: SimilarCalls, keys: Keys) -> Iterator[str]:
    """The filters, orders and the limit of the loop, as those of the embed."""
    table, read = calls.parsed.relation, keys.read
    for condition in read.parsed.filters:
        yield filter_js(replace(condition, column=f"{table}.{condition.column}"), read.filters.get(condition.index, ""))
    for at, names in read.params.items():
        if read.parsed.rest[at] != "limit=?":
            yield from param_js(f"{table}.{read.parsed.rest[at]}", names)
    yield from (order_js(item, table) for item in calls.parsed.order)
    if calls.limit is not None:
        yield f"limit({calls.limit}, {{ referencedTable: {json.dumps(table)} }})"


def _conditions_py(calls: SimilarCalls, keys: Keys) -> Iterator[str]:
    """The same for Python."""
    table, read = calls.parsed.relation, keys.read
    for condition in read.parsed.filters:
        yield filter_py(replace(condition, column=f"{table}.{condition.column}"), read.filters.get(condition.index, ""))
    for at, names in read.params.items():
        if read.parsed.rest[at] != "limit=?":
            yield from param_py(f"{table}.{read.parsed.rest[at]}", names)
    yield from (order_py(item, table) for item in calls.parsed.order)
    if calls.limit is not None:
        yield f"limit({calls.limit}, foreign_table={json.dumps(table)})"
