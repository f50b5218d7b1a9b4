"""Runs the rules on closed traces and on the workload. A rule that raises repeatedly is switched off."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from proxy.analysis.fingerprint import MAX_FILTERS, parse_fingerprint
from proxy.analysis.rule import AnyRule, RuleContext
from proxy.analysis.steps import Steps
from proxy.analysis.workload import Workload
from proxy.findings.ignores import Ignores
from proxy.findings.model import Finding, worst_first
from proxy.findings.store import FindingStore
from proxy.model import Trace
from proxy.observe.events import Events, TraceClosed, Warned, WorkloadInspected
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.settings.model import Settings
from proxy.settings.overrides import ByRequest
from proxy.settings.rules import RuleSettings

T = TypeVar("T")

MAX_FAILURES = 3
"""A rule that has raised so often is switched off."""
MAX_FINDINGS = 100
"""Largest number of findings of a rule about one trace, or about the workload at one time."""
MORE = f"The rule found more than {MAX_FINDINGS} problems at once; the others are left out."
"""Evidence of the last of them."""
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
        self.workload = Workload(settings.detect.fingerprints, settings.detect.fingerprints_bytes)
        self.findings = FindingStore(settings.detect.findings, settings.detect.findings_bytes)
        self.facts = DatabaseFacts()
        """What rules know of the database."""
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
        """Same as ``run``, in steps. The event loop may serve requests between two steps."""
        self._traces_seen += 1
        yield from self.workload.add_in_steps(trace)
        detected: list[Finding] = []
        for settings in self._settings_for(trace):
            for rule in tuple(self._rules):
                yield
                detected += yield from self._detect(rule, trace, settings)
        day = self._today()
        findings = self._store(worst_first(detected), day, trace.end, trace.id)
        yield from self._events.emit_in_steps(TraceClosed(trace, tuple(finding for finding, _ in findings)))
        self._warn(self._ignores.expired(day), "Remove it from the settings, or give it a later last day.")
        if day - self._since > UNUSED_AFTER:
            self.warn_of_unused_ignores()

    def inspect_workload(self, now: float) -> None:
        """Run the rules on the whole workload if detect.interval has passed, and emit new findings."""
        for _ in self.inspection_steps(now):
            pass

    def inspection_steps(self, now: float) -> Iterator[None]:
        """Same as ``inspect_workload``, in steps."""
        if now < self._next_inspection:
            return
        self._next_inspection = now + self._interval
        found = yield from self._inspect()
        findings = self._store(worst_first(found), self._today(), now, "")
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
        return self._different({span.relation for span in trace.spans} | {""}, trace.route)

    def _different(self, relations: Iterable[str], route: str) -> Iterable[RuleSettings]:
        """The different settings of ``relations``; equal ones are one object."""
        found = [self._levels.of(relation, route) for relation in sorted(relations)]
        return {id(settings): settings for settings in found}.values()

    def _detect(self, rule: AnyRule, trace: Trace, settings: RuleSettings) -> Steps[list[Finding]]:
        """The rule's findings about relations that have these settings."""
        if rule.detect is None or settings.level(rule.code) == "off":
            return []
        findings = yield from self._run_rule(rule, rule.detect, trace, settings)
        return [
            _with_limits(finding) for finding in findings if self._levels.of(finding.relation, trace.route) is settings
        ]

    def _inspect(self) -> Steps[list[Finding]]:
        """The findings about the workload. Settings of relations apply; those of routes do not."""
        relations = {usage.relation for usage in self.workload}
        found: list[Finding] = []
        for settings in self._different(relations, ""):
            for rule in tuple(self._rules):
                yield
                if rule.inspect is not None and settings.level(rule.code) != "off":
                    findings = yield from self._run_rule(rule, rule.inspect, self.workload, settings)
                    found += [finding for finding in findings if self._levels.of(finding.relation, "") is settings]
        return found

    def _run_rule(
        self,
        rule: AnyRule,
        find: Callable[[T, RuleContext[Any]], Iterable[Finding]],
        subject: T,
        settings: RuleSettings,
    ) -> Steps[list[Finding]]:
        """The first ``MAX_FINDINGS`` findings of the rule; none if it raises."""
        findings: list[Finding] = []
        context = replace(settings.of(rule), facts=self.facts)
        try:
            for finding in getattr(find, "steps", find)(subject, context):
                if finding is None:
                    yield
                elif len(findings) < MAX_FINDINGS:
                    findings.append(finding)
                else:
                    findings[-1] = replace(findings[-1], evidence=(*findings[-1].evidence, MORE))
                    break
        except Exception as error:
            self._record_failure(rule, error)
            return []
        return findings

    def _record_failure(self, rule: AnyRule, error: Exception) -> None:
        self._failures[rule.code] += 1
        if self._failures[rule.code] >= MAX_FAILURES:
            self._rules.remove(rule)
            self._events.emit(Warned(f"rule {rule.code} failed {MAX_FAILURES} times and is off", "Report this.", error))

    def _warn(self, texts: Iterable[str], remedy: str) -> None:
        for text in texts:
            self._events.emit(Warned(text, remedy))


def _with_limits(finding: Finding) -> Finding:
    """The finding; its evidence says if the rule did not examine the whole query."""
    more = parse_fingerprint(finding.fingerprint).more_filters
    if not more:
        return finding
    limit = f"only the first {MAX_FILTERS} of the query's {MAX_FILTERS + more} filters were examined"
    return replace(finding, evidence=(*finding.evidence, limit))
