"""The read of the one row that was looked for, in the three languages."""

from msgspec.structs import replace

from proxy.postgrest.chain_code import camel_case, js_chain, left_out, named, py_chain, snake_case
from proxy.postgrest.function_code import function_js
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
    chain = [*js_chain(read), ".maybeSingle()"]
    return function_js(find_name(shown, column), list(read.filters.values()), chain, list(left_out(shown)))


def find_py(shown: Shown, column: str) -> str:
    """The same for supabase-py, or None."""
    read = named(_narrowed(shown, column), camel=False)
    lines = [
        f"def {snake_case(find_name(shown, column))}({read.arguments}):",
        *(f"    # and {note}" for note in left_out(shown)),
        "    rows = (",
        *(f"        {call}" for call in (*py_chain(read), ".limit(1)", ".execute()", ".data")),
        "    )",
        "    return rows[0] if rows else None",
    ]
    return "\n".join(lines)


def _narrowed(shown: Shown, column: str) -> Shown:
    """One row has no order."""
    return replace(shown, filters=(Filter(column, "eq", -1), *shown.filters), order=())
