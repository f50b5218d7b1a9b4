"""A fix with those of its parts that keep every parameter of the query, and the reason for the others.

Tests: tests/e2e/fixes/test_printed_fixes.py.
"""

from collections.abc import Callable, Iterable

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import client_reason, unsupported_params
from proxy.fixes.sql.clauses import sql_reason

Code = Callable[[], str]


def printable_fix(queries: Iterable[ParsedFingerprint], sql: Code, js: Code, py: Code) -> Fix:
    """The fix of reads; a part is made only if its language expresses all ``queries``."""
    queries = list(queries)
    no_sql = next(filter(None, (sql_reason(parsed, parsed.filters) for parsed in queries)), "")
    no_client = client_reason(dict.fromkeys(text for parsed in queries for text in unsupported_params(parsed)))
    return Fix(
        sql="" if no_sql else sql(),
        supabase_js="" if no_client else js(),
        supabase_py="" if no_client else py(),
        reason=" ".join(filter(None, (no_sql, no_client))),
    )
