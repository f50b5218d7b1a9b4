"""Writes of many rows in one call, in the two client languages. What is written is an argument: bodies are not read."""

import json
from collections.abc import Sequence

from proxy.analysis.fingerprint import ParsedFingerprint, conflict_of
from proxy.fixes.batch_code import batch_name, keyed
from proxy.fixes.chain_code import ClientRead, js_filters, js_table, named, py_filters, py_table, rows_left_out
from proxy.fixes.function_code import answered_js, function_js, function_py, remarks, statement_py
from proxy.fixes.identifiers import camel_case, snake_case

VERBS = {"PATCH": "update", "DELETE": "delete", "POST": "insert"}


def write_name(shown: ParsedFingerprint, key: str) -> str:
    """``updateVideosByIds``; without a key ``insertVideos``, or ``upsertVideos``."""
    verb = "upsert" if conflict_of(shown) and not key else VERBS[shown.method]
    return (
        verb + batch_name(shown.relation, key).removeprefix("list") if key else camel_case(f"{verb} {shown.relation}")
    )


def batch_write_js(shown: ParsedFingerprint, key: str, returns: bool) -> str:
    """One PATCH or DELETE for all values of ``key``; ``returns`` says that the rows are wanted back."""
    write = keyed(shown, key, camel=True)
    keys, *values = write.arguments
    chain = [*_chain_js(write), *_shown_js(shown, returns)]
    return _function_js(shown, write_name(shown, key), [keys, *_changes(shown), *values], chain)


def batch_write_py(shown: ParsedFingerprint, key: str) -> str:
    """The same for Python, whose client gives the rows back anyway."""
    write = keyed(shown, key, camel=False)
    keys, *values = write.arguments
    return _function_py(shown, write_name(shown, key), [keys, *_changes(shown), *values], _chain_py(write))


def row_write_js(shown: ParsedFingerprint) -> str:
    """The write as it is: of the rows that its filters say, or of the rows that it is given."""
    if shown.method == "POST":
        return rows_js(shown, conflict_of(shown), False)
    write = named(shown, camel=True)
    return _function_js(shown, write_name(shown, ""), [*write.arguments, *_changes(shown)], _chain_js(write))


def row_write_py(shown: ParsedFingerprint) -> str:
    """The same for Python."""
    if shown.method == "POST":
        return rows_py(shown, conflict_of(shown))
    write = named(shown, camel=False)
    return _function_py(shown, write_name(shown, ""), [*write.arguments, *_changes(shown)], _chain_py(write))


def _chain_js(write: ClientRead) -> list[str]:
    call = f".{VERBS[write.shown.method]}({', '.join(_changes(write.shown))})"
    return [js_table(write.shown), call, *js_filters(write)]


def _chain_py(write: ClientRead) -> list[str]:
    call = f".{VERBS[write.shown.method]}({', '.join(_changes(write.shown))})"
    return [py_table(write.shown), call, *py_filters(write)]


def _changes(shown: ParsedFingerprint) -> list[str]:
    """The argument for what is set, where anything is."""
    return ["changes"] if shown.method == "PATCH" else []


def _function_js(shown: ParsedFingerprint, name: str, arguments: Sequence[str], chain: Sequence[str]) -> str:
    return function_js(name, arguments, [*remarks("//", rows_left_out(shown)), *answered_js(chain), "return data;"])


def _function_py(shown: ParsedFingerprint, name: str, arguments: Sequence[str], chain: Sequence[str]) -> str:
    call = statement_py("return", [*chain, ".execute()", ".data"])
    return function_py(snake_case(name), arguments, [*remarks("#", rows_left_out(shown)), *call])


def rows_js(shown: ParsedFingerprint, conflict: str, returns: bool) -> str:
    """One insert of all rows, or one upsert where they may be there: ``conflict`` are the columns that tell."""
    call = f".upsert(rows, {{ onConflict: {json.dumps(conflict)} }})" if conflict else ".insert(rows)"
    chain = [js_table(shown), call, *_shown_js(shown, returns)]
    return function_js(_rows_name(shown, conflict), ["rows"], [*answered_js(chain), "return data;"])


def rows_py(shown: ParsedFingerprint, conflict: str) -> str:
    """The same for Python."""
    call = f".upsert(rows, on_conflict={json.dumps(conflict)})" if conflict else ".insert(rows)"
    chain = [py_table(shown), call, ".execute()", ".data"]
    return function_py(snake_case(_rows_name(shown, conflict)), ["rows"], statement_py("return", chain))


def _rows_name(shown: ParsedFingerprint, conflict: str) -> str:
    return camel_case(f"{'upsert' if conflict else VERBS[shown.method]} {shown.relation}")


def _shown_js(shown: ParsedFingerprint, returns: bool) -> list[str]:
    return [f".select({json.dumps(shown.select)})"] if returns else []
