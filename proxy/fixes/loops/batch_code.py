"""A read of many keys in place of a loop: one function that takes all keys and returns the rows by key.

It reads in chunks. If an answer lacks rows, because PostgREST cut it at db-max-rows, the halves of its chunk are read:
a chunk of one key gets what the call for that key got.
"""

import json

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.patterns.varying import Parent, SimilarCalls
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import (
    in_schema,
    js_chain,
    js_filters,
    js_orders,
    js_select,
    py_chain,
    py_filters,
    py_orders,
    py_select,
    select_items,
)
from proxy.fixes.clients.function_code import function_js, function_py, indent, statement_js, statement_py
from proxy.fixes.clients.identifiers import camel_case, snake_case
from proxy.fixes.clients.memoized import memoized
from proxy.fixes.loops.batch_reasons import batch_reason
from proxy.fixes.loops.count_code import count_fix
from proxy.fixes.loops.key_code import (
    Keys,
    by_key_js,
    by_key_py,
    chunk_filter_js,
    chunk_filter_py,
    chunk_size,
    keys_of,
)
from proxy.fixes.loops.lookup_code import lookup_columns, lookup_fix
from proxy.fixes.sql.batch import batch_sql, first_rows_sql, takes_keys
from proxy.fixes.sql.clauses import sql_reason
from proxy.postgrest.request.select_list import Embed
from proxy.postgrest.singular import plural

OWN_LIMIT = (
    "No batch read: each call reads only the first rows of its key. One read for all keys reads all their rows, and"
    " a function that limits them (cross join lateral) cannot take all of these filters as an object per key."
)
SEVERAL = '"several rows of one key"'
"""Of a key that had one row in each call; ``.single()`` and ``.maybeSingle()`` take it for an error too."""
ONE = "id"
"""A key of this name has one row per key, probably: then a limit of 1 needs no function in the database."""


@memoized
def batch_name(relation: str, *keys: str) -> str:
    """``listPayoutProfilesByCreatorIds`` for ``creator_payout_profiles`` and ``creator_id``."""
    stem = keys[0].removesuffix("_id")
    subject = relation.removeprefix(stem + "_") if keys[0] != stem else relation
    return "list" + _pascal_case(subject) + "By" + "And".join(plural(_pascal_case(key)) for key in keys)


def name_of(calls: SimilarCalls) -> str:
    """The name of the function that replaces the calls."""
    columns = [key.column for key in calls.keys] or lookup_columns(calls)
    name = batch_name(calls.parsed.relation, *columns)
    return f"count{name.removeprefix('list')}" if calls.parsed.method == "HEAD" else name


def _pascal_case(name: str) -> str:
    """``CreatorId`` for ``creator_id``."""
    camel = camel_case(name)
    return camel[:1].upper() + camel[1:]


@memoized
def batch_fix(calls: SimilarCalls, many: bool, parent: Parent | None = None) -> Fix:
    """The read of all keys; ``many`` says that a key may have several rows. Without code if a part cannot be kept.

    For counts, ``parent`` is the relation for whose rows something is counted, if it is known.
    """
    reason, many = batch_reason(calls), many and calls.limit != 1
    if reason:
        return lookup_fix(calls, name_of(calls), many) or Fix(reason=reason)
    if calls.parsed.method == "HEAD":
        return count_fix(calls, name_of(calls), parent)
    if is_limited(calls) and limits_in_database(calls.parsed):
        sql = first_rows_sql(calls, snake_case(name_of(calls)))
        return Fix(sql, batch_js(calls, many, function=True), batch_py(calls, many, function=True))
    if is_limited(calls):
        return Fix(reason=OWN_LIMIT)
    rest = [condition for condition in calls.parsed.filters if condition not in calls.keys]
    no_sql = "No SQL: each key has its own limit." if calls.limit is not None else sql_reason(calls.parsed, rest)
    if len(calls.keys) > 1 and not takes_keys(calls.keys):
        no_sql = "No SQL: a path into JSON is part of the key."
    sql = "" if no_sql else batch_sql(calls, keys_of(calls, camel=False))
    return Fix(sql, batch_js(calls, many), batch_py(calls, many), no_sql)


def limits_in_database(parsed: ParsedFingerprint) -> bool:
    """Whether a function in the database can apply every filter that comes before the limit."""
    embeds = [item for item in select_items(parsed.select) or () if isinstance(item, Embed)]
    of_embeds = {item.output_name for item in embeds}
    others = [param for param in parsed.rest if param != "limit=?"]
    outside = any(param.partition("=")[0].partition(".")[0] not in of_embeds for param in others)
    return not (outside or any(item.inner for item in embeds)) and takes_keys(parsed.filters, of_embeds)


def is_limited(calls: SimilarCalls) -> bool:
    """Whether the limit of each call leaves out rows of its key, as far as the answers show."""
    if calls.limit is None:
        return False
    return not (calls.limit == 1 and [key.column for key in calls.keys] == [ONE]) and calls.rows >= calls.limit


def batch_js(calls: SimilarCalls, many: bool, function: bool = False) -> str:
    """A supabase-js function; ``function`` says that it calls the function in the database."""
    keys = keys_of(calls, camel=True, ordered=function)
    call = [*(_rpc_js(calls, keys) if function else _table_js(keys)), "if (error) throw error;"]
    whole = _listed([f"row[{json.dumps(alias)}]" for alias in keys.aliases])
    body = by_key_js(keys, chunk_size(calls), call, f"!known.has(text({whole}))", _rows_js(keys, many, calls.limit))
    return function_js(name_of(calls), [keys.argument, *keys.read.arguments], body)


