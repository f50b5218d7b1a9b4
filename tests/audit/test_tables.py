"""What stands in the tables, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.audit.tables import facts, seen, tables
from tests.audit.factories import PLAIN, report

if TYPE_CHECKING:
    from proxy.audit.report import Report

MADE = report(PLAIN)


def fact(made: Report, label: str) -> str:
    return dict(facts(made))[label]


def changed(**fields: object) -> Report:
    return replace(MADE, traffic=replace(MADE.traffic, **fields))


def test_every_row_has_a_cell_for_each_column() -> None:
    for table in tables(MADE):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_what_was_read_is_told_in_words() -> None:
    assert fact(MADE, "Time") == "1970-01-01 00:00:05 to 1970-01-01 00:00:05 UTC"
    assert fact(MADE, "Traces") == "2: 1 explicit, 1 inferred, 0 mixed"
    assert fact(MADE, "Queries") == "18 of 1 kind"
    assert fact(MADE, "Merged") == "0 (0.0 %); 9 more found no company"
    assert fact(MADE, "Upstream calls") == "18 answered them: 0 saved"
    assert fact(MADE, "Answers") == "18 rows, 2 kB; 0 failed"
    assert fact(MADE, "Verdict") == "FAILED: failing findings: 2 of 3 (--fail-on high)"


@pytest.mark.parametrize(
    ("fields", "label", "told"),
    [
        ({"begin": None, "end": None}, "Time", "–"),
        ({"truncated": 2}, "Traces", "2: 1 explicit, 1 inferred, 0 mixed; 2 cut short"),
        ({"repeated": 3}, "Queries", "18 of 1 kind; 3 more repeated by their clients"),
        ({"saved_calls": -2}, "Upstream calls", "18 answered them: -2 saved"),
        ({"queries": 1234567}, "Queries", "1,234,567 of 1 kind"),
    ],
)
def test_what_is_there_only_at_times_is_told_then(fields: dict[str, object], label: str, told: str) -> None:
    assert fact(changed(**fields), label) == told


def test_requests_whose_names_are_not_shown_are_told() -> None:
    assert "Not shown" not in dict(facts(MADE))
    assert fact(changed(nameless=4), "Not shown").startswith("4 of the requests")


def test_where_a_finding_was_made_is_told() -> None:
    whole, workload, loose = MADE.findings
    assert seen(whole) == "2 times in 2 traces; first in trace videos of videos"
    assert seen(workload) == "1 time, in the workload as a whole"
    assert seen(loose).endswith("no trace of these can fail a build: inferred, mixed or cut short")


def test_an_ignored_finding_tells_why_whose_and_how_long() -> None:
    (ignored,) = MADE.ignored
    table = tables(replace(MADE, ignored=(replace(ignored, until="2999-03-31"),)))[1]
    assert (table.title, table.rows[0][-1]) == ("Ignored: 1", "videos, owner videos, until 2999-03-31")


def test_times_shares_and_sizes_have_their_units() -> None:
    (asked,) = MADE.queries
    slow = replace(asked, total=61_234.5, share=0.123, calls=8, merged=2, bytes=3_400_000)
    (row,) = tables(replace(MADE, queries=(slow,)))[2].rows
    assert row[:4] == ("61.23 s", "12.3 %", "8", "25.0 %")
    assert row[7] == "3.4 MB"
