"""How to get the execution plan of a query: in SQL, and through PostgREST.

https://postgrest.org/en/v12/references/observability.html#execution-plan
"""

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.clients.chain_code import js_chain, name_values, py_chain
from proxy.fixes.clients.filter_code import quoting_js, quoting_py
from proxy.fixes.clients.function_code import checked_call_js, function_js, function_py, statement_py
from proxy.fixes.clients.identifiers import camel_case, snake_case
from proxy.fixes.sql.read import read_sql
from proxy.fixes.sql.write import row_write_sql

ENABLE_PLANS = "alter role authenticator set pgrst.db_plan_enabled to 'true'; notify pgrst, 'reload config';"
"""PostgREST returns plans only after this setting, on Supabase too."""


def plan_sql(parsed: ParsedFingerprint) -> str:
    """The query, with comments that say how to explain it."""
    reads = parsed.method in ("GET", "HEAD")
    what = "explain (analyze, buffers)" if reads else "explain"
    note = f"-- For its plan, write {what} before it and replace $1, $2, … by values."
    role = "-- Run it as the role of the request (set role authenticated): its policies are part of the plan."
    return "\n".join([note, role, read_sql(parsed) if reads else row_write_sql(parsed)])


def plan_js(parsed: ParsedFingerprint) -> str:
    """A supabase-js function that returns the plan; for a write, the plan of a read of the rows that it changes."""
    read = name_values(replace(parsed, method="GET"), camel=True, bounds=True)
    call = checked_call_js([*js_chain(read), ".explain({ analyze: true, buffers: true })"])
    body = [*quoting_js(call), *call, "return data;"]
    code = function_js(camel_case("explain " + parsed.relation), read.arguments, body)
    return f"// Not in production. Run once in SQL: {ENABLE_PLANS}\n{code}"


def plan_py(parsed: ParsedFingerprint) -> str:
    """The same for supabase-py."""
    read = name_values(replace(parsed, method="GET"), camel=False, bounds=True)
    chain = [*py_chain(read), ".explain(analyze=True, buffers=True)", ".execute()"]
    call = statement_py("return", chain)
    body = [*quoting_py(call), *call]
    code = function_py(snake_case("explain " + parsed.relation), read.arguments, body)
    return f"# Not in production. Run once in SQL: {ENABLE_PLANS}\n{code}"
