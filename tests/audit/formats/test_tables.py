"""The tables of a report contain its fields as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.audit.formats.tables import facts, seen, tables
from tests.audit.factories import PLAIN, report

if TYPE_CHECKING:
    from proxy.audit.report import Report

REPORT = report(PLAIN)


def fact(report: Report, label: str) -> str:
    return dict(facts(report))[label]


def changed(**fields: object) -> Report:
    return replace(REPORT, traffic=replace(REPORT.traffic, **fields))


def test_every_row_has_a_cell_for_each_column() -> None:
    for table in tables(REPORT):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_facts_summarize_the_traffic() -> None:
    assert fact(REPORT, "Time") == "1970-01-01 00:00:05 to 1970-01-01 00:00:05 UTC"
    assert fact(REPORT, "Traces") == "2: 1 explicit, 1 inferred, 0 mixed"
    assert fact(REPORT, "Queries") == "18 of 1 kind"
    assert fact(REPORT, "Merged") == "0 (0.0 %); 9 more had nothing to merge with"
    assert fact(REPORT, "Upstream calls") == "18; 0 saved"
    assert fact(REPORT, "Answers") == "18 rows, 2 kB; 0 failed"
    assert fact(REPORT, "Verdict") == "FAILED: failing findings: 2 of 3 (--fail-on high); not checked: 1"


@pytest.mark.parametrize(
    ("fields", "label", "text"),
    [
        ({"begin": None, "end": None}, "Time", "–"),
        ({"truncated": 2}, "Traces", "2: 1 explicit, 1 inferred, 0 mixed; 2 truncated"),
        ({"repeated": 3}, "Queries", "18 of 1 kind; 3 more repeated by their clients"),
        ({"saved_calls": -2}, "Upstream calls", "18; -2 saved"),
        ({"queries": 1234567}, "Queries", "1,234,567 of 1 kind"),
    ],
)
def test_optional_parts_of_facts_appear_with_their_value(fields: dict[str, object], label: str, text: str) -> None:
    assert fact(changed(**fields), label) == text


def test_requests_whose_names_are_not_shown_are_counted() -> None:
    assert "Not shown" not in dict(facts(REPORT))
    assert fact(changed(nameless=4), "Not shown").startswith("4 requests: ")


def test_the_occurrences_of_a_finding_are_described() -> None:
    whole, workload, loose = REPORT.findings
    assert seen(whole) == "2 times in 2 traces; first in trace videos of videos"
    assert seen(workload) == "1 time, in the workload as a whole"
    assert seen(loose).endswith("none of these traces can fail a build: inferred, mixed or truncated")


def test_an_ignored_finding_has_reason_owner_and_end() -> None:
    (ignored,) = REPORT.ignored
    table = tables(replace(REPORT, ignored=(replace(ignored, until="2999-03-31"),)))[1]
    assert (table.title, table.rows[0][-1]) == ("Ignored: 1", "videos, owner videos, until 2999-03-31")


def test_times_shares_and_sizes_have_units() -> None:
    (usage,) = REPORT.queries
    slow = replace(usage, total=61_234.5, share=0.123, calls=8, merged=2, bytes=3_400_000)
    (row,) = tables(replace(REPORT, queries=(slow,)))[2].rows
    assert row[:4] == ("61.23 s", "12.3 %", "8", "25.0 %")
    assert row[7] == "3.4 MB"
