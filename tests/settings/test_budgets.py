"""Budgets bound something, and say what by the name of its measure."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from proxy.settings.budgets import Budget, Growth


def test_a_budget_that_sets_no_maximum_and_forbids_no_rule_is_refused() -> None:
    with pytest.raises(ValidationError, match="sets no maximum and forbids no rule"):
        Budget(route="GET /export")


def test_a_budget_may_only_forbid() -> None:
    assert Budget(route="GET /export", forbid=("FAN001",)).bounds == {}


def test_bounds_are_named_by_their_measures_and_zero_is_one() -> None:
    budget = Budget(route="GET /export", max_queries=0, max_upstream_calls=2, max_rows=3, max_bytes=4)
    assert budget.bounds == {"queries": 0, "upstream_calls": 2, "rows": 3, "bytes": 4}


@pytest.mark.parametrize("empty", ["small", "large"])
def test_a_growth_names_both_sizes(empty: str) -> None:
    names = {"small": "ten", "large": "hundred"} | {empty: ""}
    with pytest.raises(ValidationError, match=empty):
        Growth.model_validate(names)
