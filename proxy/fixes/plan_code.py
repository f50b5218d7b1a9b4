"""How to see the plan of the query that a fingerprint stands for: in SQL, and through PostgREST.

https://postgrest.org/en/v12/references/observability.html#execution-plan
"""

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.chain_code import js_chain, named, py_chain, rows_left_out
from proxy.fixes.function_code import answered_js, function_js, function_py, remarks, statement_py
from proxy.fixes.identifiers import camel_case, snake_case
from proxy.fixes.sql.read import read_sql
from proxy.fixes.sql.write import row_write_sql

TURN_ON = "alter role authenticator set pgrst.db_plan_enabled to 'true'; notify pgrst, 'reload config';"
"""What PostgREST wants before it tells plans; Supabase too."""


def plan_sql(shown: ParsedFingerprint) -> str:
    """The query; what to write before it is said in a comment."""
    reads = shown.method in ("GET", "HEAD")
    what = "explain (analyze, buffers)" if reads else "explain"
    note = f"-- Its plan: write {what} before it, and values for $1, $2, …"
    role = "-- as the role that asks (set role authenticated), for its policies are part of the plan:"
    return "\n".join([note, role, read_sql(shown) if reads else row_write_sql(shown)])


def plan_js(shown: ParsedFingerprint) -> str:
    """A function for supabase-js that gives back the plan; of a write, that of the rows it looks for."""
    read = named(replace(shown, method="GET"), camel=True, bounds=True)
    body = [
        *remarks("//", rows_left_out(shown)),
        *answered_js([*js_chain(read), ".explain({ analyze: true, buffers: true })"]),
        "return data;",
    ]
    code = function_js(camel_case("explain " + shown.relation), read.arguments, body)
    return f"// Not in production; once, in SQL: {TURN_ON}\n{code}"


def plan_py(shown: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    read = named(replace(shown, method="GET"), camel=False, bounds=True)
    chain = [*py_chain(read), ".explain(analyze=True, buffers=True)", ".execute()"]
    body = [*remarks("#", rows_left_out(shown)), *statement_py("return", chain)]
    code = function_py(snake_case("explain " + shown.relation), read.arguments, body)
    return f"# Not in production; once, in SQL: {TURN_ON}\n{code}"
