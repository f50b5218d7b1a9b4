"""Several reads as one database function, so that one call loads a page or a job."""

from collections.abc import Sequence

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.fixes.function_code import checked_call_js, function_js, function_py
from proxy.fixes.identifiers import snake_case
from proxy.fixes.sql.read import subquery_sql

FUNCTION = "load_page"


def load_sql(reads: Sequence[ParsedFingerprint]) -> str:
    """The query of such a function: an object with one array of rows per read."""
    parts, values = [], 0
    for name, parsed in zip(_names(reads), reads, strict=True):
        lines, values = subquery_sql(parsed, values)
        inside = "\n".join(f"    {line}" for line in lines)
        parts.append(f"  '{name}', (select jsonb_agg({name}) from (\n{inside}\n  ) as {name})")  # noqa: S608 – read, not run
    return "\n".join(
        ["select jsonb_build_object(", ",\n".join(parts), ");", f"-- in a function {FUNCTION}(…) with security invoker"]
    )


def load_js(reads: Sequence[ParsedFingerprint]) -> str:
    """A supabase-js function that calls it."""
    names = ", ".join(_names(reads))
    body = [*checked_call_js([], source=f'supabase.rpc("{FUNCTION}", values)'), f"return data; // {{ {names} }}"]
    return function_js("loadPage", ["values"], body)


def load_py(reads: Sequence[ParsedFingerprint]) -> str:
    """The same for supabase-py."""
    names = ", ".join(_names(reads))
    body = [f'return supabase.rpc("{FUNCTION}", values).execute().data  # {{{names}}}']
    return function_py(FUNCTION, ["values"], body)


def _names(reads: Sequence[ParsedFingerprint]) -> list[str]:
    return [f"rows_{snake_case(parsed.relation)}_{number}".replace("__", "_") for number, parsed in enumerate(reads, 1)]
