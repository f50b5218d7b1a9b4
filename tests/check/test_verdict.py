"""Work and findings are held against budgets; what cannot fail a build is told all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.check.verdict import Verdict, counted, finished, verdict
from proxy.findings.model import CountedFinding
from proxy.settings.budgets import Budget, Growth
from rules import RULES
from tests.check.factories import finding, works
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from proxy.traces.cost import TraceCost

ROUTE = "GET /export"


def work(count: int, **changes: Any) -> TraceCost:
    made = parallel([f"GET /videos?id=eq.{number}" for number in range(count)])
    return replace(works("file", [made])[0], **changes)


def held(
    *measured: TraceCost, seen: list[CountedFinding] | None = None, fail_on: str = "low", **tables: Any
) -> Verdict:
    budgets, growths = tables.get("budgets", []), tables.get("growths", [])
    return verdict(measured, seen or [], budgets, growths, RULES, fail_on)


def problems(found: Verdict) -> list[str]:
    return [problem.what for check in found.checks for problem in check.problems]


@pytest.mark.parametrize(
    ("bound", "most", "what"),
    [
        ("max_queries", 8, "9 queries, and the budget is 8"),
        ("max_upstream_calls", 0, "9 upstream calls, and the budget is 0"),
        ("max_rows", 8, "9 rows, and the budget is 8"),
        ("max_bytes", 899, "900 bytes, and the budget is 899"),
    ],
)
def test_what_is_over_a_budget_fails_and_what_is_at_it_does_not(bound: str, most: int, what: str) -> None:
    assert problems(held(work(9), budgets=[Budget.model_validate({"route": ROUTE, bound: most})])) == [what]
    at = Budget.model_validate({"route": ROUTE, bound: most + 1})
    found = held(work(9), budgets=[at]) if most else held(work(9), budgets=[at.model_copy(update={bound: 9})])
    assert not found.failed
    assert found.checks[0].measured


def test_the_worst_of_several_is_told_and_how_many_more_there_are() -> None:
    found = held(work(4), work(9, id="worst"), work(2), budgets=[Budget(route=ROUTE, max_queries=3)])
    (problem,) = found.checks[0].problems
    assert problem.what == "9 queries, and the budget is 3; 1 more exceed it too"
    assert (problem.trace, problem.source) == ("worst", "file")


def test_another_route_has_nothing_to_do_with_it() -> None:
    found = held(work(9), budgets=[Budget(route="GET /other", max_queries=0)])
    assert not found.failed
    assert not found.checks[0].measured


def test_what_cannot_fail_a_build_is_a_note() -> None:
    found = held(work(9, truncated=True), budgets=[Budget(route=ROUTE, max_queries=3)])
    assert not found.failed
    assert [note.what for note in found.notes] == ["9 queries, and the budget is 3"]
    assert (found.works, found.gating) == (1, 0)


def test_a_finding_fails_from_its_impact_on_and_is_a_note_below() -> None:
    seen = [CountedFinding(finding("videos"), "file", "t", 1, True)]
    for fail_on, fails in (("low", True), ("high", True), ("critical", False), ("never", False)):
        found = held(work(9), seen=seen, fail_on=fail_on)
        assert found.failed is fails
        assert len(found.notes) == (not fails)


def test_what_a_budget_forbids_fails_whatever_else_does_and_once() -> None:
    seen = [CountedFinding(finding(ROUTE), "file", "t", 1, True)]
    for fail_on in ("low", "never"):
        found = held(work(9), seen=seen, fail_on=fail_on, budgets=[Budget(route=ROUTE, forbid=("FAN001",))])
        assert [check.kind for check in found.checks if check.problems] == ["forbid"]
        assert not found.notes
    other = held(work(9), seen=seen, fail_on="never", budgets=[Budget(route="GET /other", forbid=("FAN001",))])
    assert not other.failed


def test_a_finding_of_what_cannot_fail_is_a_note_unless_it_was_found_elsewhere_too() -> None:
    loose = CountedFinding(finding("videos"), "file", "t", 1, False)
    assert [note.what for note in held(work(9), seen=[loose]).notes] == ["9 reads of videos"]
    assert not held(work(9), seen=[loose, replace(loose, can_fail=True)]).notes


@pytest.mark.parametrize(("large", "what"), [(3, []), (4, ["grew from 3 to 4 queries"])])
def test_what_grows_with_its_size_fails(large: int, what: list[str]) -> None:
    measured = work(3, id="size-1/a"), work(2, id="size-1/b"), work(large, id="size-9/a"), work(50, id="other")
    found = held(*measured, growths=[Growth(route=ROUTE, small="size-1/", large="size-9/")])
    assert problems(found) == what
    assert not held(*measured, growths=[Growth(small="size-1/", large="size-9/", allow=1)]).failed


def test_sizes_may_be_two_recordings() -> None:
    measured = work(3, source="/tmp/a.jsonl"), work(4, source="b/b.jsonl")
    growth = Growth(small="a.jsonl", large="b.jsonl", by="recording", measure="upstream_calls")
    assert problems(held(*measured, growths=[growth])) == ["grew from 3 to 4 upstream calls"]


@pytest.mark.parametrize("missing", ["small", "large"])
def test_a_size_that_nobody_measured_is_told(missing: str) -> None:
    found = held(work(9, id="small" if missing == "large" else "large"), growths=[Growth(small="small", large="large")])
    (warning,) = finished(found, [], strict=False).warnings
    assert warning == "queries do not grow from small to large: nothing was measured"


def test_what_was_not_measured_is_a_warning_and_strictly_a_problem() -> None:
    found = held(work(9), budgets=[Budget(route="GET /other", max_queries=3)])
    loose = finished(found, ["of an ignore"], strict=False)
    assert not loose.failed
    assert loose.warnings == ("GET /other: at most 3 queries: nothing was measured", "of an ignore")
    strict = finished(found, ["of an ignore"], strict=True)
    assert problems(strict) == list(loose.warnings)
    assert not finished(held(work(9)), [], strict=True).failed


def test_nothing_to_judge_is_a_warning() -> None:
    for found in (held(), held(work(9, truncated=True))):
        assert "there is nothing to judge" in finished(found, [], strict=False).warnings[-1]


def test_one_is_one() -> None:
    assert [counted(number, "queries") for number in (0, 1, 2)] == ["0 queries", "1 query", "2 queries"]
