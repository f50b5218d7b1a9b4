"""FAN012 tells pages that skip many rows from first pages and from pages behind a row."""

from __future__ import annotations

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan012_deep_offset import RULE, detect
from tests.factories import declared
from tests.rules.traces import span, trace

DEFAULTS = RuleSettings().of(RULE)
KNOWN = replace(DEFAULTS, facts=declared("videos", "number,status,created_at", "number"))

PAGE = "GET /videos?select=*&status=eq.x&order=created_at.desc&limit=50&offset={}"


def test_pages_that_skip_many_rows_are_found_once_a_query_with_what_they_skip() -> None:
    spans = [span(f"{PAGE.format(offset)} → 50 rows", number) for number, offset in enumerate((0, 5000, 15000), 1)]
    (finding,) = detect(trace(spans), DEFAULTS)
    assert finding.title == "20000 rows of videos read and discarded to return 100 rows"
    assert (finding.impact, finding.evidence) == ("HIGH", ("2 pages with an offset, the largest is 15000",))
    assert finding.expected.endswith("an index on status, created_at, the primary key.")
    assert "the primary key of videos, after which a page starts, is unknown" in finding.fix.reason


@pytest.mark.parametrize("line", [PAGE.format(0), PAGE.format(999), "GET /videos?limit=50&id=gt.9000&order=id"])
def test_first_pages_and_pages_behind_a_row_are_not(line: str) -> None:
    assert not list(detect(trace([span(line, 1)]), DEFAULTS))


def test_the_fix_is_a_page_behind_the_last_row_in_sql_that_parses() -> None:
    (finding,) = detect(trace([span(PAGE.format(1000), 1)]), KNOWN)
    assert finding.expected.endswith("an index on status, created_at, number.")
    sqlglot.parse_one(finding.fix.sql, dialect="postgres")
    assert "created_at is not distinct from $2 and number < $3)" in finding.fix.sql
    assert (
        '[["created_at", last["created_at"], "lt", "first"], ["number", last["number"], "lt", ""]]'
        in finding.fix.supabase_js
    )
