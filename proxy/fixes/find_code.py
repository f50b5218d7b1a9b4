"""The read of the one row that was looked for, in the three languages."""

from msgspec.structs import replace

from proxy.analysis.fingerprint import Filter, ParsedFingerprint
from proxy.fixes.chain_code import js_chain, left_out, named, py_chain
from proxy.fixes.function_code import answered_js, function_js, function_py, remarks, statement_py
from proxy.fixes.identifiers import camel_case, snake_case
from proxy.fixes.sql.read import read_sql
from proxy.postgrest.names import singular


def find_name(shown: ParsedFingerprint, column: str) -> str:
    """``getCreatorByUserId``."""
    return camel_case(f"get {singular(shown.relation)} by {column}")


def find_sql(shown: ParsedFingerprint, column: str) -> str:
    """The list's own query with ``column = $n``."""
    return read_sql(_narrowed(shown, column))


def find_js(shown: ParsedFingerprint, column: str) -> str:
    """A function for supabase-js that gives back the row, or null."""
    read = named(_narrowed(shown, column), camel=True)
    body = [
        *remarks("//", left_out(shown)),
        *answered_js([*js_chain(read), ".maybeSingle()"]),
        "return data;",
    ]
    return function_js(find_name(shown, column), read.arguments, body)


def find_py(shown: ParsedFingerprint, column: str) -> str:
    """The same for supabase-py, or None."""
    read = named(_narrowed(shown, column), camel=False)
    body = [
        *remarks("#", left_out(shown)),
        *statement_py("rows =", [*py_chain(read), ".limit(1)", ".execute()", ".data"]),
        "return rows[0] if rows else None",
    ]
    return function_py(snake_case(find_name(shown, column)), read.arguments, body)


def _narrowed(shown: ParsedFingerprint, column: str) -> ParsedFingerprint:
    """One row has no order."""
    return replace(shown, filters=(Filter(column, "eq", -1), *shown.filters), order=())
