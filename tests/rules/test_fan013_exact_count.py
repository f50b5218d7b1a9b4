"""FAN013 tells counts of many rows, or again and again, from cheap ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan013_exact_count import RULE, detect
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from proxy.model import Span

DEFAULTS = RuleSettings().of(RULE)

PAGE = "GET /videos?select=id&status=eq.x&limit=10&offset={} → 10 rows, {} in all"


def pages(*totals: int) -> list[Span]:
    return [span(PAGE.format(10 * number, total), number) for number, total in enumerate(totals, 1)]


def test_a_count_of_many_rows_is_found() -> None:
    (finding,) = detect(trace(pages(60_000)), DEFAULTS)
    assert finding.title == "60000 rows of videos counted to show a number"
    assert finding.impact == "MEDIUM"


def test_so_is_a_pager_that_counts_the_same_rows_for_each_page() -> None:
    (finding,) = detect(trace(pages(400, 400, 400)), DEFAULTS)
    assert finding.title == "400 rows of videos counted 3 times to show a number"
    assert finding.impact == "LOW"


def test_a_head_that_only_counts_is_found_too() -> None:
    (finding,) = detect(trace([span("HEAD /videos?select=id → -1 rows, 20000 in all", 1)]), DEFAULTS)
    assert 'count: "estimated", head: true' in finding.fix.supabase_js


@pytest.mark.parametrize(
    "spans", [pages(9_999), pages(400, 400), pages(400, 401, 402), [span("GET /videos → 60000 rows", 1)]]
)
def test_few_rows_counts_that_change_and_reads_without_a_count_are_not(spans: list[Span]) -> None:
    assert not list(detect(trace(spans), DEFAULTS))


def test_equal_counts_of_different_rows_are_no_repetition() -> None:
    counts = [span(f"HEAD /messages?select=*&room_id=eq.{room} → -1 rows, 3 in all", room) for room in range(5)]
    assert not list(detect(trace(counts), DEFAULTS))
    (finding,) = detect(trace([*counts, *[replace(counts[1], number=number) for number in (6, 7)]]), DEFAULTS)
    assert finding.title == "3 rows of messages counted 3 times to show a number"


def test_one_row_that_is_counted_again_and_again_is_one_row() -> None:
    counts = [span("HEAD /videos?select=id → -1 rows, 1 in all", number) for number in (1, 2, 3)]
    (finding,) = detect(trace(counts), DEFAULTS)
    assert finding.title == "1 row of videos counted 3 times to show a number"
    assert finding.current.startswith("3 requests, 3 rows counted in ")
    assert finding.evidence[0] == "Prefer: count=exact, answered with up to 1 row in all"


def test_an_answer_that_is_all_that_was_counted_cost_nothing_more() -> None:
    assert not list(detect(trace([span("GET /videos → 20000 rows, 20000 in all", 1)]), DEFAULTS))
