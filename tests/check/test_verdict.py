"""Checks compare costs with budgets and findings with the impact that fails; what cannot fail a build is a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.check.verdict import Verdict, amount, verdict, with_warnings
from proxy.findings.model import CountedFinding
from proxy.settings.budgets import Budget, Growth
from rules import RULES
from tests.check.factories import finding, trace_costs
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from proxy.traces.cost import TraceCost

ROUTE = "GET /export"


def cost(count: int, **changes: Any) -> TraceCost:
    trace = parallel([f"GET /videos?id=eq.{number}" for number in range(count)])
    return replace(trace_costs("file", [trace])[0], **changes)


def checked(
    *measured: TraceCost, seen: list[CountedFinding] | None = None, fail_on: str = "low", **tables: Any
) -> Verdict:
    budgets, growths = tables.get("budgets", []), tables.get("growths", [])
    return verdict(measured, seen or [], budgets, growths, RULES, fail_on)


def problems(result: Verdict) -> list[str]:
    return [problem.what for check in result.checks for problem in check.problems]


@pytest.mark.parametrize(
    ("bound", "most", "what"),
    [
        ("max_queries", 8, "9 queries, and the budget is 8"),
        ("max_upstream_calls", 0, "9 upstream calls, and the budget is 0"),
        ("max_rows", 8, "9 rows, and the budget is 8"),
        ("max_bytes", 899, "900 bytes, and the budget is 899"),
    ],
)
def test_a_cost_above_the_budget_fails_and_one_equal_to_it_does_not(bound: str, most: int, what: str) -> None:
    assert problems(checked(cost(9), budgets=[Budget.model_validate({"route": ROUTE, bound: most})])) == [what]
    at = Budget.model_validate({"route": ROUTE, bound: most + 1})
    result = checked(cost(9), budgets=[at]) if most else checked(cost(9), budgets=[at.model_copy(update={bound: 9})])
    assert not result.failed
    assert result.checks[0].measured


def test_a_problem_names_the_worst_trace_and_the_number_of_others() -> None:
    result = checked(cost(4), cost(9, id="worst"), cost(2), budgets=[Budget(route=ROUTE, max_queries=3)])
    (problem,) = result.checks[0].problems
    assert problem.what == "9 queries, and the budget is 3; 1 more exceed it too"
    assert (problem.trace, problem.source) == ("worst", "file")


def test_a_budget_does_not_apply_to_another_route() -> None:
    result = checked(cost(9), budgets=[Budget(route="GET /other", max_queries=0)])
    assert not result.failed
    assert not result.checks[0].measured


def test_a_trace_that_cannot_fail_a_build_makes_a_note() -> None:
    result = checked(cost(9, truncated=True), budgets=[Budget(route=ROUTE, max_queries=3)])
    assert not result.failed
    assert [note.what for note in result.notes] == ["9 queries, and the budget is 3"]
    assert (result.works, result.gating) == (1, 0)


def test_a_finding_fails_from_fail_on_and_is_a_note_below() -> None:
    seen = [CountedFinding(finding("videos"), "file", "t", 1, True)]
    for fail_on, fails in (("low", True), ("high", True), ("critical", False), ("never", False)):
        result = checked(cost(9), seen=seen, fail_on=fail_on)
        assert result.failed is fails
        assert len(result.notes) == (not fails)


def test_a_forbidden_finding_fails_at_any_fail_on_and_only_once() -> None:
    seen = [CountedFinding(finding(ROUTE), "file", "t", 1, True)]
    for fail_on in ("low", "never"):
        result = checked(cost(9), seen=seen, fail_on=fail_on, budgets=[Budget(route=ROUTE, forbid=("FAN001",))])
        assert [check.kind for check in result.checks if check.problems] == ["forbid"]
        assert not result.notes
    other = checked(cost(9), seen=seen, fail_on="never", budgets=[Budget(route="GET /other", forbid=("FAN001",))])
    assert not other.failed


def test_a_finding_of_traces_that_cannot_fail_is_a_note_unless_other_traces_have_it() -> None:
    loose = CountedFinding(finding("videos"), "file", "t", 1, False)
    assert [note.what for note in checked(cost(9), seen=[loose]).notes] == ["9 reads of videos"]
    assert not checked(cost(9), seen=[loose, replace(loose, can_fail=True)]).notes


@pytest.mark.parametrize(
    ("large", "what"), [(3, []), (4, ["grew from 3 to 4 queries: GET videos?id=eq.? from 3 to 4"])]
)
def test_a_cost_that_grows_with_the_size_fails(large: int, what: list[str]) -> None:
    measured = cost(3, id="size-1/a"), cost(2, id="size-1/b"), cost(large, id="size-9/a"), cost(50, id="other")
    result = checked(*measured, growths=[Growth(route=ROUTE, small="size-1/", large="size-9/")])
    assert problems(result) == what
    assert not checked(*measured, growths=[Growth(small="size-1/", large="size-9/", allow=1)]).failed


def test_sizes_may_be_two_recordings() -> None:
    measured = cost(3, source="/tmp/a.jsonl"), cost(4, source="b/b.jsonl")
    growth = Growth(small="a.jsonl", large="b.jsonl", by="recording", measure="upstream_calls")
    assert problems(checked(*measured, growths=[growth])) == [
        "grew from 3 to 4 upstream calls: GET videos?id=eq.? from 3 to 4"
    ]


@pytest.mark.parametrize("missing", ["small", "large"])
def test_a_size_without_traces_is_a_warning(missing: str) -> None:
    result = checked(
        cost(9, id="small" if missing == "large" else "large"), growths=[Growth(small="small", large="large")]
    )
    (warning,) = with_warnings(result, [], strict=False).warnings
    assert warning == "queries do not grow from small to large: no trace applies to it"


def test_an_unmeasured_check_is_a_warning_and_with_strict_a_problem() -> None:
    result = checked(cost(9), budgets=[Budget(route="GET /other", max_queries=3)])
    loose = with_warnings(result, ["of an ignore"], strict=False)
    assert not loose.failed
    assert loose.warnings == ("GET /other: at most 3 queries: no trace applies to it", "of an ignore")
    strict = with_warnings(result, ["of an ignore"], strict=True)
    assert problems(strict) == list(loose.warnings)
    assert not with_warnings(checked(cost(9)), [], strict=True).failed


def test_no_trace_that_can_fail_is_a_warning() -> None:
    for result in (checked(), checked(cost(9, truncated=True))):
        assert "no trace can fail a check" in with_warnings(result, [], strict=False).warnings[-1]


def test_an_amount_of_one_is_singular() -> None:
    assert [amount(number, "queries") for number in (0, 1, 2)] == ["0 queries", "1 query", "2 queries"]