def batch_py(calls: SimilarCalls, many: bool, function: bool = False) -> str:
    """The same for supabase-py."""
    keys = keys_of(calls, camel=False, ordered=function)
    call = _rpc_py(calls, keys) if function else _table_py(keys)
    whole = _tuple([f"row[{json.dumps(alias)}]" for alias in keys.aliases])
    body = by_key_py(keys, chunk_size(calls), call, f"text({whole}) not in known", _rows_py(keys, many, calls.limit))
    return function_py(snake_case(name_of(calls)), [keys.argument, *keys.read.arguments], body)


def _table_js(keys: Keys) -> list[str]:
    source, select, *rest = js_chain(keys.read, count="exact")
    chain = [source, select, chunk_filter_js(keys, "chunk"), *rest]
    return statement_js("const { data, count, error } = await supabase", chain)


def _table_py(keys: Keys) -> list[str]:
    source, select, *rest = py_chain(keys.read, count="exact")
    return statement_py("answer =", [source, select, chunk_filter_py(keys, "chunk"), *rest, ".execute()"])


def _given(calls: SimilarCalls, keys: Keys) -> list[tuple[str, str]]:
    """The members of the objects that the database function takes: columns, and the variables with their values."""
    others = [(f.column, keys.read.filters[f.index]) for f in keys.read.parsed.filters if f.index in keys.read.filters]
    return [*zip(keys.columns, keys.parts, strict=True), *others]


def _rpc_js(calls: SimilarCalls, keys: Keys) -> list[str]:
    name, parsed = snake_case(name_of(calls)), keys.read.parsed
    members = ", ".join(f"{json.dumps(column)}: {variable}" for column, variable in _given(calls, keys))
    given = keys.parts[0] if len(keys.parts) == 1 else f"[{', '.join(keys.parts)}]"
    of_embeds = js_filters(replace(keys.read, parsed=replace(parsed, filters=())))
    chain = [
        f'{in_schema(parsed)}.rpc({json.dumps(name)}, {{ keys }}, {{ count: "exact" }})',
        js_select(parsed),
        *of_embeds,
        *js_orders(parsed.order),
    ]
    return [
        f"const keys = chunk.map(({given}) => ({{ {members} }}));",
        *statement_js("const { data, count, error } = await supabase", chain),
    ]


def _rpc_py(calls: SimilarCalls, keys: Keys) -> list[str]:
    name, parsed = snake_case(name_of(calls)), keys.read.parsed
    members = ", ".join(f"{json.dumps(column)}: {variable}" for column, variable in _given(calls, keys))
    of_embeds = py_filters(replace(keys.read, parsed=replace(parsed, filters=())))
    chain = [
        f'supabase{in_schema(parsed)}.rpc({json.dumps(name)}, {{"keys": given}}, count="exact")',
        py_select(parsed),
        *of_embeds,
        *py_orders(parsed.order),
        ".execute()",
    ]
    return [f"given = [{{{members}}} for {', '.join(keys.parts)} in chunk]", *statement_py("answer =", chain)]


def _rows_js(keys: Keys, many: bool, limit: int | None) -> list[str]:
    row = f"{{ {', '.join(keys.added)}, ...row }}" if keys.added else "row"
    members = [alias if alias in keys.added else f"row[{json.dumps(alias)}]" for alias in keys.aliases]
    found = f"known.get(text({_listed(members)})) ?? chunk[0]"
    key = found if len(members) == 1 else f"JSON.stringify({found})"
    if many:
        push = "byKey.get(key).push(row);"
        short = f"if (byKey.get(key).length < {limit}) {push}" if limit is not None else push
        store = ["if (!byKey.has(key)) byKey.set(key, []);", short]
    else:
        again = ["if (byKey.has(key)) throw new Error(" + SEVERAL + ");", "byKey.set(key, row);"]
        store = ["if (!byKey.has(key)) byKey.set(key, row);"] if limit == 1 else again
    return [f"for (const {row} of data) {{", *indent([f"const key = {key};", *store], 2), "}"]


def _listed(members: list[str]) -> str:
    return members[0] if len(members) == 1 else f"[{', '.join(members)}]"


def _rows_py(keys: Keys, many: bool, limit: int | None) -> list[str]:
    members = [f"row.pop({json.dumps(a)})" if a in keys.added else f"row[{json.dumps(a)}]" for a in keys.aliases]
    key = f"known.get(text({_tuple(members)}), chunk[0])"
    if not many and limit == 1:
        store: tuple[str, ...] = ("by_key.setdefault(key, row)",)
    elif not many:
        store = ("if key in by_key:", f"    raise ValueError({SEVERAL})", "by_key[key] = row")
    elif limit is None:
        store = ("by_key.setdefault(key, []).append(row)",)
    else:
        store = (f"if len(by_key.setdefault(key, [])) < {limit}:", "    by_key[key].append(row)")
    others = [f"del row[{json.dumps(name)}]" for name in keys.added if name not in keys.aliases]
    return ["for row in answer.data:", *indent([f"key = {key}", *others, *store], 4)]


def _tuple(members: list[str]) -> str:
    return members[0] if len(members) == 1 else f"({', '.join(members)})"


def batch_expectation(calls: SimilarCalls, fix: Fix, requests: int, different: int) -> str:
    """The cost after the fix, for ``requests`` with ``different`` keys."""
    if not fix.supabase_js:
        return f"One request instead of {requests}, if one can be written by hand."
    if "chunk" not in fix.supabase_js:  # a function in the database takes all keys
        return f"{name_of(calls)}(…) once instead of {requests} calls: {requests} requests become 1."
    chunks = -(-different // chunk_size(calls))
    return (
        f"{name_of(calls)}(…) once instead of {requests} calls: {requests} requests become {chunks}"
        f" (1 per {chunk_size(calls)} keys)."
    )
