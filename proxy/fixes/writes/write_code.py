"""Client code that writes many rows in one call. fanin does not read bodies, so the written values are arguments.

Each function is right for any values: what it cannot know (which rows get the same values) is the caller's to say.
"""

import json
from collections.abc import Sequence

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint, conflict_columns
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.fixes.clients.chain_code import ClientRead, js_filters, js_table, name_values, py_filters, py_table
from proxy.fixes.clients.filter_code import quoting_js, quoting_py
from proxy.fixes.clients.function_code import (
    checked_call_js,
    function_js,
    function_py,
    indent,
    statement_js,
    statement_py,
)
from proxy.fixes.clients.identifiers import camel_case, snake_case
from proxy.fixes.loops.batch_code import batch_name
from proxy.fixes.loops.key_code import Keys, chunk_filter_js, chunk_filter_py, chunk_size, chunks_js, chunks_py, keys_of

VERBS = {"PATCH": "update", "DELETE": "delete", "POST": "insert"}
MERGE, IGNORE = "resolution=merge-duplicates", "resolution=ignore-duplicates"
ROWS_RETURNED = "return=representation"


def is_upsert(parsed: ParsedFingerprint, preferences: str) -> bool:
    """Whether a POST updates or skips rows that exist. Older recordings do not have the preferences."""
    named = MERGE in preferences or IGNORE in preferences or bool(conflict_columns(parsed))
    return parsed.method == "POST" and named


def write_name(parsed: ParsedFingerprint, keys: Sequence[str] = (), preferences: str = "") -> str:
    """``updateVideosByIds``; without keys ``insertVideos``, or ``upsertVideos``."""
    if keys:
        return VERBS[parsed.method] + batch_name(parsed.relation, *keys).removeprefix("list")
    verb = "upsert" if is_upsert(parsed, preferences) else VERBS[parsed.method]
    return camel_case(f"{verb} {parsed.relation}")


def batch_write_js(calls: SimilarCalls) -> str:
    """One PATCH or DELETE per chunk of keys; it returns the rows if the calls did."""
    keys, parsed, returns = _keys(calls, camel=True), calls.parsed, ROWS_RETURNED in calls.preferences
    selected = [f".select({json.dumps(keys.read.parsed.select)})"] if returns else []
    own = f".map(({{ {', '.join(keys.added)}, ...row }}) => row)" if keys.added else ""
    chain = [js_table(parsed), _verb(parsed), chunk_filter_js(keys, "chunk"), *js_filters(keys.read), *selected]
    taken = "data, error" if returns else "error"
    call = statement_js(f"const {{ {taken} }} = await supabase", chain)
    body = [
        *quoting_js(call),
        f"const {'rows = [], ' if returns else ''}chunks = [];",
        *chunks_js(keys, chunk_size(calls)),
        "for (const chunk of chunks) {",
        *indent([*call, "if (error) throw error;", *([f"rows.push(...data{own});"] if returns else [])], 2),
        "}",
        *(["return rows;"] if returns else []),
    ]
    return function_js(_batch_name(calls), _batch_arguments(keys, parsed), body)


def batch_write_py(calls: SimilarCalls) -> str:
    """The same for Python."""
    keys, parsed, returns = _keys(calls, camel=False), calls.parsed, ROWS_RETURNED in calls.preferences
    filters = [chunk_filter_py(keys, "chunk"), *py_filters(keys.read)]
    selected = [f".select({json.dumps(keys.read.parsed.select)})"] if returns and parsed.select != "*" else []
    chain = [py_table(parsed), _verb(parsed, py=True, returns=returns), *filters, *selected, ".execute()"]
    call = statement_py("rows +=" if returns else "", [*chain, ".data"] if returns else chain)
    body = [
        *quoting_py(call),
        *(["rows = []"] if returns else []),
        *chunks_py(keys, chunk_size(calls)),
        "for chunk in chunks:",
        *indent([line.removeprefix(" ") if line == " (" else line for line in call], 4),
        *(_without_keys_py(keys) if returns else []),
    ]
    return function_py(snake_case(_batch_name(calls)), _batch_arguments(keys, parsed), body)


def _keys(calls: SimilarCalls, camel: bool) -> Keys:
    """The keys. PostgREST can filter a write by a logic tree only of columns that it returns."""
    keys = keys_of(calls, camel)
    returned = len(keys.columns) > 1 and ROWS_RETURNED in calls.preferences
    own = replace(keys.read, parsed=replace(keys.read.parsed, select=calls.parsed.select))
    return keys if returned else replace(keys, read=own, added=())


def _without_keys_py(keys: Keys) -> list[str]:
    if not keys.added:
        return ["return rows"]
    return [
        f"added = {{{', '.join(map(json.dumps, keys.added))}}}",
        "return [{name: row[name] for name in row if name not in added} for row in rows]",
    ]


def _batch_name(calls: SimilarCalls) -> str:
    return write_name(calls.parsed, [key.column for key in calls.keys])


def _batch_arguments(keys: Keys, parsed: ParsedFingerprint) -> list[str]:
    return [keys.argument, *_changes_argument(parsed), *keys.read.arguments]


