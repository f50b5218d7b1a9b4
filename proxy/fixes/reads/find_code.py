"""A read of one row by a column, in SQL and for both client libraries."""

from msgspec.structs import replace

from proxy.analysis.answer_shape import as_rows
from proxy.analysis.fingerprint import Filter, ParsedFingerprint
from proxy.analysis.values.unique_key import HOW_TO_KNOW
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import js_chain, name_values, py_chain
from proxy.fixes.clients.filter_code import quoting_js, quoting_py
from proxy.fixes.clients.function_code import checked_call_js, function_js, function_py, statement_py
from proxy.fixes.clients.identifiers import camel_case, snake_case
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.sql.read import read_sql
from proxy.postgrest.singular import singular


def find_name(parsed: ParsedFingerprint, column: str) -> str:
    """``getCreatorByUserId``."""
    return camel_case(f"get {singular(parsed.relation)} by {column}")


def find_fix(parsed: ParsedFingerprint, column: str) -> Fix:
    """The read of the one row with a value in ``column``; without code if no such column is known."""
    if not column:
        return Fix(reason=f"No code: the column of {parsed.name} that finds the row is unknown; {HOW_TO_KNOW}.")
    return printable_fix(
        [parsed],
        lambda: find_sql(parsed, column),
        lambda: find_js(parsed, column),
        lambda: find_py(parsed, column),
    )


def find_sql(parsed: ParsedFingerprint, column: str) -> str:
    """The query of the list with the condition ``column = $n``."""
    return read_sql(_by_column(parsed, column))


def find_js(parsed: ParsedFingerprint, column: str) -> str:
    """A supabase-js function that returns the row, or null."""
    read = name_values(_by_column(parsed, column), camel=True)
    call = checked_call_js([*js_chain(read), ".maybeSingle()"])
    body = [
        *quoting_js(call),
        *call,
        "return data;",
    ]
    return function_js(find_name(parsed, column), read.arguments, body)


def find_py(parsed: ParsedFingerprint, column: str) -> str:
    """The same for supabase-py; it returns None without a row, and raises APIError for several."""
    read = name_values(_by_column(parsed, column), camel=False)
    call = statement_py("answer =", [*py_chain(read), ".maybe_single()", ".execute()"])
    body = [
        *quoting_py(call),
        *call,
        "return answer.data if answer else None",
    ]
    return function_py(snake_case(find_name(parsed, column)), read.arguments, body)


def _by_column(parsed: ParsedFingerprint, column: str) -> ParsedFingerprint:
    """The read with an ``eq`` filter on ``column``, without an order, since it returns one row."""
    return replace(as_rows(parsed), filters=(Filter(column, "eq", -1), *parsed.filters), order=())
