"""Runs the rules over traces that closed. A rule that fails costs nobody anything, and is off when it keeps failing."""

from collections import Counter
from collections.abc import Sequence

from proxy.findings import Finding, Rule
from proxy.model import Trace
from proxy.observe.events import Closed, Events, Warned
from proxy.sections import Rules

FAILURES = 3
"""A rule that raised this often is switched off."""


class Judge:
    """The rules that are in use."""

    def __init__(self, rules: Sequence[Rule], events: Events) -> None:
        self._rules = list(rules)
        self._events = events
        self._failures: Counter[str] = Counter()

    def judge(self, trace: Trace, settings: Rules) -> None:
        """Tell of a trace that closed, and of what the rules find in it."""
        findings: list[Finding] = []
        for rule in tuple(self._rules):
            try:
                if settings.level(rule.code) != "off":
                    findings += rule.detect(trace, settings)
            except Exception as error:
                self._failed(rule, error)
        self._events.emit(Closed(trace, tuple(findings)))

    def _failed(self, rule: Rule, error: Exception) -> None:
        self._failures[rule.code] += 1
        if self._failures[rule.code] >= FAILURES:
            self._rules.remove(rule)
            self._events.emit(Warned(f"rule {rule.code} failed {FAILURES} times and is off", "Report this.", error))
