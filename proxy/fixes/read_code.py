"""The read that a fingerprint stands for in the two client languages: as it is, once a request, or all of its pages."""

import json

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.chain_code import ClientRead, counts, js_chain, left_out, named, py_chain, unordered
from proxy.fixes.function_code import (
    answered_js,
    function_js,
    function_py,
    indented,
    remarks,
    statement_js,
    statement_py,
)
from proxy.fixes.identifiers import camel_case, snake_case
from proxy.fixes.remembered import remembered

_WRITES = {"POST": "insert(rows)", "PUT": "upsert(row)", "PATCH": "update(values)", "DELETE": "delete()"}


def call_js(shown: ParsedFingerprint) -> str:
    """The call for supabase-js that a fingerprint stands for, as the application may have it; reads and writes."""
    source, select, *rest = js_chain(named(shown, camel=True, bounds=True))
    write = _WRITES.get(shown.method)
    calls = [select, *rest] if write is None else [f".{write}", *rest, *([select] if shown.select != "*" else [])]
    begin = f"const {{ {_result(shown)}, error }} = await supabase"
    return "\n".join([*remarks("//", left_out(shown)), *statement_js(begin, [source, *calls])])


def read_js(shown: ParsedFingerprint) -> str:
    """A function for supabase-js that reads just so."""
    read = named(shown, camel=True, bounds=True)
    return function_js(camel_case("read " + shown.relation), read.arguments, _body_js(read))


def read_py(shown: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    read = named(shown, camel=False, bounds=True)
    return function_py(snake_case("read " + shown.relation), read.arguments, _body_py(read))


@remembered
def once_js(shown: ParsedFingerprint) -> str:
    """A function for supabase-js that calls once in a request of the application, whoever asks."""
    read = named(shown, camel=True, bounds=True)
    lines = [
        'import { cache } from "react";',
        "",
        f"export const {camel_case('read ' + shown.relation)} = cache(async ({', '.join(read.arguments)}) => {{",
        *indented(_body_js(read), 2),
        "});",
        "// Without React: read it once where the request begins, and pass the rows on as an argument.",
    ]
    return "\n".join(lines)


@remembered
def once_py(shown: ParsedFingerprint) -> str:
    """The same for supabase-py: a reader to be made for each request."""
    name = snake_case("read " + shown.relation)
    body = [
        '"""To be made once a request of the application, and passed on with it."""',
        "@functools.cache",
        *read_py(shown).split("\n"),
        f"return {name}",
    ]
    return "import functools\n\n" + function_py(f"make_{name}", (), body)


def _body_js(read: ClientRead) -> list[str]:
    result = _result(read.shown)
    return [*remarks("//", left_out(read.shown)), *answered_js(js_chain(read), result), f"return {result};"]


def _body_py(read: ClientRead) -> list[str]:
    chain = [*py_chain(read), ".execute()", f".{_result(read.shown)}"]
    return [*remarks("#", left_out(read.shown)), *statement_py("return", chain)]


def _result(shown: ParsedFingerprint) -> str:
    return "count" if counts(shown) else "data"


@remembered
def pages_js(shown: ParsedFingerprint, key: str, size: int) -> str:
    """A function for supabase-js that reads all rows, ``size`` at a time, in the order of ``key``."""
    read, column = named(unordered(shown, [key]), camel=True), json.dumps(key)
    body = [
        *remarks("//", left_out(shown)),
        "const rows = [];",
        "for (let last; ; ) {",
        *indented(statement_js("let query = supabase", js_chain(read)), 2),
        f"  if (last !== undefined) query = query.gt({column}, last);",
        f"  const {{ data, error }} = await query.order({column}).limit({size});",
        "  if (error) throw error;",
        "  rows.push(...data);",
        f"  if (data.length < {size}) return rows;",
        f"  last = data.at(-1)[{column}];",
        "}",
    ]
    return function_js(camel_case("list all " + shown.relation), read.arguments, body)


@remembered
def pages_py(shown: ParsedFingerprint, key: str, size: int) -> str:
    """The same for supabase-py."""
    read, column = named(unordered(shown, [key]), camel=False), json.dumps(key)
    body = [
        *remarks("#", left_out(shown)),
        "rows, last = [], None",
        "while True:",
        *indented(statement_py("query =", py_chain(read)), 4),
        "    if last is not None:",
        f"        query = query.gt({column}, last)",
        f"    page = query.order({column}).limit({size}).execute().data",
        "    rows += page",
        f"    if len(page) < {size}:",
        "        return rows",
        f"    last = page[-1][{column}]",
    ]
    return function_py(snake_case("list all " + shown.relation), read.arguments, body)
