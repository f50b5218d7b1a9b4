"""FAN009 tells reads that grow with the table from those that something bounds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan009_unbounded_read import RULE, UnboundedRead, detect
from tests.rules.traces import span, trace

DEFAULTS = RuleSettings().of(RULE)

ALL = "GET /videos?select=*&status=eq.draft"


def test_many_rows_without_a_limit_are_found_once_a_query_with_what_they_weigh() -> None:
    spans = [span(f"{ALL} → 700 rows, 200 kB", 1), span(f"{ALL} → 900 rows, 300 kB", 2)]
    (finding,) = detect(trace(spans), DEFAULTS)
    assert finding.title == "900 rows of videos in one answer, and no limit"
    assert (finding.impact, finding.current) == ("MEDIUM", "2 requests, up to 900 rows each, 500 kB in 20 ms")
    assert finding.expected == "A page of 100 rows has about 33 kB instead of 300 kB."


@pytest.mark.parametrize(
    "line",
    [
        f"{ALL} → 499 rows",
        f"{ALL}&limit=1000 → 900 rows",
        f"{ALL}&limit=1000&offset=1000 → 900 rows",
        "GET /videos?select=*&id=in.(1,2,3) → 900 rows",
        "GET /rpc/all → 900 rows",
        "PATCH /videos?status=eq.draft → 900 rows",
    ],
)
def test_what_is_small_or_bounded_is_not(line: str) -> None:
    assert not list(detect(trace([span(line, 1)]), DEFAULTS))


@pytest.mark.parametrize("change", [{"cut": True}, {"bypass_reason": "range"}, {"retry": True}])
def test_nor_is_what_was_cut_or_asked_by_range_or_repeated_by_the_client(change: dict[str, bool | str]) -> None:
    assert not list(detect(trace([replace(span(f"{ALL} → 900 rows", 1), **change)]), DEFAULTS))


def test_the_bound_is_a_setting() -> None:
    seen = trace([span(f"{ALL} → 20 rows", 1)])
    assert list(detect(seen, RuleSettings(unbounded_read=UnboundedRead(min_rows=20)).of(RULE)))
