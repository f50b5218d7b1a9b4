"""Makes verdicts with every kind of content, in which all names of clients are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from proxy.check.verdict import Verdict, verdict, with_warnings
from proxy.findings.model import CountedFinding, Finding, Fix
from proxy.settings.budgets import Budget, Growth
from proxy.traces.cost import TraceCost, TraceCosts
from rules import RULES
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.model import Trace

NAMES = (*HOSTILE_NAMES, *HOSTILE_TEXTS)
PLAIN = "videos"
FAN_OUT = parallel([f"GET /videos?id=eq.{number}" for number in range(9)])


def trace_costs(source: str, traces: Iterable[Trace]) -> list[TraceCost]:
    """The costs of the traces of one recording."""
    costs = TraceCosts()
    for trace in traces:
        costs.add(source, trace)
    return costs.all()


def finding(name: str, code: str = "FAN001") -> Finding:
    """A finding in which all text from clients is ``name``."""
    fix = Fix("select 1", "from('t')\n  .select()", "table('t')")  # rules escape names by each language's rules
    return Finding(
        code=code,
        impact="HIGH",
        confidence="certain",
        title=f"9 reads of {name}",
        relation=name,
        fingerprint=f"GET {name}?id=eq.?",
        route=name,
        caller=name,
        problem=f"{name} is read once a key",
        current="9 requests",
        evidence=(name, name),
        fix=fix,
        expected="less",
        risk="none",
    )


def verdict_about(name: str) -> Verdict:
    """A verdict with a problem, a note and a warning of each kind, all of them about ``name``."""
    trace = replace(FAN_OUT, id=name, route=name)
    loose = replace(trace, id=f"{name}2", explicit=False)
    seen = [
        CountedFinding(finding(name), name, name, 2, True),
        CountedFinding(finding(name, "FAN003"), name, name, 1, True),
        CountedFinding(finding(name, "FAN011"), name, name, 1, False),
    ]
    budgets = [Budget(route=name, max_queries=3, max_rows=1, forbid=("FAN001",)), Budget(route="none", max_bytes=1)]
    growths = [Growth(small="none", large=name), Growth(small=name, large=name)]
    found = verdict(trace_costs(name, [trace, loose]), seen, budgets, growths, RULES, "low")
    return with_warnings(found, [f"of {name}"], strict=False)


def shape(value: Any) -> Any:
    """A JSON value without its texts."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__
