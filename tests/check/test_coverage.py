"""The coverage gate: what was not seen has not passed."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.check.coverage import LOOSE, RequiredCoverage, coverage
from tests.check.factories import FAN_OUT, trace_costs

EXPORT = replace(FAN_OUT, id="a", route="GET /export")
INFERRED = replace(FAN_OUT, id="b", route="GET /list", explicit=False)
COSTS = trace_costs("file", [EXPORT, INFERRED])


def failures(**required: object) -> list[str]:
    checks = coverage(RequiredCoverage(**required), COSTS)  # type: ignore[arg-type]
    return [problem.what for check in checks for problem in check.problems]


def test_a_route_counts_only_in_traces_that_can_fail_a_check() -> None:
    assert failures(routes=("GET /export",)) == []
    assert failures(routes=("GET /other", "GET /list")) == [
        "GET /other: not seen",
        f"GET /list: seen only in traces that {LOOSE}",
    ]


def test_the_number_of_traces_is_that_of_traces_that_can_fail_a_check() -> None:
    assert failures(traces=1) == []
    assert failures(traces=2) == [f"only 1 of 2 traces can fail a check; the others {LOOSE}"]
    assert failures() == []
