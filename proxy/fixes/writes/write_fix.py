"""The fix of a loop of writes: one write for all rows, if every parameter of the calls can be kept.

Tests: tests/e2e/fixes/test_printed_fixes.py.
"""

from proxy.analysis.fingerprint import ParsedFingerprint, conflict_columns
from proxy.analysis.patterns.varying import SimilarCalls
from proxy.analysis.values.unique_key import HOW_TO_KNOW
from proxy.findings.model import Fix
from proxy.fixes.clients.chain_code import client_reason, unsupported_row_params
from proxy.fixes.sql.batch import takes_keys
from proxy.fixes.sql.clauses import unsupported_conditions
from proxy.fixes.sql.write import batch_write_sql, row_write_sql, rows_sql, update_each_sql
from proxy.fixes.writes.write_code import (
    batch_write_js,
    batch_write_py,
    is_upsert,
    row_write_js,
    row_write_py,
    rows_js,
    rows_py,
)
from proxy.postgrest.database_facts import DatabaseFacts, RelationFacts

SAME = "If all rows get the same values:"
OWN = "If each row gets its own values:"


def write_fix(calls: SimilarCalls, facts: DatabaseFacts, own: bool = True) -> Fix:
    """The write of all rows, or of the same rows without ``calls.keys``; ``own``: also with values per row, in SQL."""
    reason = _reason(calls)
    if reason:
        return Fix(reason=reason)
    if calls.parsed.method == "POST":
        return _rows_fix(calls, facts)
    rest = [condition for condition in calls.parsed.filters if condition not in calls.keys]
    texts = ", ".join(unsupported_conditions(calls.parsed, rest))
    no_sql = f"No SQL: {texts} has no plain SQL operator." if texts else ""
    if not calls.keys:
        sql = "" if no_sql else row_write_sql(calls.parsed)
        return Fix(sql, row_write_js(calls.parsed), row_write_py(calls.parsed), no_sql)
    if len(calls.keys) > 1 and not takes_keys(calls.keys):
        no_sql = "No SQL: a path into JSON is part of the key."
    sql = "" if no_sql else batch_write_sql(calls)
    if own and sql and calls.parsed.method == "PATCH" and takes_keys(calls.keys):
        sql = f"-- {SAME}\n{sql}\n-- {OWN}\n{update_each_sql(calls)}"
    return Fix(sql, batch_write_js(calls), batch_write_py(calls), no_sql)


def _rows_fix(calls: SimilarCalls, facts: DatabaseFacts) -> Fix:
    parsed, preferences = calls.parsed, calls.preferences
    by_primary_key = is_upsert(parsed, preferences) and not conflict_columns(parsed)
    relation = facts.of(parsed.name) if by_primary_key else None
    key = () if relation is None else relation.primary_key
    no_sql = _no_key_reason(parsed, relation) if by_primary_key and not key else ""
    sql = "" if no_sql else rows_sql(parsed, preferences, key)
    return Fix(sql, rows_js(parsed, preferences), rows_py(parsed, preferences), no_sql)


def _no_key_reason(parsed: ParsedFingerprint, relation: RelationFacts | None) -> str:
    name = parsed.name
    if relation is None:
        return f"No SQL: the upsert is by the primary key of {name}, which is unknown; {HOW_TO_KNOW}."
    return f"No SQL: without on_conflict, the upsert is by the primary key, and {name} has none."


def _reason(calls: SimilarCalls) -> str:
    columns = [key.column for key in calls.keys]
    if calls.preferences == "?":
        return "No bulk write: the calls have different preferences (Prefer), which one call cannot have."
    if calls.others and calls.parsed.method != "POST":
        return f"No bulk write: the calls differ in {', '.join(calls.others)} too, for which no list can stand."
    if len(set(columns)) < len(columns):
        return f"No bulk write: the calls filter {columns[0]} twice."
    return client_reason(unsupported_row_params(calls.parsed)).replace("No client code", "No bulk write")
