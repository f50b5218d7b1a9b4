"""From measured work and findings to a verdict: which checks hold, and what is only told."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.findings.model import CountedFinding, Finding, fails
from proxy.settings.budgets import Budget, Growth
from proxy.traces.cost import TraceCost

WORDS = {
    "queries": ("query", "queries"),
    "upstream_calls": ("upstream call", "upstream calls"),
    "rows": ("row", "rows"),
    "bytes": ("byte", "bytes"),
}


class BudgetProblem(msgspec.Struct, frozen=True):
    """What is wrong, and where."""

    code: str
    """That of its check."""
    what: str
    route: str = ""
    source: str = ""
    trace: str = ""
    finding: Finding | None = None


class CheckResult(msgspec.Struct, frozen=True):
    """One thing that had to hold."""

    kind: str
    """`budget`, `forbid`, `growth` or `rule`."""
    name: str
    code: str
    """Stable name of its kind: a rule's code, or what is bounded."""
    measured: bool
    """Whether there was anything to hold it against."""
    problems: tuple[BudgetProblem, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """What came of it."""

    checks: tuple[CheckResult, ...]
    notes: tuple[BudgetProblem, ...]
    """What fails nothing: of traces that cannot, and findings below the impact that fails."""
    warnings: tuple[str, ...]
    works: int
    gating: int
    """How many of these can fail a check."""

    @property
    def failed(self) -> bool:
        return any(check.problems for check in self.checks)


def verdict(
    works: Sequence[TraceCost],
    seen: Sequence[CountedFinding],
    budgets: Sequence[Budget],
    growths: Sequence[Growth],
    rules: Sequence[AnyRule],
    fail_on: str,
) -> Verdict:
    """Hold everything against everything; ``fail_on`` is one of ``IMPACTS`` in lower case, or ``never``."""
    gating = [work for work in works if work.can_fail_build]
    loose = [work for work in works if not work.can_fail_build]
    judged = [one for one in seen if one.gates]
    bounds = [check for budget in budgets for check in _budget(budget, gating)]
    forbidden = [_forbidden(budget, code, gating, judged) for budget in budgets for code in budget.forbid]
    told = {problem.finding.key for check in forbidden for problem in check.problems if problem.finding}
    rest = [one for one in judged if one.finding.key not in told]
    failing = [one for one in rest if fails(one.finding, fail_on)]
    notes = [problem for budget in budgets for check in _budget(budget, loose) for problem in check.problems]
    return Verdict(
        checks=(
            *bounds,
            *forbidden,
            *(_growth(growth, gating) for growth in growths),
            *(_rule(rule, failing, bool(gating)) for rule in rules),
        ),
        notes=(*notes, *(problem_of(one) for one in [*rest, *_others(seen)] if one not in failing)),
        warnings=(),
        works=len(works),
        gating=len(gating),
    )


def _others(seen: Sequence[CountedFinding]) -> list[CountedFinding]:
    """What was found in traces that cannot fail anything, and in no other."""
    judged = {one.finding.key for one in seen if one.gates}
    return [one for one in seen if not one.gates and one.finding.key not in judged]


def _budget(budget: Budget, works: Sequence[TraceCost]) -> Iterator[CheckResult]:
    """One check for each bound."""
    mine = [work for work in works if work.route == budget.route]
    for measure, most in budget.bounds.items():
        over = [work for work in mine if work.measure(measure) > most]
        name = f"{budget.route}: at most {counted(most, measure)}"
        yield CheckResult("budget", name, f"max_{measure}", bool(mine), tuple(_over(over, measure, most)))


def _over(works: Sequence[TraceCost], measure: str, most: int) -> Iterator[BudgetProblem]:
    """The work that is most over it stands for the others."""
    if not works:
        return
    worst = max(works, key=lambda work: work.measure(measure))
    more = f"; {len(works) - 1} more exceed it too" if len(works) > 1 else ""
    what = f"{counted(worst.measure(measure), measure)}, and the budget is {most}{more}"
    yield BudgetProblem(f"max_{measure}", what, worst.route, worst.source, worst.id)


def _forbidden(budget: Budget, code: str, works: Sequence[TraceCost], seen: Sequence[CountedFinding]) -> CheckResult:
    problems = [problem_of(one) for one in seen if one.finding.code == code and one.finding.route == budget.route]
    measured = any(work.route == budget.route for work in works)
    return CheckResult("forbid", f"{budget.route}: no {code}", code, measured, tuple(problems))


def _growth(growth: Growth, works: Sequence[TraceCost]) -> CheckResult:
    small = [work for work in works if _is_of(work, growth, growth.small)]
    large = [work for work in works if _is_of(work, growth, growth.large)]
    place = f"{growth.route}: " if growth.route else ""
    name = f"{place}{WORDS[growth.measure][1]} do not grow from {growth.small} to {growth.large}"
    if not (small and large):
        return CheckResult("growth", name, "growth", False)
    before = max(work.measure(growth.measure) for work in small)
    most = max(large, key=lambda work: work.measure(growth.measure))
    after = most.measure(growth.measure)
    if after <= before + growth.allow:
        return CheckResult("growth", name, "growth", True)
    what = f"grew from {before} to {counted(after, growth.measure)}"
    return CheckResult(
        "growth", name, "growth", True, (BudgetProblem("growth", what, most.route, most.source, most.id),)
    )


def _is_of(work: TraceCost, growth: Growth, size: str) -> bool:
    if growth.route not in ("", work.route):
        return False
    return PurePath(work.source).name == size if growth.by == "recording" else work.id.startswith(size)


def _rule(rule: AnyRule, seen: Iterable[CountedFinding], measured: bool) -> CheckResult:
    problems = tuple(problem_of(one) for one in seen if one.finding.code == rule.code)
    return CheckResult("rule", f"{rule.code} {rule.name}", rule.code, measured, problems)


def problem_of(one: CountedFinding) -> BudgetProblem:
    """A finding as a problem: what, how often, and where first."""
    finding = one.finding
    times = f", {one.times} times" if one.times > 1 else ""
    return BudgetProblem(finding.code, f"{finding.title}{times}", finding.route, one.source, one.trace, finding)


def counted(number: int, measure: str) -> str:
    """``3 queries``, ``1 row``."""
    return f"{number} {WORDS[measure][number != 1]}"


def unmeasured(checks: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """Checks of the operator's own that nothing was held against."""
    return (check for check in checks if check.kind != "rule" and not check.measured)


def finished(found: Verdict, warnings: Sequence[str], strict: bool) -> Verdict:
    """With what to warn of: that something was not measured among it. ``strict`` makes problems of all of these."""
    told = [f"{check.name}: nothing was measured" for check in unmeasured(found.checks)]
    if not found.gating:
        told.append("no trace that a client named was complete: there is nothing to judge")
    told += warnings
    if not strict or not told:
        return msgspec.structs.replace(found, warnings=tuple(told))
    strictly = CheckResult(
        "strict", "nothing to warn of", "strict", True, tuple(BudgetProblem("strict", text) for text in told)
    )
    return msgspec.structs.replace(found, checks=(*found.checks, strictly))
