"""Runs the rules on recorded traffic for ``fanin check`` and ``fanin audit``, with settings and ignores applied."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.findings.ignores import Ignores
from proxy.findings.model import CountedFinding
from proxy.findings.store import StoredFinding
from proxy.findings.unmatched import Seen, UnmatchedIgnore, unmatched_ignore
from proxy.model import Trace
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Event, Events, TraceClosed, Warned
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.settings.model import Settings
from proxy.sidecar.rule_runner import RuleRunner
from proxy.text.counted import counted
from proxy.traces.cost import can_fail_build

NO_FACTS = DatabaseFacts()


class OfflineRun:
    """Runs the rules on traces that all can, or all cannot, fail a build; keeps the findings and their traces."""

    def __init__(
        self,
        rules: Sequence[AnyRule],
        settings: Settings,
        names: ConfirmedNames,
        can_fail: bool,
        facts: DatabaseFacts,
    ) -> None:
        events = Events()
        events.subscribe(self._on_event)
        self._runner = RuleRunner(rules, settings, events)
        self._runner.facts = facts
        self._names = names
        self._can_fail = can_fail
        self._source = ""
        self._places: dict[str, dict[tuple[str, str], None]] = {}
        """Recording and trace of each occurrence, by finding key."""
        self.count = 0
        self.warnings: list[str] = []

    def judge(self, source: str, trace: Trace) -> None:
        self.count += 1
        self._source = source
        self._runner.run(trace)

    def close(self) -> set[str]:
        """Run the rules on the workload; returns the messages about ignores that matched nothing."""
        self._runner.inspect_workload(math.inf)
        if dropped := self._runner.findings.dropped:
            self.warnings.append(f"later findings evicted {counted(dropped, 'finding')}: raise detect.findings")
        warnings, self.warnings = self.warnings, []
        self._runner.warn_of_unused_ignores()
        unmatched, self.warnings = set(self.warnings), warnings
        return unmatched

    def known(self) -> list[StoredFinding]:
        """All findings, also ignored ones, whose names PostgREST has accepted; the worst first."""
        confirmed = [stored for stored in self._runner.findings if self._names.shown_findings([stored.finding])]
        return sorted(confirmed, key=lambda stored: (-stored.finding.weight, stored.finding.key))

    def seen(self) -> Iterator[CountedFinding]:
        """Findings that are not ignored, the worst first."""
        for stored in self.known():
            if stored.ignore is None:
                places = list(self._places.get(stored.finding.key, ()))
                source, trace = places[0] if places else ("", "")
                yield CountedFinding(stored.finding, source, trace, stored.count, self._can_fail, len(places))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.warnings.append(event.what)
        elif isinstance(event, TraceClosed):
            for finding in event.findings:
                self._places.setdefault(finding.key, {})[self._source, event.trace.id] = None


class OfflineAnalysis:
    """Runs the rules on traffic. Traces that can fail a build and those that cannot are analysed separately."""

    def __init__(self, rules: Sequence[AnyRule], settings: Settings, facts: DatabaseFacts = NO_FACTS) -> None:
        self.names = ConfirmedNames()
        self._runs = [OfflineRun(rules, settings, self.names, can_fail, facts) for can_fail in (False, True)]
        self.unmatched: list[str] = []
        """Messages about ignores that no finding of either run matched."""
        self._settings = settings
        self._seen = Seen(
            over_database=[rule.code for rule in rules if rule.inspect_database is not None or rule.needs_calls]
        )

    def judge(self, source: str, trace: Trace) -> None:
        """Analyse a trace of a recording."""
        self.names.learn(trace.spans)
        self._seen.add(trace.route, {span.relation for span in trace.spans}, {span.fingerprint for span in trace.spans})
        self._runs[can_fail_build(trace)].judge(source, trace)

    def close(self) -> None:
        """Analyse the workload as a whole, after the last trace."""
        unmatched = [run.close() for run in self._runs if run.count]
        self.unmatched = sorted(set.intersection(*unmatched)) if unmatched else []

    def seen(self) -> list[CountedFinding]:
        """Findings that are not ignored, those that can fail a build first; a finding may occur in both runs."""
        return [counted for run in reversed(self._runs) for counted in run.seen()]

    def known(self) -> list[StoredFinding]:
        """All findings in the same order, also ignored ones."""
        return [stored for run in reversed(self._runs) for stored in run.known()]

    def warnings(self) -> list[str]:
        """Warnings about rules, settings and ignores, without those in ``unmatched``."""
        texts = [text for run in reversed(self._runs) for text in run.warnings]
        return list(dict.fromkeys(texts))

    def told_apart(self, messages: Iterable[str], checked: Collection[str] = ()) -> list[UnmatchedIgnore]:
        """Whether each ignore that one of ``messages`` is about looks fixed; ``checked``: rules that ran over the
        database.
        """
        schema, seen = self._settings.catalog.schemas[0], msgspec.structs.replace(self._seen, checked=checked)
        ignores = Ignores(self._settings.ignore, schema)
        pairs = [(message, ignores.named(message)) for message in messages]
        return [unmatched_ignore(message, ignore, schema, seen) for message, ignore in pairs if ignore is not None]
