"""FAN011 tells reads of all columns that moved much from small ones and from those that name their columns."""

from __future__ import annotations

import pytest

from proxy.settings.rules import RuleSettings
from rules.fan011_select_star import RULE, detect
from tests.rules.traces import span, trace

DEFAULTS = RuleSettings().of(RULE)


@pytest.mark.parametrize("select", ["select=*&", "", "select=id,*&", "select=*,kid(id)&"])
def test_all_columns_of_many_rows_are_found(select: str) -> None:
    (finding,) = detect(trace([span(f"GET /creators?{select}status=eq.x → 300 rows, 120 kB", 1)]), DEFAULTS)
    assert finding.title == "All columns of creators: 120 kB for 300 rows"
    assert (finding.impact, finding.confidence) == ("MEDIUM", "medium")
    assert finding.current.endswith("400 bytes per row")


def test_reads_of_one_query_in_a_trace_count_together() -> None:
    lines = [f"GET /creators?select=*&id=eq.{number} → 1 rows, 10 kB" for number in range(5)]
    (finding,) = detect(trace([span(line, number) for number, line in enumerate(lines, 1)]), DEFAULTS)
    assert finding.title == "All columns of creators: 50 kB for 5 rows"
    assert not list(detect(trace([span(line, number) for number, line in enumerate(lines[1:], 1)]), DEFAULTS))


@pytest.mark.parametrize(
    "line",
    [
        "GET /creators?select=id,name → 300 rows, 120 kB",
        "GET /creators?select=kid(a) → 300 rows, 120 kB",
        "GET /creators?select=* → 0 rows, 120 kB",
        "POST /creators?select=* → 300 rows, 120 kB",
    ],
)
def test_named_columns_writes_and_empty_answers_are_not(line: str) -> None:
    assert not list(detect(trace([span(line, 1)]), DEFAULTS))
