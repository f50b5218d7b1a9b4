"""Client code that writes many rows in one call. fanin does not read bodies, so the written values are arguments."""

import json
from collections.abc import Sequence

from proxy.analysis.fingerprint import ParsedFingerprint, conflict_columns
from proxy.fixes.batch_code import batch_name, read_by_keys
from proxy.fixes.chain_code import (
    ClientRead,
    js_filters,
    js_table,
    name_values,
    py_filters,
    py_table,
    unsupported_row_params,
)
from proxy.fixes.function_code import checked_call_js, comments, function_js, function_py, statement_py
from proxy.fixes.identifiers import camel_case, snake_case

VERBS = {"PATCH": "update", "DELETE": "delete", "POST": "insert"}


def write_name(parsed: ParsedFingerprint, key: str) -> str:
    """``updateVideosByIds``; without a key ``insertVideos``, or ``upsertVideos``."""
    verb = "upsert" if conflict_columns(parsed) and not key else VERBS[parsed.method]
    return (
        verb + batch_name(parsed.relation, key).removeprefix("list") if key else camel_case(f"{verb} {parsed.relation}")
    )


def batch_write_js(parsed: ParsedFingerprint, key: str, returns: bool) -> str:
    """One PATCH or DELETE for all values of ``key``; ``returns``: the call returns the rows."""
    write = read_by_keys(parsed, key, camel=True)
    keys, *values = write.arguments
    chain = [*_write_chain_js(write), *_select_js(parsed, returns)]
    return _function_js(parsed, write_name(parsed, key), [keys, *_changes_argument(parsed), *values], chain)


def batch_write_py(parsed: ParsedFingerprint, key: str) -> str:
    """The same for Python, whose client always returns the rows."""
    write = read_by_keys(parsed, key, camel=False)
    keys, *values = write.arguments
    return _function_py(
        parsed, write_name(parsed, key), [keys, *_changes_argument(parsed), *values], _write_chain_py(write)
    )


def row_write_js(parsed: ParsedFingerprint) -> str:
    """The write unchanged: of the rows that its filters select, or of the rows in its argument."""
    if parsed.method == "POST":
        return rows_js(parsed, conflict_columns(parsed), False)
    write = name_values(parsed, camel=True)
    return _function_js(
        parsed, write_name(parsed, ""), [*write.arguments, *_changes_argument(parsed)], _write_chain_js(write)
    )


def row_write_py(parsed: ParsedFingerprint) -> str:
    """The same for Python."""
    if parsed.method == "POST":
        return rows_py(parsed, conflict_columns(parsed))
    write = name_values(parsed, camel=False)
    return _function_py(
        parsed, write_name(parsed, ""), [*write.arguments, *_changes_argument(parsed)], _write_chain_py(write)
    )


def _write_chain_js(write: ClientRead) -> list[str]:
    call = f".{VERBS[write.parsed.method]}({', '.join(_changes_argument(write.parsed))})"
    return [js_table(write.parsed), call, *js_filters(write)]


def _write_chain_py(write: ClientRead) -> list[str]:
    call = f".{VERBS[write.parsed.method]}({', '.join(_changes_argument(write.parsed))})"
    return [py_table(write.parsed), call, *py_filters(write)]


def _changes_argument(parsed: ParsedFingerprint) -> list[str]:
    """The argument with the new values; only a PATCH has one."""
    return ["changes"] if parsed.method == "PATCH" else []


def _function_js(parsed: ParsedFingerprint, name: str, arguments: Sequence[str], chain: Sequence[str]) -> str:
    return function_js(
        name, arguments, [*comments("//", unsupported_row_params(parsed)), *checked_call_js(chain), "return data;"]
    )


def _function_py(parsed: ParsedFingerprint, name: str, arguments: Sequence[str], chain: Sequence[str]) -> str:
    call = statement_py("return", [*chain, ".execute()", ".data"])
    return function_py(snake_case(name), arguments, [*comments("#", unsupported_row_params(parsed)), *call])


def rows_js(parsed: ParsedFingerprint, conflict: str, returns: bool) -> str:
    """One insert of all rows; with the columns ``conflict``, one upsert."""
    call = f".upsert(rows, {{ onConflict: {json.dumps(conflict)} }})" if conflict else ".insert(rows)"
    chain = [js_table(parsed), call, *_select_js(parsed, returns)]
    return function_js(_rows_name(parsed, conflict), ["rows"], [*checked_call_js(chain), "return data;"])


def rows_py(parsed: ParsedFingerprint, conflict: str) -> str:
    """The same for Python."""
    call = f".upsert(rows, on_conflict={json.dumps(conflict)})" if conflict else ".insert(rows)"
    chain = [py_table(parsed), call, ".execute()", ".data"]
    return function_py(snake_case(_rows_name(parsed, conflict)), ["rows"], statement_py("return", chain))


def _rows_name(parsed: ParsedFingerprint, conflict: str) -> str:
    return camel_case(f"{'upsert' if conflict else VERBS[parsed.method]} {parsed.relation}")


def _select_js(parsed: ParsedFingerprint, returns: bool) -> list[str]:
    return [f".select({json.dumps(parsed.select)})"] if returns else []
