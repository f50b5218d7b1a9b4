"""Computes the verdict: compares the costs of traces with budgets, and findings with the impact that fails."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.findings.model import CountedFinding, Finding, fails
from proxy.settings.budgets import Budget, Growth
from proxy.traces.cost import TraceCost

MOST_KINDS = 5
"""Kinds of queries that a failure of growth names."""
WORDS = {
    "queries": ("query", "queries"),
    "upstream_calls": ("upstream call", "upstream calls"),
    "rows": ("row", "rows"),
    "bytes": ("byte", "bytes"),
}


class BudgetProblem(msgspec.Struct, frozen=True):
    """A violation of a check, and where it occurred."""

    code: str
    """Code of the check."""
    what: str
    route: str = ""
    source: str = ""
    trace: str = ""
    finding: Finding | None = None


class CheckResult(msgspec.Struct, frozen=True):
    """The result of one check."""

    kind: str
    """`budget`, `forbid`, `growth`, `rule`, `coverage`, `ignores` or `strict`."""
    name: str
    code: str
    """A rule's code, or the name of the bound."""
    measured: bool
    """Whether any trace applies to the check."""
    problems: tuple[BudgetProblem, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """The results of all checks."""

    checks: tuple[CheckResult, ...]
    notes: tuple[BudgetProblem, ...]
    """Problems that do not fail: of traces that cannot fail a build, and findings below ``fail_on``."""
    warnings: tuple[str, ...]
    works: int
    """Number of traces."""
    gating: int
    """Number of traces that can fail a check."""

    @property
    def failed(self) -> bool:
        return any(check.problems for check in self.checks)


def verdict(
    costs: Sequence[TraceCost],
    seen: Sequence[CountedFinding],
    budgets: Sequence[Budget],
    growths: Sequence[Growth],
    rules: Sequence[AnyRule],
    fail_on: str,
) -> Verdict:
    """Run all checks; ``fail_on`` is one of ``IMPACTS`` in lower case, or ``never``.

    A finding that a budget forbids fails there once, and not again as a finding of its rule.
    """
    gating = [cost for cost in costs if cost.can_fail_build]
    others = [cost for cost in costs if not cost.can_fail_build]
    can_fail = [counted for counted in seen if counted.can_fail]
    bounds = [check for budget in budgets for check in _budget(budget, gating)]
    forbidden = [_forbidden(budget, code, gating, can_fail) for budget in budgets for code in budget.forbid]
    reported = {problem.finding.key for check in forbidden for problem in check.problems if problem.finding}
    rest = [counted for counted in can_fail if counted.finding.key not in reported]
    failing = [counted for counted in rest if fails(counted.finding, fail_on)]
    notes = [problem for budget in budgets for check in _budget(budget, others) for problem in check.problems]
    return Verdict(
        checks=(
            *bounds,
            *forbidden,
            *(_growth(growth, gating) for growth in growths),
            *(_rule(rule, failing, bool(gating)) for rule in rules),
        ),
        notes=(*notes, *(problem_of(counted) for counted in [*rest, *_cannot_fail(seen)] if counted not in failing)),
        warnings=(),
        works=len(costs),
        gating=len(gating),
    )


def _cannot_fail(seen: Sequence[CountedFinding]) -> list[CountedFinding]:
    """Findings that occurred only in traces that cannot fail a build."""
    can_fail = {counted.finding.key for counted in seen if counted.can_fail}
    return [counted for counted in seen if not counted.can_fail and counted.finding.key not in can_fail]


def _budget(budget: Budget, costs: Sequence[TraceCost]) -> Iterator[CheckResult]:
    """One check per bound of the budget."""
    for measure, most in budget.bounds.items():
        costs_of_route = [cost for cost in costs if cost.route == budget.route and measure not in cost.lacks]
        over = [cost for cost in costs_of_route if cost.measure(measure) > most]
        name = f"{budget.route}: at most {amount(most, measure)}"
        yield CheckResult("budget", name, f"max_{measure}", bool(costs_of_route), tuple(_over(over, measure, most)))


def _over(costs: Sequence[TraceCost], measure: str, most: int) -> Iterator[BudgetProblem]:
    """One problem for all traces over the budget; it names the worst one."""
    if not costs:
        return
    worst = max(costs, key=lambda cost: cost.measure(measure))
    more = f"; {len(costs) - 1} more exceed it too" if len(costs) > 1 else ""
    what = f"{amount(worst.measure(measure), measure)}, and the budget is {most}{more}"
    yield BudgetProblem(f"max_{measure}", what, worst.route, worst.source, worst.id)


def _forbidden(budget: Budget, code: str, costs: Sequence[TraceCost], seen: Sequence[CountedFinding]) -> CheckResult:
    problems = [
        problem_of(counted)
        for counted in seen
        if counted.finding.code == code and counted.finding.route == budget.route
    ]
    measured = any(cost.route == budget.route for cost in costs)
    return CheckResult("forbid", f"{budget.route}: no {code}", code, measured, tuple(problems))


def _growth(growth: Growth, costs: Sequence[TraceCost]) -> CheckResult:
    small = [cost for cost in costs if _is_of(cost, growth, growth.small)]
    large = [cost for cost in costs if _is_of(cost, growth, growth.large)]
    prefix = f"{growth.route}: " if growth.route else ""
    name = f"{prefix}{WORDS[growth.measure][1]} do not grow from {growth.small} to {growth.large}"
    if not (small and large):
        return CheckResult("growth", name, "growth", False)
    before = max(cost.measure(growth.measure) for cost in small)
    most = max(large, key=lambda cost: cost.measure(growth.measure))
    after = most.measure(growth.measure)
    if after <= before + growth.allow:
        return CheckResult("growth", name, "growth", True)
    what = f"grew from {before} to {amount(after, growth.measure)}{_grown_kinds(small, most)}"
    return CheckResult(
        "growth", name, "growth", True, (BudgetProblem("growth", what, most.route, most.source, most.id),)
    )


def _grown_kinds(small: Sequence[TraceCost], large: TraceCost) -> str:
    """The kinds of queries that grew, those that grew most first."""
    before = {kind: max(cost.kinds.get(kind, 0) for cost in small) for kind in large.kinds}
    grown = [kind for kind, count in large.kinds.items() if count > before[kind]]
    grown.sort(key=lambda kind: (before[kind] - large.kinds[kind], kind))
    texts = [f"{kind} from {before[kind]} to {large.kinds[kind]}" for kind in grown[:MOST_KINDS]]
    if len(grown) > MOST_KINDS:
        texts.append(f"{len(grown) - MOST_KINDS} more kinds")
    return f": {', '.join(texts)}" if texts else ""


def _is_of(cost: TraceCost, growth: Growth, size: str) -> bool:
    if growth.route not in ("", cost.route) or growth.measure in cost.lacks:
        return False
    return PurePath(cost.source).name == size if growth.by == "recording" else cost.id.startswith(size)


def _rule(rule: AnyRule, seen: Iterable[CountedFinding], measured: bool) -> CheckResult:
    problems = tuple(problem_of(counted) for counted in seen if counted.finding.code == rule.code)
    return CheckResult("rule", f"{rule.code} {rule.name}", rule.code, measured, problems)


def problem_of(counted: CountedFinding) -> BudgetProblem:
    """A finding as a problem, with its number of occurrences and the first of them."""
    finding, source, trace = counted.finding, counted.source, counted.trace
    times = f", {counted.times} times" if counted.times > 1 else ""
    return BudgetProblem(finding.code, f"{finding.title}{times}", finding.route, source, trace, finding)


def amount(number: int, measure: str) -> str:
    """``3 queries``, ``1 row``."""
    return f"{number} {WORDS[measure][number != 1]}"


def unmeasured(checks: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """Configured checks to which no trace applies."""
    return (check for check in checks if check.kind != "rule" and not check.measured)


def without_unchecked(result: Verdict, reasons: Iterable[tuple[AnyRule, str]]) -> Verdict:
    """``result`` in which rules with a reason why they were not checked are not measured, and each reason is a note."""
    missing = {rule.code: why for rule, why in reasons if why}
    checks = tuple(
        msgspec.structs.replace(check, measured=False) if check.kind == "rule" and check.code in missing else check
        for check in result.checks
    )
    notes = tuple(BudgetProblem(code, f"{code} was not checked: {why}") for code, why in missing.items())
    return msgspec.structs.replace(result, checks=checks, notes=(*result.notes, *notes))


def with_warnings(result: Verdict, warnings: Sequence[str], strict: bool) -> Verdict:
    """``result`` with ``warnings`` and a warning per unmeasured check; ``strict`` makes all warnings problems."""
    texts = [f"{check.name}: no trace applies to it" for check in unmeasured(result.checks)]
    if not result.gating:
        texts.append("no trace can fail a check: none is both complete and named by its client")
    texts += warnings
    if not strict or not texts:
        return msgspec.structs.replace(result, warnings=tuple(texts))
    problems = tuple(BudgetProblem("strict", text) for text in texts)
    check = CheckResult("strict", "no warnings", "strict", True, problems)
    return msgspec.structs.replace(result, checks=(*result.checks, check))


def with_checks(result: Verdict, checks: Iterable[CheckResult]) -> Verdict:
    """``result`` with more checks."""
    return msgspec.structs.replace(result, checks=(*result.checks, *checks))


def strict_ignores(texts: Sequence[str]) -> CheckResult:
    """The check of ``--strict-ignores``: ``texts`` are about ignores that look fixed or have expired."""
    problems = tuple(BudgetProblem("strict-ignores", text) for text in texts)
    return CheckResult("ignores", "no ignore looks fixed or has expired", "strict-ignores", True, problems)
