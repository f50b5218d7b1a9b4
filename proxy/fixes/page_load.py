"""Several reads as one function of the database, with which a page or a job is loaded in one call."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.function_code import answered_js, function_js, function_py
from proxy.fixes.identifiers import snake_case
from proxy.fixes.sql.read import part_sql

FUNCTION = "load_page"


def load_sql(reads: Sequence[ParsedFingerprint]) -> str:
    """The query that such a function runs: each read an array under a name of its own."""
    parts, values = [], 0
    for name, shown in zip(_names(reads), reads, strict=True):
        lines, values = part_sql(shown, values)
        inside = "\n".join(f"    {line}" for line in lines)
        parts.append(f"  '{name}', (select jsonb_agg({name}) from (\n{inside}\n  ) as {name})")  # noqa: S608 – read, not run
    return "\n".join(
        ["select jsonb_build_object(", ",\n".join(parts), ");", f"-- in a function {FUNCTION}(…), security invoker"]
    )


def load_js(reads: Sequence[ParsedFingerprint]) -> str:
    """The call for supabase-js."""
    names = ", ".join(_names(reads))
    body = [*answered_js([], source=f'supabase.rpc("{FUNCTION}", values)'), f"return data; // {{ {names} }}"]
    return function_js("loadPage", ["values"], body)


def load_py(reads: Sequence[ParsedFingerprint]) -> str:
    """The call for supabase-py."""
    names = ", ".join(_names(reads))
    body = [f'return supabase.rpc("{FUNCTION}", values).execute().data  # {{{names}}}']
    return function_py(FUNCTION, ["values"], body)


def _names(reads: Sequence[ParsedFingerprint]) -> list[str]:
    return [f"rows_{snake_case(shown.relation)}_{number}".replace("__", "_") for number, shown in enumerate(reads, 1)]
