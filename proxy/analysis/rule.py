"""What a rule is: the contract that each file of ``rules/`` fulfils."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from proxy.analysis.workload import Workload
from proxy.findings.model import Finding
from proxy.model import Trace
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.schema.snapshot import Database, NotChecked, Part
from proxy.settings_base import Thresholds

T = TypeVar("T", bound=Thresholds)

Level = Literal["off", "report", "rewrite"]
"""``off``: the rule does not run. ``report``: its findings are reported. ``rewrite``: fanin also applies the fix."""
Safety = Literal["safe", "unsafe", "advice"]
"""``safe``: with the automatic fix, every caller gets the answer that it gets alone; ``advice``: no automatic fix."""


class RuleContext(msgspec.Struct, Generic[T], frozen=True):
    """The level and the thresholds of a rule for the traffic that it analyses."""

    level: Level
    thresholds: T
    settings: "RuleLookup"
    """For a rule that skips what another rule reports."""
    facts: DatabaseFacts = DatabaseFacts()
    """What the database declares; empty without ``db_uri``."""
    advised: Sequence[Finding | NotChecked] = ()
    """What the database said of the observed requests when it was asked for plans, for the rule that needs calls."""


class RuleLookup(Protocol):
    """The settings of all rules."""

    def of(self, rule: "Rule[T]") -> RuleContext[T]:
        """The context of ``rule``."""


Subject = TypeVar("Subject", Trace, Workload)
Detect = Callable[[Trace, RuleContext[T]], Iterable[Finding]]
Inspect = Callable[[Workload, RuleContext[T]], Iterable[Finding]]
InspectDatabase = Callable[[Database, Workload, RuleContext[T]], Iterable[Finding | NotChecked]]
"""Returns findings, and NotChecked for each object that it could not judge, such as a policy that was not parsed."""


TrafficField = Literal["rows", "total", "bytes", "headers"]
"""What fanin sees of requests and answers, and the spans of an HTTP client (OpenTelemetry) do not show."""
FIELD_NAMES = {
    "rows": "the rows of answers",
    "total": "the exact counts of answers",
    "bytes": "the bytes of answers",
    "headers": "the headers of requests",
}


def why_not_checked(rule: "AnyRule", lacks: Container[str]) -> str:
    """Why ``rule`` finds nothing in traffic that lacks the fields ``lacks``; empty if it can."""
    missing = [FIELD_NAMES[name] for name in rule.reads if name in lacks]
    return f"nothing shows {' and '.join(missing)}" if missing else ""


class InSteps(Generic[Subject, T]):
    """Decorator of a ``detect`` or ``inspect`` whose work grows with the trace or the workload.

    It yields findings, and None after each small piece of work: fanin serves requests before the next one, while the
    workload may change. Called as a function, it returns the findings only.
    """

    def __init__(self, steps: Callable[[Subject, RuleContext[T]], Iterable[Finding | None]]) -> None:
        self.steps: Callable[[Subject, RuleContext[T]], Iterable[Finding | None]] = steps

    def __call__(self, subject: Subject, context: RuleContext[T]) -> Iterator[Finding]:
        return (finding for finding in self.steps(subject, context) if finding is not None)


class Rule(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One file of ``rules/``; its settings and its documentation are generated from this."""

    code: str
    name: str
    safety: Safety
    document: str
    """The docstring of its file: reStructuredText with fixed headings."""
    thresholds: type[T]
    default_level: Level = "report"
    can_rewrite: bool = False
    """Whether its level may be ``rewrite``: the request path reads the level and applies the fix."""
    detect: Detect[T] | None = None
    """Returns the findings of a closed trace."""
    inspect: Inspect[T] | None = None
    """Returns the findings of the whole workload."""
    inspect_database: InspectDatabase[T] | None = None
    """Returns the findings of a database; called only if each part of ``needs`` was read."""
    reads: tuple[TrafficField, ...] = ()
    """What ``detect`` and ``inspect`` must see of the traffic: without one of these they find nothing."""
    needs: tuple[Part, ...] = ()
    """Parts of the snapshot that ``inspect_database`` reads; its findings name them as their statements."""
    needs_calls: bool = False
    """Whether it runs with observed requests only, for which the database was asked for plans."""

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that an operator may set."""
        return ("off", "report", "rewrite") if self.can_rewrite else ("off", "report")


AnyRule = Rule[Any]
"""A rule with any type of thresholds."""
