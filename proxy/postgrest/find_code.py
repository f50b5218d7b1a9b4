"""The read of the one row that was looked for, in the three languages."""

from msgspec.structs import replace

from proxy.postgrest.chain_code import js_chain, left_out, named, py_chain
from proxy.postgrest.function_code import answered_js, function_js, function_py, remarks, statement_py
from proxy.postgrest.identifiers import camel_case, snake_case
from proxy.postgrest.read_sql import read_sql
from proxy.postgrest.shown import Filter, Shown


def singular(relation: str) -> str:
    """``creator`` for ``creators``, ``company`` for ``companies``: a guess, as good as English is regular."""
    if relation.endswith("ies"):
        return relation.removesuffix("ies") + "y"
    return relation.removesuffix("s") if not relation.endswith("ss") else relation


def find_name(shown: Shown, column: str) -> str:
    """``getCreatorByUserId``."""
    return camel_case(f"get {singular(shown.relation)} by {column}")


def find_sql(shown: Shown, column: str) -> str:
    """The list's own query with ``column = $n``."""
    return read_sql(_narrowed(shown, column))


def find_js(shown: Shown, column: str) -> str:
    """A function for supabase-js that gives back the row, or null."""
    read = named(_narrowed(shown, column), camel=True)
    body = [
        *remarks("//", left_out(shown)),
        *answered_js([*js_chain(read), ".maybeSingle()"]),
        "return data;",
    ]
    return function_js(find_name(shown, column), read.arguments, body)


def find_py(shown: Shown, column: str) -> str:
    """The same for supabase-py, or None."""
    read = named(_narrowed(shown, column), camel=False)
    body = [
        *remarks("#", left_out(shown)),
        *statement_py("rows =", [*py_chain(read), ".limit(1)", ".execute()", ".data"]),
        "return rows[0] if rows else None",
    ]
    return function_py(snake_case(find_name(shown, column)), read.arguments, body)


def _narrowed(shown: Shown, column: str) -> Shown:
    """One row has no order."""
    return replace(shown, filters=(Filter(column, "eq", -1), *shown.filters), order=())