def _verb(parsed: ParsedFingerprint, py: bool = False, returns: bool = True) -> str:
    minimal = ['returning="minimal"'] if py and not returns else []
    return f".{VERBS[parsed.method]}({', '.join([*_changes_argument(parsed), *minimal])})"


def _changes_argument(parsed: ParsedFingerprint) -> list[str]:
    """The argument with the new values; only a PATCH has one."""
    return ["changes"] if parsed.method == "PATCH" else []


def row_write_js(parsed: ParsedFingerprint, preferences: str = "") -> str:
    """The write unchanged: of the rows that its filters select, or of the rows in its argument."""
    if parsed.method == "POST":
        return rows_js(parsed, preferences)
    write = name_values(parsed, camel=True)
    chain = [js_table(parsed), _verb(parsed), *js_filters(write)]
    body = [*quoting_js(chain), *checked_call_js(chain), "return data;"]
    return function_js(write_name(parsed), _row_arguments(write), body)


def row_write_py(parsed: ParsedFingerprint, preferences: str = "") -> str:
    """The same for Python."""
    if parsed.method == "POST":
        return rows_py(parsed, preferences)
    write = name_values(parsed, camel=False)
    chain = [py_table(parsed), _verb(parsed, py=True), *py_filters(write), ".execute()", ".data"]
    return function_py(
        snake_case(write_name(parsed)), _row_arguments(write), [*quoting_py(chain), *statement_py("return", chain)]
    )


def _row_arguments(write: ClientRead) -> list[str]:
    return [*write.arguments, *_changes_argument(write.parsed)]


def rows_js(parsed: ParsedFingerprint, preferences: str) -> str:
    """One insert of all rows, or an upsert of those that name the same columns, with the preferences of the calls."""
    returns = ROWS_RETURNED in preferences
    selected = [f".select({json.dumps(parsed.select)})"] if returns else []
    name, taken = write_name(parsed, (), preferences), "data, error" if returns else "error"
    if not is_upsert(parsed, preferences):
        insert = ".insert(rows, { defaultToNull: false })"
        call = statement_js(f"const {{ {taken} }} = await supabase", [js_table(parsed), insert, *selected])
        end = ["return data;"] if returns else []
        return function_js(name, ["rows"], [*call, "if (error) throw error;", *end])
    chain = [js_table(parsed), f".upsert(group, {{ {', '.join(_upsert_options(parsed, preferences, js=True))} }})"]
    call = statement_js(f"const {{ {taken} }} = await supabase", [*chain, *selected])
    body = [
        "const groups = new Map(); // a column that a row does not name keeps its value",
        "for (const row of rows) {",
        "  const columns = Object.keys(row).sort().join();",
        "  groups.set(columns, [...(groups.get(columns) ?? []), row]);",
        "}",
        *(["const written = [];"] if returns else []),
        "for (const group of groups.values()) {",
        *indent([*call, "if (error) throw error;", *(["written.push(...data);"] if returns else [])], 2),
        "}",
        *(["return written;"] if returns else []),
    ]
    return function_js(name, ["rows"], body)


def rows_py(parsed: ParsedFingerprint, preferences: str) -> str:
    """The same for Python."""
    returns, name = ROWS_RETURNED in preferences, snake_case(write_name(parsed, (), preferences))
    selected = [f".select({json.dumps(parsed.select)})"] if returns and parsed.select != "*" else []
    minimal = [] if returns else ['returning="minimal"']
    if not is_upsert(parsed, preferences):
        options = ["rows", "default_to_null=False", *minimal]
        chain = [py_table(parsed), f".insert({', '.join(options)})", *selected, ".execute()"]
        call = statement_py("return", [*chain, ".data"]) if returns else ["(", *indent(chain, 4), ")"]
        return function_py(name, ["rows"], call)
    options = ["group", *_upsert_options(parsed, preferences, js=False), *minimal]
    chain = [py_table(parsed), f".upsert({', '.join(options)})", *selected, ".execute()"]
    call = statement_py("written +=", [*chain, ".data"]) if returns else ["(", *indent(chain, 4), ")"]
    body = [
        "groups = {}  # a column that a row does not name keeps its value",
        "for row in rows:",
        "    groups.setdefault(tuple(sorted(row)), []).append(row)",
        *(["written = []"] if returns else []),
        "for group in groups.values():",
        *indent(call, 4),
        *(["return written"] if returns else []),
    ]
    return function_py(name, ["rows"], body)


def _upsert_options(parsed: ParsedFingerprint, preferences: str, js: bool) -> list[str]:
    conflict, ignore = conflict_columns(parsed), IGNORE in preferences
    if js:
        options = [f"onConflict: {json.dumps(conflict)}"] if conflict else []
        return [*options, *(["ignoreDuplicates: true"] if ignore else []), "defaultToNull: false"]
    options = [f"on_conflict={json.dumps(conflict)}"] if conflict else []
    return [*options, *(["ignore_duplicates=True"] if ignore else []), "default_to_null=False"]
