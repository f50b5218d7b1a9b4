"""Writes of many rows in one call, in the two client languages. What is written is an argument: bodies are not read."""

import json
from collections.abc import Iterator

from proxy.postgrest.batch_code import batch_name, js_name, others, py_name
from proxy.postgrest.chain_code import camel_case, js_filter, left_out, named, py_filter, snake_case
from proxy.postgrest.function_code import function_js, function_py
from proxy.postgrest.shown import Shown, conflict_of

VERBS = {"PATCH": "update", "DELETE": "delete", "POST": "insert"}


def write_name(shown: Shown, key: str) -> str:
    """``updateVideosByIds``; without a key ``insertVideos``, or ``upsertVideos``."""
    verb = "upsert" if conflict_of(shown) and not key else VERBS[shown.method]
    return (
        verb + batch_name(shown.relation, key).removeprefix("list") if key else camel_case(f"{verb} {shown.relation}")
    )


def batch_write_js(shown: Shown, key: str, returns: bool) -> str:
    """One PATCH or DELETE for all values of ``key``; ``returns`` says that the rows are wanted back."""
    rest = others(shown, key, camel=True, taken=("changes",))
    keys, changes = js_name(key), ["changes"] if shown.method == "PATCH" else []
    chain = [
        f".from({json.dumps(shown.relation)})",
        f".{VERBS[shown.method]}({', '.join(changes)})",
        f".in({json.dumps(key)}, {keys})",
        *(f".{js_filter(f, rest.filters.get(f.at, ''))}" for f in rest.shown.filters),
        *_shown_js(shown, returns),
    ]
    arguments = [keys, *changes, *rest.filters.values()]
    return function_js(write_name(shown, key), arguments, chain, list(_notes(shown)))


def batch_write_py(shown: Shown, key: str) -> str:
    """The same for Python, whose client gives the rows back anyway."""
    rest = others(shown, key, camel=False, taken=("changes",))
    keys, changes = py_name(key), ["changes"] if shown.method == "PATCH" else []
    chain = [
        f"supabase.table({json.dumps(shown.relation)})",
        f".{VERBS[shown.method]}({', '.join(changes)})",
        f".in_({json.dumps(key)}, {keys})",
        *(f".{py_filter(f, rest.filters.get(f.at, ''))}" for f in rest.shown.filters),
    ]
    arguments = [keys, *changes, *rest.filters.values()]
    return function_py(snake_case(write_name(shown, key)), arguments, chain, list(_notes(shown)))


def rows_js(shown: Shown, conflict: str, returns: bool) -> str:
    """One insert of all rows, or one upsert where they may be there: ``conflict`` are the columns that tell."""
    call = f".upsert(rows, {{ onConflict: {json.dumps(conflict)} }})" if conflict else ".insert(rows)"
    chain = [f".from({json.dumps(shown.relation)})", call, *_shown_js(shown, returns)]
    return function_js(_rows_name(shown, conflict), ["rows"], chain)


def rows_py(shown: Shown, conflict: str) -> str:
    """The same for Python."""
    call = f".upsert(rows, on_conflict={json.dumps(conflict)})" if conflict else ".insert(rows)"
    chain = [f"supabase.table({json.dumps(shown.relation)})", call]
    return function_py(snake_case(_rows_name(shown, conflict)), ["rows"], chain)


def row_write_js(shown: Shown) -> str:
    """The write as it is: of the rows that its filters say, or of the rows that it is given."""
    if shown.method == "POST":
        return rows_js(shown, conflict_of(shown), False)
    write, changes = named(shown, camel=True, taken=("changes",)), ["changes"] if shown.method == "PATCH" else []
    chain = [
        f".from({json.dumps(shown.relation)})",
        f".{VERBS[shown.method]}({', '.join(changes)})",
        *(f".{js_filter(f, write.filters.get(f.at, ''))}" for f in shown.filters),
    ]
    return function_js(write_name(shown, ""), [*write.filters.values(), *changes], chain, list(_notes(shown)))


def row_write_py(shown: Shown) -> str:
    """The same for Python."""
    if shown.method == "POST":
        return rows_py(shown, conflict_of(shown))
    write, changes = named(shown, camel=False, taken=("changes",)), ["changes"] if shown.method == "PATCH" else []
    chain = [
        f"supabase.table({json.dumps(shown.relation)})",
        f".{VERBS[shown.method]}({', '.join(changes)})",
        *(f".{py_filter(f, write.filters.get(f.at, ''))}" for f in shown.filters),
    ]
    name = snake_case(write_name(shown, ""))
    return function_py(name, [*write.filters.values(), *changes], chain, list(_notes(shown)))


def _rows_name(shown: Shown, conflict: str) -> str:
    return camel_case(f"{'upsert' if conflict else VERBS[shown.method]} {shown.relation}")


def _shown_js(shown: Shown, returns: bool) -> list[str]:
    return [f".select({json.dumps(shown.select)})"] if returns else []


def _notes(shown: Shown) -> Iterator[str]:
    return (text for text in left_out(shown) if not text.startswith(("on_conflict=", "columns=")))
