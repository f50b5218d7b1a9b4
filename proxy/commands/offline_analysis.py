"""Where ``fanin check`` and ``fanin audit`` have traffic judged: by the rules, the settings and the ignores."""

import math
from collections.abc import Iterator, Sequence

from proxy.analysis.rule import AnyRule
from proxy.findings.model import CountedFinding
from proxy.findings.store import StoredFinding
from proxy.model import Trace
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Event, Events, TraceClosed, Warned
from proxy.settings.model import Settings
from proxy.sidecar.rule_runner import RuleRunner
from proxy.traces.cost import can_fail_build


class OfflineRun:
    """Traces of one kind, judged by the settings; what was found, and where."""

    def __init__(self, rules: Sequence[AnyRule], settings: Settings, names: ConfirmedNames, gates: bool) -> None:
        events = Events()
        events.subscribe(self._hear)
        self._judge = RuleRunner(rules, settings, events)
        self._names = names
        self._gates = gates
        self._source = ""
        self._places: dict[str, dict[tuple[str, str], None]] = {}
        """By finding, the traces that it was made in, with their recordings."""
        self.count = 0
        self.warnings: list[str] = []

    def judge(self, source: str, trace: Trace) -> None:
        self.count += 1
        self._source = source
        self._judge.run(trace)

    def close(self) -> set[str]:
        """Look at all of it; returns what is to be told of ignores that matched nothing."""
        self._judge.inspect_workload(math.inf)
        if dropped := self._judge.findings.dropped:
            self.warnings.append(f"{dropped} findings gave way to later ones: raise detect.findings")
        told, self.warnings = self.warnings, []
        self._judge.warn_of_unused_ignores()
        idle, self.warnings = set(self.warnings), told
        return idle

    def known(self) -> list[StoredFinding]:
        """All findings, ignored ones as well, that are on names that upstream has taken."""
        shown = [known for known in self._judge.findings if self._names.shown([known.finding])]
        return sorted(shown, key=lambda known: (-known.finding.weight, known.finding.key))

    def seen(self) -> Iterator[CountedFinding]:
        """Findings that are not ignored, the gravest first."""
        for known in self.known():
            if known.ignore is None:
                places = list(self._places.get(known.finding.key, ()))
                source, trace = places[0] if places else ("", "")
                yield CountedFinding(known.finding, source, trace, known.count, self._gates, len(places))

    def _hear(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.warnings.append(event.what)
        elif isinstance(event, TraceClosed):
            for finding in event.findings:
                self._places.setdefault(finding.key, {})[self._source, event.trace.id] = None


class OfflineAnalysis:
    """Traces as they come: those that can fail a build are judged by themselves, and the others by themselves."""

    def __init__(self, rules: Sequence[AnyRule], settings: Settings) -> None:
        self.names = ConfirmedNames()
        self._courts = [OfflineRun(rules, settings, self.names, gates) for gates in (False, True)]
        self._idle: list[str] = []

    def judge(self, source: str, trace: Trace) -> None:
        """A trace of a recording."""
        self.names.learn(trace.spans)
        self._courts[can_fail_build(trace)].judge(source, trace)

    def close(self) -> None:
        """That was all: look at the workload as a whole."""
        idle = [court.close() for court in self._courts if court.count]
        self._idle = sorted(set.intersection(*idle)) if idle else []

    def seen(self) -> list[CountedFinding]:
        """Findings that are not ignored, those that can fail a build first; one may be of both kinds of traces."""
        return [one for court in reversed(self._courts) for one in court.seen()]

    def known(self) -> list[StoredFinding]:
        """All findings in the same order, ignored ones as well."""
        return [one for court in reversed(self._courts) for one in court.known()]

    def warnings(self) -> list[str]:
        """What is to be told of rules, settings and ignores; at the end, ignores that matched nothing at all."""
        told = [text for court in reversed(self._courts) for text in court.warnings]
        return [*dict.fromkeys(told), *self._idle]
