"""Client code of a fingerprint: the call itself, and a read once per application request."""

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.clients.chain_code import ClientRead, is_count, js_chain, name_values, py_chain
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
from proxy.fixes.clients.memoized import memoized

_WRITES = {"POST": "insert(rows)", "PUT": "upsert(row)", "PATCH": "update(values)", "DELETE": "delete()"}


def call_js(parsed: ParsedFingerprint) -> str:
    """The supabase-js call of a fingerprint, as the application may have written it; for reads and writes."""
    source, select, *rest = js_chain(name_values(parsed, camel=True, bounds=True))
    write = _WRITES.get(parsed.method)
    calls = [select, *rest] if write is None else [f".{write}", *rest, *([select] if parsed.select != "*" else [])]
    begin = f"const {{ {_result(parsed)}, error }} = await supabase"
    return "\n".join(statement_js(begin, [source, *calls]))


def read_js(parsed: ParsedFingerprint, name: str = "") -> str:
    """A supabase-js function with the read unchanged, by default with the name of the relation."""
    read = name_values(parsed, camel=True, bounds=True)
    return function_js(camel_case(name or "read " + parsed.relation), read.arguments, _body_js(read))


def read_py(parsed: ParsedFingerprint, name: str = "") -> str:
    """The same for supabase-py."""
    read = name_values(parsed, camel=False, bounds=True)
    return function_py(snake_case(name or "read " + parsed.relation), read.arguments, _body_py(read))


@memoized
def once_js(parsed: ParsedFingerprint) -> str:
    """A supabase-js function that reads once per application request, for any number of callers."""
    read = name_values(parsed, camel=True, bounds=True)
    lines = [
        'import { cache } from "react";',
        "",
        f"export const {camel_case('read ' + parsed.relation)} = cache(async ({', '.join(read.arguments)}) => {{",
        *indent(_body_js(read), 2),
        "});",
        "// Without React: read once at the start of the request, and pass the rows as an argument.",
    ]
    return "\n".join(lines)


@memoized
def once_py(parsed: ParsedFingerprint) -> str:
    """The same for supabase-py: a function that makes a reader for each application request."""
    name, read = snake_case("read " + parsed.relation), name_values(parsed, camel=False, bounds=True)
    call = statement_py("kept[key] =", [*py_chain(read), ".execute()", f".{_result(parsed)}"])
    inner = [f"key = repr([{', '.join(read.arguments)}])", "if key not in kept:", *indent(call, 4), "return kept[key]"]
    body = [
        '"""Call once per request of the application, and pass the result along."""',
        "kept = {}",
        *function_py(name, read.arguments, [*quoting_py(call), *inner]).split("\n"),
        f"return {name}",
    ]
    return function_py(f"make_{name}", (), body)


def _body_js(read: ClientRead) -> list[str]:
    result = _result(read.parsed)
    call = checked_call_js(js_chain(read), result)
    return [*quoting_js(call), *call, f"return {result};"]


def _body_py(read: ClientRead) -> list[str]:
    call = statement_py("return", [*py_chain(read), ".execute()", f".{_result(read.parsed)}"])
    return [*quoting_py(call), *call]


def _result(parsed: ParsedFingerprint) -> str:
    return "count" if is_count(parsed) else "data"
