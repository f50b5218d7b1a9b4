"""A read of many keys in chunks, in the two client languages, and in SQL as a function that takes them in one array."""

import json

from proxy.postgrest.batch_code import batch_name, js_arguments, js_chain, js_name, py_arguments, py_chain, py_name
from proxy.postgrest.batch_sql import ARRAYS, batch_sql, expression
from proxy.postgrest.chain_code import snake_case
from proxy.postgrest.names import quoted
from proxy.postgrest.shown import Shown

CHUNK = 200
"""Keys a chunk: as UUIDs in a URL they have 8 kB, which is what the smallest limits on the way let through."""


def chunked_js(shown: Shown, key: str) -> str:
    """A function for supabase-js that reads chunks side by side."""
    name, keys = batch_name(shown.relation, key), js_name(key)
    rest = _after(js_chain(shown, key, ""), ".in(")
    lines = [
        f"async function {name}({', '.join([keys, *js_arguments(shown, key)])}) {{",
        "  const chunks = [];",
        f"  for (let at = 0; at < {keys}.length; at += {CHUNK}) chunks.push({keys}.slice(at, at + {CHUNK}));",
        "  const answers = await Promise.all(chunks.map((chunk) => supabase",
        *(f"    {line}" for line in js_chain(shown, key, "chunk")),
        "  ));",
        "  const failed = answers.find(({ error }) => error);",
        "  if (failed) throw failed.error;",
        *(["  // Each chunk is in order; all rows together are not."] if shown.order else []),
        "  return answers.flatMap(({ data }) => data);",
        "}",
        "// Or in one call, its keys in the body: "
        f"await supabase.rpc({json.dumps(snake_case(name))}, {{ keys: {keys} }}){rest}",
    ]
    return "\n".join(lines)


def chunked_py(shown: Shown, key: str) -> str:
    """The same for supabase-py, chunk after chunk."""
    name, keys = snake_case(batch_name(shown.relation, key)), py_name(key)
    lines = [
        f"def {name}({', '.join([keys, *py_arguments(shown, key)])}):",
        "    rows = []",
        f"    for at in range(0, len({keys}), {CHUNK}):",
        "        rows += (",
        *(f"            {line}" for line in py_chain(shown, key, f"{keys}[at : at + {CHUNK}]")),
        "        )",
        *(["    # Each chunk is in order; all rows together are not."] if shown.order else []),
        "    return rows",
        "# Or in one call, its keys in the body: "
        f'supabase.rpc({json.dumps(name)}, {{"keys": {keys}}}){_after(py_chain(shown, key, ""), ".in_(")}',
    ]
    return "\n".join(lines)


def _after(chain: list[str], keys: str) -> str:
    """What follows the relation in a chain, on one line, without the filter by ``keys``."""
    return "".join(call for call in chain[1:] if not call.startswith(keys))


def array_sql(shown: Shown, key: str, kind: str) -> str:
    """The read with one array, and a function for it that PostgREST shows as an RPC."""
    name, relation = quoted(snake_case(batch_name(shown.relation, key))), quoted(shown.relation)
    lines = ("select *", f"from {relation}", f"where {expression(key)} = ANY($1)")
    body, mark = "\n".join(f"  {line}" for line in lines), "$$"
    while mark in body:  # a name may hold anything
        mark = f"${'x' * len(mark)}$"
    return "\n".join(
        [
            batch_sql(shown, key, kind),
            f"create function {name}(keys {ARRAYS.get(kind, 'text[]')}) returns setof {relation}",
            f"language sql stable as {mark}\n{body}\n{mark};",
        ]
    )
