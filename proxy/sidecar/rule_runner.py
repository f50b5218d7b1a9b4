"""Runs the rules on closed traces and on the workload. A rule that raises repeatedly is switched off."""

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

MAX_FAILURES = 3
"""A rule that has raised so often is switched off."""
UNUSED_AFTER = dt.timedelta(days=1)
"""There is a warning about an ignore that has matched nothing for so long."""


def today() -> dt.date:
    """The local date: the last day of an ignore in a settings file is a local date too."""
    return dt.datetime.now().astimezone().date()


class RuleRunner:
    """Runs the rules with the levels and thresholds of the settings, and stores their findings."""

    def __init__(
        self, rules: Sequence[AnyRule], settings: Settings, events: Events, today: Callable[[], dt.date] = today
    ) -> None:
        self._rules = list(rules)
        self._events = events
        self._today = today
        self._failures: Counter[str] = Counter()
        self.workload = Workload(settings.detect.fingerprints)
        self.findings = FindingStore(settings.detect.findings)
        self._next_inspection = 0.0
        self.apply_settings(settings)

    def apply_settings(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._levels = ByRequest(settings, lambda overridden: overridden.rules)
        self._interval = settings.detect.interval
        self._ignores = Ignores(settings.ignore, settings.catalog.schemas[0])
        self._since = self._today()
        self._traces_seen = 0

    def run(self, trace: Trace) -> None:
        """Run the rules on a closed trace, and emit it with their findings."""
        for _ in self.steps(trace):
            pass

    def steps(self, trace: Trace) -> Iterator[None]:
        """Same as ``run``, one step per rule. The event loop may serve requests between two steps: on a long trace a
        rule takes some milliseconds.
        """
        self._traces_seen += 1
        self.workload.add(trace)
        detected: list[Finding] = []
        for settings in self._settings_for(trace):
            for rule in tuple(self._rules):
                yield
                detected += self._detect(rule, trace, settings)
        day = self._today()
        findings = self._store(worst_first(detected), day, trace.end, trace.id)
        self._events.emit(TraceClosed(trace, tuple(finding for finding, _ in findings)))
        self._warn(self._ignores.expired(day), "Remove it from the settings, or give it a later last day.")
        if day - self._since > UNUSED_AFTER:
            self.warn_of_unused_ignores()

    def inspect_workload(self, now: float) -> None:
        """Run the rules on the whole workload if detect.interval has passed, and emit new findings."""
        if now < self._next_inspection:
            return
        self._next_inspection = now + self._interval
        findings = self._store(worst_first(self._inspect()), self._today(), now, "")
        new = tuple(finding for finding, new in findings if new)
        if new:
            self._events.emit(WorkloadInspected(new))

    def _store(self, findings: Iterable[Finding], day: dt.date, now: float, trace: str) -> list[tuple[Finding, bool]]:
        """Store all findings. Returns those that are not ignored, each with whether it is new."""
        reported = []
        for finding, ignore in self._ignores.with_ignore(findings, day):
            new = self.findings.add(finding, now, trace, ignore)
            if ignore is None:
                reported.append((finding, new))
        return reported

    def warn_of_unused_ignores(self) -> None:
        """Warn about ignores that matched no finding, if the rules ran on any trace."""
        if self._traces_seen:
            self._warn(self._ignores.unmatched(self._today()), "Remove it from the settings if its cause is fixed.")

    def _settings_for(self, trace: Trace) -> Iterable[RuleSettings]:
        """The different settings of the trace's relations."""
        relations = {span.relation for span in trace.spans} | {""}
        return {self._levels.of(relation, trace.route): None for relation in sorted(relations)}

    def _detect(self, rule: AnyRule, trace: Trace, settings: RuleSettings) -> Iterator[Finding]:
        """The rule's findings about relations that have these settings."""
        if rule.detect is not None and settings.level(rule.code) != "off":
            for finding in self._run_rule(rule, rule.detect, trace, settings):
                if self._levels.of(finding.relation, trace.route) == settings:
                    yield finding

    def _inspect(self) -> Iterator[Finding]:
        """The findings about the workload. Settings of relations apply; those of routes do not."""
        relations = {usage.relation for usage in self.workload}
        different_settings = {self._levels.of(relation, ""): None for relation in sorted(relations)}
        for settings in different_settings:
            for rule in tuple(self._rules):
                if rule.inspect is not None and settings.level(rule.code) != "off":
                    for finding in self._run_rule(rule, rule.inspect, self.workload, settings):
                        if self._levels.of(finding.relation, "") == settings:
                            yield finding

    def _run_rule(
        self,
        rule: AnyRule,
        find: Callable[[T, RuleContext[Any]], Iterable[Finding]],
        subject: T,
        settings: RuleSettings,
    ) -> tuple[Finding, ...]:
        try:
            return tuple(find(subject, settings.of(rule)))
        except Exception as error:
            self._record_failure(rule, error)
            return ()

    def _record_failure(self, rule: AnyRule, error: Exception) -> None:
        self._failures[rule.code] += 1
        if self._failures[rule.code] >= MAX_FAILURES:
            self._rules.remove(rule)
            self._events.emit(Warned(f"rule {rule.code} failed {MAX_FAILURES} times and is off", "Report this.", error))

    def _warn(self, texts: Iterable[str], remedy: str) -> None:
        for text in texts:
            self._events.emit(Warned(text, remedy))
