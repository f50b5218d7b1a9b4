"""The coverage gate: a check of traffic that lacks a route, or has too few traces, has proved nothing."""

from collections.abc import Iterator, Sequence

import msgspec

from proxy.check.verdict import BudgetProblem, CheckResult
from proxy.text.counted import counted
from proxy.traces.cost import TraceCost

LOOSE = "cannot fail a check: they are not named by their client, or incomplete"


class RequiredCoverage(msgspec.Struct, frozen=True):
    """What the traffic must contain."""

    routes: tuple[str, ...] = ()
    """Routes with at least one trace that can fail a check."""
    traces: int = 0
    """The least number of traces that can fail a check."""


def coverage(required: RequiredCoverage, costs: Sequence[TraceCost]) -> Iterator[CheckResult]:
    """One check per required route, and one for the number of traces."""
    gating = [cost for cost in costs if cost.can_fail_build]
    routes, others = {cost.route for cost in gating}, {cost.route for cost in costs}
    for route in required.routes:
        what = ""
        if route not in routes:
            what = f"{route}: seen only in traces that {LOOSE}" if route in others else f"{route}: not seen"
        yield _result("require-routes", f"{route}: was seen", what, route)
    if required.traces:
        what = ""
        if len(gating) < required.traces:
            what = f"only {len(gating)} of {counted(len(costs), 'trace')} can fail a check; the others {LOOSE}"
        yield _result("min-traces", f"at least {counted(required.traces, 'trace')} that can fail a check", what, "")


def _result(code: str, name: str, what: str, route: str) -> CheckResult:
    problems = (BudgetProblem(code, what, route),) if what else ()
    return CheckResult("coverage", name, code, True, problems)
