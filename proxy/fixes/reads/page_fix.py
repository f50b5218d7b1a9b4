"""The fix of a read of too many rows: one page, or all pages.

Tests: tests/e2e/fixes/test_printed_fixes.py.
"""

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.values.unique_key import no_key_reason, page_key
from proxy.findings.model import Fix
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.page_code import next_page_js, next_page_py, page_reason, pages_js, pages_py
from proxy.fixes.sql.page import next_page_sql
from proxy.postgrest.database_facts import DatabaseFacts


def next_page_fix(parsed: ParsedFingerprint, facts: DatabaseFacts, note: str = "") -> Fix:
    """The page after a given row, in the order of the query and its key; ``note`` is a comment before the SQL."""
    key, pages = page_key(parsed, facts), _without_bounds(parsed)
    reason = page_reason(parsed, key) if key else no_key_reason(parsed, facts)
    if reason:
        return Fix(reason=reason)
    return printable_fix(
        [pages],
        lambda: note + next_page_sql(pages, key),
        lambda: next_page_js(pages, key),
        lambda: next_page_py(pages, key),
    )


def all_pages_fix(parsed: ParsedFingerprint, facts: DatabaseFacts, size: int) -> Fix:
    """All rows, in pages of ``size``, in the order of the query and its key."""
    key, pages = page_key(parsed, facts), _without_bounds(parsed)
    reason = page_reason(parsed, key) if key else no_key_reason(parsed, facts)
    if reason:
        return Fix(reason=reason)
    return printable_fix(
        [pages],
        lambda: next_page_sql(pages, key, size),
        lambda: pages_js(pages, key, size),
        lambda: pages_py(pages, key, size),
    )


def _without_bounds(parsed: ParsedFingerprint) -> ParsedFingerprint:
    return replace(parsed, rest=tuple(param for param in parsed.rest if param not in ("limit=?", "offset=?")))
