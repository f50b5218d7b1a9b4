"""A read of many keys: in chunks for both client libraries, and as an SQL function that takes an array."""

import json

import msgspec

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.batch_code import batch_name, read_by_keys
from proxy.fixes.chain_code import in_schema, js_chain, py_chain, unsupported_params
from proxy.fixes.function_code import comments, function_js, function_py, indent, statement_py
from proxy.fixes.identifiers import snake_case
from proxy.fixes.sql.batch import batch_sql
from proxy.fixes.sql.clauses import array_type, key_sql, table_sql

CHUNK_SIZE = 200
"""Keys per chunk: as UUIDs they make a URL of 8 kB, which the smallest common limits of servers and proxies allow."""
ORDER_NOTE = "Each chunk is ordered; the rows of all chunks together are not."
RPC_NOTE = "Or in one call, with the keys in the body:"


def chunked_js(parsed: ParsedFingerprint, key: str) -> str:
    """A supabase-js function that reads the chunks in parallel."""
    name, read = batch_name(parsed.relation, key), read_by_keys(parsed, key, camel=True)
    keys = read.arguments[0]
    source, select, _, *rest = js_chain(read)
    body = [
        *comments("//", unsupported_params(parsed)),
        "const chunks = [];",
        f"for (let at = 0; at < {keys}.length; at += {CHUNK_SIZE}) chunks.push({keys}.slice(at, at + {CHUNK_SIZE}));",
        "const answers = await Promise.all(chunks.map((chunk) => supabase",
        *indent([source, select, f".in({json.dumps(key)}, chunk)", *rest], 2),
        "));",
        "const failed = answers.find(({ error }) => error);",
        "if (failed) throw failed.error;",
        *([f"// {ORDER_NOTE}"] if parsed.order else []),
        "return answers.flatMap(({ data }) => data);",
    ]
    call = f"rpc({json.dumps(snake_case(name))}, {{ keys: {keys} }}){''.join([select, *rest])}"
    return f"{function_js(name, read.arguments, body)}\n// {RPC_NOTE} await supabase{in_schema(parsed)}.{call}"


def chunked_py(parsed: ParsedFingerprint, key: str) -> str:
    """The same for supabase-py, one chunk after another."""
    name, read = snake_case(batch_name(parsed.relation, key)), read_by_keys(parsed, key, camel=False)
    keys = read.arguments[0]
    source, select, _, *rest = py_chain(read)
    chain = [source, select, f".in_({json.dumps(key)}, {keys}[at : at + {CHUNK_SIZE}])", *rest, ".execute()", ".data"]
    body = [
        *comments("#", unsupported_params(parsed)),
        "rows = []",
        f"for at in range(0, len({keys}), {CHUNK_SIZE}):",
        *indent(statement_py("rows +=", chain), 4),
        *([f"# {ORDER_NOTE}"] if parsed.order else []),
        "return rows",
    ]
    call = f'rpc({json.dumps(name)}, {{"keys": {keys}}}){"".join([select, *rest])}.execute().data'
    return f"{function_py(name, read.arguments, body)}\n# {RPC_NOTE} supabase{in_schema(parsed)}.{call}"


def array_sql(parsed: ParsedFingerprint, key: str, kind: str) -> str:
    """The read by one array, and a function with that read that PostgREST exposes as an RPC."""
    function, table = snake_case(batch_name(parsed.relation, key)), table_sql(parsed)
    name = table_sql(msgspec.structs.replace(parsed, relation=function))
    lines = ("select *", f"from {table}", f"where {key_sql(key, '')}")
    body, mark = "\n".join(f"  {line}" for line in lines), "$$"
    while mark in body:  # a relation's name may contain any character
        mark = f"${'x' * len(mark)}$"
    return "\n".join(
        [
            batch_sql(parsed, key, kind),
            f"create function {name}(keys {array_type(kind) or 'text[]'}) returns setof {table}",
            f"language sql stable as {mark}\n{body}\n{mark};",
        ]
    )
