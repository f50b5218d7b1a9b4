"""The read that a fingerprint stands for in the two client languages: once a request, or all of its pages."""

import json

from proxy.postgrest.chain_code import bounds_of, camel_case, counts, js_chain, left_out, named, py_chain, snake_case
from proxy.postgrest.remembered import remembered
from proxy.postgrest.shown import Shown

_WRITES = {"POST": "insert(rows)", "PUT": "upsert(row)", "PATCH": "update(values)", "DELETE": "delete()"}


def call_js(shown: Shown, schema: str) -> str:
    """The call for supabase-js that a fingerprint stands for, as the application may have it; reads and writes."""
    read = named(shown, camel=True, bounds=True)
    source, select, *rest = [*js_chain(read), *bounds_of(read)]
    write = _WRITES.get(shown.method)
    calls = [select, *rest] if write is None else [f".{write}", *rest, *([select] if shown.select != "*" else [])]
    lines = [
        *(f"// and {text}" for text in left_out(shown)),
        f"const {{ {'count' if counts(shown) else 'data'}, error }} = await supabase",
        *([f"  .schema({json.dumps(schema)})"] if schema else []),
        *(f"  {line}" for line in (source, *calls)),
    ]
    return "\n".join(lines) + ";"


@remembered
def once_js(shown: Shown) -> str:
    """A function for supabase-js that calls once in a request of the application, whoever asks."""
    read = named(shown, camel=True, bounds=True)
    chain, result = [*js_chain(read), *bounds_of(read)], "count" if counts(shown) else "data"
    lines = [
        'import { cache } from "react";',
        "",
        f"export const {camel_case('read ' + shown.relation)} = cache(async ({read.arguments}) => {{",
        *(f"  // and {text}" for text in left_out(shown)),
        f"  const {{ {result}, error }} = await supabase",
        *(f"    {line}" for line in chain[:-1]),
        f"    {chain[-1]};",
        "  if (error) throw error;",
        f"  return {result};",
        "});",
        "// Without React: read it once where the request begins, and pass the rows on as an argument.",
    ]
    return "\n".join(lines)


@remembered
def once_py(shown: Shown) -> str:
    """The same for supabase-py: a reader to be made for each request."""
    read, name = named(shown, camel=False, bounds=True), snake_case("read " + shown.relation)
    lines = [
        "import functools",
        "",
        f"def make_{name}():",
        '    """To be made once a request of the application, and passed on with it."""',
        "    @functools.cache",
        f"    def {name}({read.arguments}):",
        *(f"        # and {text}" for text in left_out(shown)),
        "        return (",
        *(f"            {line}" for line in (*py_chain(read), *bounds_of(read))),
        "            .execute()",
        f"            .{'count' if counts(shown) else 'data'}",
        "        )",
        f"    return {name}",
    ]
    return "\n".join(lines)


@remembered
def pages_js(shown: Shown, key: str, size: int) -> str:
    """A function for supabase-js that reads all rows, ``size`` at a time, in the order of ``key``."""
    read, column = named(shown, camel=True), json.dumps(key)
    chain = js_chain(read, key)
    lines = [
        f"async function {camel_case('list all ' + shown.relation)}({read.arguments}) {{",
        *(f"  // and {text}" for text in left_out(shown)),
        "  const rows = [];",
        "  for (let last; ; ) {",
        "    let query = supabase",
        *(f"      {line}" for line in chain[:-1]),
        f"      {chain[-1]};",
        f"    if (last !== undefined) query = query.gt({column}, last);",
        f"    const {{ data, error }} = await query.order({column}).limit({size});",
        "    if (error) throw error;",
        "    rows.push(...data);",
        f"    if (data.length < {size}) return rows;",
        f"    last = data.at(-1)[{column}];",
        "  }",
        "}",
    ]
    return "\n".join(lines)


@remembered
def pages_py(shown: Shown, key: str, size: int) -> str:
    """The same for supabase-py."""
    read, column = named(shown, camel=False), json.dumps(key)
    lines = [
        f"def {snake_case('list all ' + shown.relation)}({read.arguments}):",
        *(f"    # and {text}" for text in left_out(shown)),
        "    rows, last = [], None",
        "    while True:",
        "        query = (",
        *(f"            {line}" for line in py_chain(read, key)),
        "        )",
        "        if last is not None:",
        f"            query = query.gt({column}, last)",
        f"        page = query.order({column}).limit({size}).execute().data",
        "        rows += page",
        f"        if len(page) < {size}:",
        "            return rows",
        f"        last = page[-1][{column}]",
    ]
    return "\n".join(lines)
