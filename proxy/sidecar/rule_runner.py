"""Runs the rules over traces that closed. A rule that fails costs nobody anything, and is off when it keeps failing."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from proxy.analysis.rule import AnyRule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.ignores import Ignores
from proxy.findings.model import Finding, worst_first
from proxy.findings.store import FindingStore
from proxy.model import Trace
from proxy.observe.events import Events, TraceClosed, Warned, WorkloadInspected
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.settings.rules import RuleSettings

T = TypeVar("T")

FAILURES = 3
"""A rule that raised this often is switched off."""
LONG = dt.timedelta(days=1)
"""An ignore that has matched nothing for so long is told."""


def today() -> dt.date:
    """The day here: whoever writes a last day into a settings file means the local one."""
    return dt.datetime.now().astimezone().date()


class RuleRunner:
    """The rules that are in use, at the levels that the settings give them."""

    def __init__(
        self, rules: Sequence[AnyRule], settings: Settings, events: Events, today: Callable[[], dt.date] = today
    ) -> None:
        self._rules = list(rules)
        self._events = events
        self._today = today
        self._failures: Counter[str] = Counter()
        self.workload = Workload(settings.detect.fingerprints)
        self.findings = FindingStore(settings.detect.findings)
        self._next_look = 0.0
        self.apply_settings(settings)

    def apply_settings(self, settings: Settings) -> None:
        """From now on judge by these settings."""
        self._levels = ByRequest(settings, lambda found: found.rules)
        self._every = settings.detect.interval
        self._ignores = Ignores(settings.ignore, settings.catalog.schemas[0])
        self._since = self._today()
        self._judged = 0

    def run(self, trace: Trace) -> None:
        """Tell of a trace that closed, and of what the rules find in it."""
        for _ in self.steps(trace):
            pass

    def steps(self, trace: Trace) -> Iterator[None]:
        """The same in steps, between which traffic may go on: a long trace takes a rule some milliseconds."""
        self._judged += 1
        self.workload.add(trace)
        found: list[Finding] = []
        for settings in self._in_force(trace):
            for rule in tuple(self._rules):
                yield
                found += self._detect(rule, trace, settings)
        day = self._today()
        findings = self._remember(worst_first(found), day, trace.end, trace.id)
        self._events.emit(TraceClosed(trace, tuple(finding for finding, _ in findings)))
        self._warn(self._ignores.expired(day), "Remove it from the settings, or give it another last day.")
        if day - self._since > LONG:
            self.warn_of_unused_ignores()

    def inspect_workload(self, now: float) -> None:
        """Look at the whole workload, from time to time."""
        if now < self._next_look:
            return
        self._next_look = now + self._every
        findings = self._remember(worst_first(self._inspect()), self._today(), now, "")
        new = tuple(finding for finding, new in findings if new)
        if new:
            self._events.emit(WorkloadInspected(new))

    def _remember(
        self, findings: Iterable[Finding], day: dt.date, now: float, trace: str
    ) -> list[tuple[Finding, bool]]:
        """Those that are to be told, each with whether it is new; what is ignored is remembered, and no more."""
        told = []
        for finding, ignore in self._ignores.judged(findings, day):
            new = self.findings.add(finding, now, trace, ignore)
            if ignore is None:
                told.append((finding, new))
        return told

    def warn_of_unused_ignores(self) -> None:
        """Tell which ignores had nothing to ignore, if there was anything to judge."""
        if self._judged:
            self._warn(self._ignores.idle(self._today()), "Remove it from the settings if what it was for is gone.")

    def _in_force(self, trace: Trace) -> Iterable[RuleSettings]:
        """The settings of its relations, each once."""
        relations = {span.relation for span in trace.spans} | {""}
        return {self._levels.of(relation, trace.route): None for relation in sorted(relations)}

    def _detect(self, rule: AnyRule, trace: Trace, settings: RuleSettings) -> Iterator[Finding]:
        """What a rule finds of relations whose own settings, or whose route's, these are."""
        if rule.detect is not None and settings.level(rule.code) != "off":
            for finding in self._guarded(rule, rule.detect, trace, settings):
                if self._levels.of(finding.relation, trace.route) == settings:
                    yield finding

    def _inspect(self) -> Iterator[Finding]:
        """What the rules find in the workload; routes have no settings of their own there, relations have."""
        relations = {usage.relation for usage in self.workload}
        in_force = {self._levels.of(relation, ""): None for relation in sorted(relations)}
        for settings in in_force:
            for rule in tuple(self._rules):
                if rule.inspect is not None and settings.level(rule.code) != "off":
                    for finding in self._guarded(rule, rule.inspect, self.workload, settings):
                        if self._levels.of(finding.relation, "") == settings:
                            yield finding

    def _guarded(
        self, rule: AnyRule, find: Callable[[T, RuleContext[Any]], Iterable[Finding]], what: T, settings: RuleSettings
    ) -> tuple[Finding, ...]:
        try:
            return tuple(find(what, settings.of(rule)))
        except Exception as error:
            self._failed(rule, error)
            return ()

    def _failed(self, rule: AnyRule, error: Exception) -> None:
        self._failures[rule.code] += 1
        if self._failures[rule.code] >= FAILURES:
            self._rules.remove(rule)
            self._events.emit(Warned(f"rule {rule.code} failed {FAILURES} times and is off", "Report this.", error))

    def _warn(self, what: Iterable[str], remedy: str) -> None:
        for text in what:
            self._events.emit(Warned(text, remedy))
