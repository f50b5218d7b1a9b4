"""The fix of a read of too many rows: one page, or all pages.

Tests: tests/e2e/fixes/test_printed_fixes.py.
"""

from collections.abc import Callable

from msgspec.structs import replace

from proxy.analysis.answer_shape import as_rows
from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.values.unique_key import columns_without_nulls, no_key_reason, page_key
from proxy.findings.model import Fix
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.page_code import (
    Seek,
    next_page_js,
    next_page_py,
    page_reason,
    pages_js,
    pages_py,
    seek_order,
)
from proxy.fixes.sql.page import next_page_sql
from proxy.postgrest.database_facts import DatabaseFacts

NO_TEXT = ("json", "jsonb", "record", "representation")
"""Types whose values in a row are not the texts that a filter takes; arrays are others."""


def next_page_fix(parsed: ParsedFingerprint, facts: DatabaseFacts, note: str = "") -> Fix:
    """The page after a given row, in the order of the query and its key; ``note`` is a comment before the SQL."""
    return _fix(
        parsed,
        facts,
        lambda pages, seek: note + next_page_sql(pages, seek),
        next_page_js,
        next_page_py,
    )


def all_pages_fix(parsed: ParsedFingerprint, facts: DatabaseFacts, size: int) -> Fix:
    """All rows, in pages of ``size``, in the order of the query and its key."""
    return _fix(
        parsed,
        facts,
        lambda pages, seek: next_page_sql(pages, seek, size),
        lambda pages, seek: pages_js(pages, seek, size),
        lambda pages, seek: pages_py(pages, seek, size),
    )


def nulls_risk(parsed: ParsedFingerprint, facts: DatabaseFacts) -> str:
    """Which columns of the order the code takes to have nulls; empty if none, or without code."""
    seek = _seek(parsed, facts)
    if isinstance(seek, str):
        return ""
    names = ", ".join(dict.fromkeys(" ".join(order.column.split()) for order in parsed.order if seek.has_nulls(order)))
    return f" The code is right for nulls in {names}: not known to be NOT NULL." if names else ""


PageCode = Callable[[ParsedFingerprint, Seek], str]


def _fix(parsed: ParsedFingerprint, facts: DatabaseFacts, sql: PageCode, js: PageCode, py: PageCode) -> Fix:
    seek, pages = _seek(parsed, facts), _without_bounds(parsed)
    if isinstance(seek, str):
        return Fix(reason=seek)
    return printable_fix([pages], lambda: sql(pages, seek), lambda: js(pages, seek), lambda: py(pages, seek))


def _seek(parsed: ParsedFingerprint, facts: DatabaseFacts) -> Seek | str:
    """How the row after a given one is found, or why there is no code."""
    key = page_key(parsed, facts)
    reason = _reason(parsed, key, facts) if key else no_key_reason(parsed, facts)
    return reason or Seek(key, columns_without_nulls(parsed, facts))


def _reason(parsed: ParsedFingerprint, key: tuple[str, ...], facts: DatabaseFacts) -> str:
    """Why there is no code for pages; empty if there is."""
    relation = facts.of(parsed.name)
    for order in seek_order(parsed, key):
        kind = "" if relation is None else relation.type_of(order.column)
        if kind in NO_TEXT or kind.endswith("[]"):
            return f"No code: no filter takes a value of {order.column} ({kind}), after which a page starts."
    return page_reason(parsed, key)


def _without_bounds(parsed: ParsedFingerprint) -> ParsedFingerprint:
    return replace(as_rows(parsed), rest=tuple(param for param in parsed.rest if param not in ("limit=?", "offset=?")))
