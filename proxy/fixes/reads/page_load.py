"""Several reads as one database function, so that one call loads a page or a job."""

from collections.abc import Sequence

from proxy.analysis.answer_shape import STRIPPED, wants_object
from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.findings.model import Fix
from proxy.fixes.clients.identifiers import snake_case
from proxy.fixes.sql.clauses import sql_reason
from proxy.fixes.sql.read import subquery_sql

FUNCTION = "load_page"
NO_CLIENT = "No client code: the parameters of the function have the types of columns, which fanin does not see."


def load_fix(reads: Sequence[ParsedFingerprint]) -> Fix:
    """The query of such a function, of those reads that have SQL. Its parameters are the reader's to declare."""
    whole = [parsed for parsed in reads if not sql_reason(parsed, parsed.filters)]
    left = ", ".join(parsed.name for parsed in reads if parsed not in whole)
    reasons = [NO_CLIENT, *([f"Not in the SQL, which cannot express them: reads of {left}."] if left else [])]
    return Fix(sql=load_sql(whole) if whole else "", reason=" ".join(reasons))


def load_sql(reads: Sequence[ParsedFingerprint]) -> str:
    """The query of such a function: an object with one array of rows per read, or one object."""
    parts, values = [], 0
    for name, parsed in zip(_names(reads), reads, strict=True):
        lines, values = subquery_sql(parsed, values)
        inside = "\n".join(f"    {line}" for line in lines)
        rows = f"to_jsonb({name})" if wants_object(parsed) else f"coalesce(jsonb_agg({name}), '[]')"
        rows = f"jsonb_strip_nulls({rows})" if STRIPPED in parsed.media else rows
        parts.append(f"  '{name}', (select {rows} from (\n{inside}\n  ) as {name})")  # noqa: S608 – read, not run
    return "\n".join(
        ["select jsonb_build_object(", ",\n".join(parts), ");", f"-- in a function {FUNCTION}(…) with security invoker"]
    )


def _names(reads: Sequence[ParsedFingerprint]) -> list[str]:
    return [f"rows_{snake_case(parsed.relation)}_{number}".replace("__", "_") for number, parsed in enumerate(reads, 1)]
