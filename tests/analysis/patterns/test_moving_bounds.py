"""Reads with one answer whose bound is new each time are equal; pages and windows are not."""

from __future__ import annotations

import pytest

from proxy.analysis.patterns.moving_bounds import equal_but_for_a_bound, moving_names
from proxy.analysis.steps import result_of
from tests.rules.traces import span

ANSWER = " → 7 rows, ids 1;2;3"


def groups(query: str, answer: str = ANSWER, times: int = 6) -> list[tuple[str, ...]]:
    spans = [span(f"GET /t?{query.format(n, n + 1)}{answer.replace('#', str(n))}", n) for n in range(times)]
    return [moving_names(group) for group in result_of(equal_but_for_a_bound(spans))]


MOVING = {
    "at=lte.2026-01-01T00:00:0{}Z": ("at=lte",),
    "owner_id=eq.5&at=gte.{}&order=at.desc&limit=3": ("at=gte",),
    "starts=lte.{0}&ends=gt.{0}": ("starts=lte", "ends=gt"),
    "or=(ends.is.null,ends.gt.{})": ("or=(ends.is.null,ends.gt.?)",),
}


@pytest.mark.parametrize("query", MOVING)
def test_a_bound_that_is_new_each_time_makes_no_other_read(query: str) -> None:
    assert groups(query) == [tuple(name.removesuffix(".?") for name in MOVING[query])]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("id=gt.{}&order=id&limit=7", " → 7 rows"),
        ("id=gt.{}&order=id&limit=7", " → 7 rows, ids #1;#2"),
        ("day=gte.{}&day=lt.{}", ANSWER),
        ("starts=lte.{}&ends=gt.{}", ANSWER),
        ("at=lte.{}", " → #0 rows"),
        ("at=lte.{}", " → 7 rows, #00 kB"),
        ("owner_id=eq.{}&at=lte.{}", ANSWER),
        ("at=eq.{}", ANSWER),
        ("at=lte.5", ANSWER),
    ],
)
def test_pages_windows_and_other_answers_are_not_equal(query: str, answer: str) -> None:
    assert groups(query, answer) == []
