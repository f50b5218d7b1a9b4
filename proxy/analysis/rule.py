"""What a rule is: the contract that each file of ``rules/`` fulfils.

Tests: tests/rules/test_documents.py, tests/settings/test_rules.py.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from proxy.analysis.workload import Workload
from proxy.findings.model import Finding
from proxy.model import Trace
from proxy.settings_base import Thresholds

T = TypeVar("T", bound=Thresholds)

Level = Literal["off", "report", "rewrite"]
"""``off``: the rule is not run. ``report``: what it finds is told. ``rewrite``: fanin applies the cure as well."""
Safety = Literal["safe", "unsafe", "advice"]
"""Whether an automatic cure gives every caller the answer it would have got alone; ``advice``: there is none."""


class RuleContext(msgspec.Struct, Generic[T], frozen=True):
    """What holds for a rule in the traffic that it looks at."""

    level: Level
    thresholds: T
    settings: "RuleLookup"
    """For a rule that leaves to another one what that one finds."""


class RuleLookup(Protocol):
    """The settings of all rules."""

    def of(self, rule: "Rule[T]") -> RuleContext[T]:
        """What holds for ``rule``."""


Detect = Callable[[Trace, RuleContext[T]], Iterable[Finding]]
Inspect = Callable[[Workload, RuleContext[T]], Iterable[Finding]]


class Rule(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One file of ``rules/``; its settings and its documentation are made from this."""

    code: str
    name: str
    safety: Safety
    document: str
    """The docstring of its file, under fixed headings: reStructuredText."""
    thresholds: type[T]
    default_level: Level = "report"
    can_rewrite: bool = False
    """Whether its level may be ``rewrite``: the data path reads the level and acts on it."""
    detect: Detect[T] | None = None
    """What it finds in a trace that closed."""
    inspect: Inspect[T] | None = None
    """What it finds in the workload as a whole."""

    @property
    def levels(self) -> tuple[Level, ...]:
        """Those that an operator may choose."""
        return ("off", "report", "rewrite") if self.can_rewrite else ("off", "report")


AnyRule = Rule[Any]
"""A rule among others, whatever its thresholds."""
