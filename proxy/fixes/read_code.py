"""Client code of a fingerprint: the call itself, a read once per application request, and a read of all pages."""

import json

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.chain_code import (
    ClientRead,
    is_count,
    js_chain,
    name_values,
    py_chain,
    unsupported_params,
    without_order,
)
from proxy.fixes.function_code import (
    checked_call_js,
    comments,
    function_js,
    function_py,
    indent,
    statement_js,
    statement_py,
)
from proxy.fixes.identifiers import camel_case, snake_case
from proxy.fixes.memoized import memoized

_WRITES = {"POST": "insert(rows)", "PUT": "upsert(row)", "PATCH": "update(values)", "DELETE": "delete()"}


def call_js(parsed: ParsedFingerprint) -> str:
    """The supabase-js call of a fingerprint, as the application may have written it; for reads and writes."""
    source, select, *rest = js_chain(name_values(parsed, camel=True, bounds=True))
    write = _WRITES.get(parsed.method)
    calls = [select, *rest] if write is None else [f".{write}", *rest, *([select] if parsed.select != "*" else [])]
    begin = f"const {{ {_result(parsed)}, error }} = await supabase"
    return "\n".join([*comments("//", unsupported_params(parsed)), *statement_js(begin, [source, *calls])])


def read_js(parsed: ParsedFingerprint) -> str:
    """A supabase-js function with the read unchanged."""
    read = name_values(parsed, camel=True, bounds=True)
    return function_js(camel_case("read " + parsed.relation), read.arguments, _body_js(read))


def read_py(parsed: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    read = name_values(parsed, camel=False, bounds=True)
    return function_py(snake_case("read " + parsed.relation), read.arguments, _body_py(read))


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
    name = snake_case("read " + parsed.relation)
    body = [
        '"""Call once per request of the application, and pass the result along."""',
        "@functools.cache",
        *read_py(parsed).split("\n"),
        f"return {name}",
    ]
    return "import functools\n\n" + function_py(f"make_{name}", (), body)


def _body_js(read: ClientRead) -> list[str]:
    result = _result(read.parsed)
    return [
        *comments("//", unsupported_params(read.parsed)),
        *checked_call_js(js_chain(read), result),
        f"return {result};",
    ]


def _body_py(read: ClientRead) -> list[str]:
    chain = [*py_chain(read), ".execute()", f".{_result(read.parsed)}"]
    return [*comments("#", unsupported_params(read.parsed)), *statement_py("return", chain)]


def _result(parsed: ParsedFingerprint) -> str:
    return "count" if is_count(parsed) else "data"


@memoized
def pages_js(parsed: ParsedFingerprint, key: str, size: int) -> str:
    """A supabase-js function that reads all rows in the order of ``key``, ``size`` rows per page."""
    read, column = name_values(without_order(parsed, [key]), camel=True), json.dumps(key)
    body = [
        *comments("//", unsupported_params(parsed)),
        "const rows = [];",
        "for (let last; ; ) {",
        *indent(statement_js("let query = supabase", js_chain(read)), 2),
        f"  if (last !== undefined) query = query.gt({column}, last);",
        f"  const {{ data, error }} = await query.order({column}).limit({size});",
        "  if (error) throw error;",
        "  rows.push(...data);",
        f"  if (data.length < {size}) return rows;",
        f"  last = data.at(-1)[{column}];",
        "}",
    ]
    return function_js(camel_case("list all " + parsed.relation), read.arguments, body)


@memoized
def pages_py(parsed: ParsedFingerprint, key: str, size: int) -> str:
    """The same for supabase-py."""
    read, column = name_values(without_order(parsed, [key]), camel=False), json.dumps(key)
    body = [
        *comments("#", unsupported_params(parsed)),
        "rows, last = [], None",
        "while True:",
        *indent(statement_py("query =", py_chain(read)), 4),
        "    if last is not None:",
        f"        query = query.gt({column}, last)",
        f"    page = query.order({column}).limit({size}).execute().data",
        "    rows += page",
        f"    if len(page) < {size}:",
        "        return rows",
        f"    last = page[-1][{column}]",
    ]
    return function_py(snake_case("list all " + parsed.relation), read.arguments, body)
