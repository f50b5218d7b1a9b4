"""The fix of a read of too many rows: one page, or all pages.

Tests: tests/e2e/fixes/test_printed_fixes.py.
"""

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.findings.model import Fix
from proxy.fixes.page_code import next_page_js, next_page_py, page_reason, pages_js, pages_py
from proxy.fixes.printable import printable_fix
from proxy.fixes.sql.page import next_page_sql


def next_page_fix(parsed: ParsedFingerprint, key: str, note: str = "") -> Fix:
    """The page after a given row, in the order of the query and ``key``; ``note`` is a comment before the SQL."""
    reason, pages = page_reason(parsed, key), _without_bounds(parsed)
    if reason:
        return Fix(reason=reason)
    return printable_fix(
        [pages],
        lambda: note + next_page_sql(pages, key),
        lambda: next_page_js(pages, key),
        lambda: next_page_py(pages, key),
    )


def all_pages_fix(parsed: ParsedFingerprint, key: str, size: int) -> Fix:
    """All rows, in pages of ``size``, in the order of the query and ``key``."""
    reason, pages = page_reason(parsed, key), _without_bounds(parsed)
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
