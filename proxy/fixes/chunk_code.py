"""A read of many keys in chunks, in the two client languages, and in SQL as a function that takes them in one array."""

import json

import msgspec

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.batch_code import batch_name, keyed
from proxy.fixes.chain_code import in_schema, js_chain, left_out, py_chain
from proxy.fixes.function_code import function_js, function_py, indented, remarks, statement_py
from proxy.fixes.identifiers import snake_case
from proxy.fixes.sql.batch import batch_sql
from proxy.fixes.sql.clauses import array_type, key_sql, table_sql

CHUNK = 200
"""Keys a chunk: as UUIDs in a URL they have 8 kB, which is what the smallest limits on the way let through."""
ORDER = "Each chunk is in order; all rows together are not."
CALL = "Or in one call, its keys in the body:"


def chunked_js(shown: ParsedFingerprint, key: str) -> str:
    """A function for supabase-js that reads chunks side by side."""
    name, read = batch_name(shown.relation, key), keyed(shown, key, camel=True)
    keys = read.arguments[0]
    source, select, _, *rest = js_chain(read)
    body = [
        *remarks("//", left_out(shown)),
        "const chunks = [];",
        f"for (let at = 0; at < {keys}.length; at += {CHUNK}) chunks.push({keys}.slice(at, at + {CHUNK}));",
        "const answers = await Promise.all(chunks.map((chunk) => supabase",
        *indented([source, select, f".in({json.dumps(key)}, chunk)", *rest], 2),
        "));",
        "const failed = answers.find(({ error }) => error);",
        "if (failed) throw failed.error;",
        *([f"// {ORDER}"] if shown.order else []),
        "return answers.flatMap(({ data }) => data);",
    ]
    call = f"rpc({json.dumps(snake_case(name))}, {{ keys: {keys} }}){''.join([select, *rest])}"
    return f"{function_js(name, read.arguments, body)}\n// {CALL} await supabase{in_schema(shown)}.{call}"


def chunked_py(shown: ParsedFingerprint, key: str) -> str:
    """The same for supabase-py, chunk after chunk."""
    name, read = snake_case(batch_name(shown.relation, key)), keyed(shown, key, camel=False)
    keys = read.arguments[0]
    source, select, _, *rest = py_chain(read)
    chain = [source, select, f".in_({json.dumps(key)}, {keys}[at : at + {CHUNK}])", *rest, ".execute()", ".data"]
    body = [
        *remarks("#", left_out(shown)),
        "rows = []",
        f"for at in range(0, len({keys}), {CHUNK}):",
        *indented(statement_py("rows +=", chain), 4),
        *([f"# {ORDER}"] if shown.order else []),
        "return rows",
    ]
    call = f'rpc({json.dumps(name)}, {{"keys": {keys}}}){"".join([select, *rest])}.execute().data'
    return f"{function_py(name, read.arguments, body)}\n# {CALL} supabase{in_schema(shown)}.{call}"


def array_sql(shown: ParsedFingerprint, key: str, kind: str) -> str:
    """The read with one array, and a function for it that PostgREST shows as an RPC."""
    function, table = snake_case(batch_name(shown.relation, key)), table_sql(shown)
    name = table_sql(msgspec.structs.replace(shown, relation=function))
    lines = ("select *", f"from {table}", f"where {key_sql(key, '')}")
    body, mark = "\n".join(f"  {line}" for line in lines), "$$"
    while mark in body:  # a name may hold anything
        mark = f"${'x' * len(mark)}$"
    return "\n".join(
        [
            batch_sql(shown, key, kind),
            f"create function {name}(keys {array_type(kind) or 'text[]'}) returns setof {table}",
            f"language sql stable as {mark}\n{body}\n{mark};",
        ]
    )
