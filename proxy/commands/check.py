"""``fanin check``: runs rules and budgets on recordings, or on the traces of a running fanin, and fails a build."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from proxy import __version__
from proxy.analysis.rule import AnyRule, why_not_checked
from proxy.check.annotations import github, gitlab, summary, verdict_annotations
from proxy.check.as_json import as_json
from proxy.check.coverage import coverage
from proxy.check.junit import junit
from proxy.check.pr_comment import marker, pr_comment
from proxy.check.sarif import sarif
from proxy.check.text import text
from proxy.check.verdict import Verdict, strict_ignores, verdict, with_checks, with_warnings, without_unchecked
from proxy.commands.audit.database import facts_of
from proxy.commands.gates import Gate, failing_ignores, read_gate
from proxy.commands.offline_analysis import OfflineAnalysis
from proxy.findings.ignores import Ignores
from proxy.receiver.files import read_traffic
from proxy.recording.source import Recordings, source_names, write_text
from proxy.settings.loading import EffectiveSettings
from proxy.settings.sources import ConfigError
from proxy.sidecar.rule_runner import today
from proxy.text.terminal import safe
from proxy.traces.cost import TraceCosts

FORMATS: Mapping[str, Callable[[Verdict, Sequence[AnyRule], str], str]] = {
    "text": lambda verdict, rules, settings: text(verdict),
    "json": lambda verdict, rules, settings: as_json(verdict),
    "sarif": lambda verdict, rules, settings: sarif(verdict, rules, __version__, settings),
    "junit": lambda verdict, rules, settings: junit(verdict),
    "github": lambda verdict, rules, settings: github(verdict_annotations(verdict), settings, summary(verdict)),
    "gitlab": lambda verdict, rules, settings: gitlab(verdict_annotations(verdict), settings),
    "pr-comment": lambda verdict, rules, settings: _pr_comment(verdict, settings),
}


def check(options: Namespace, loaded: EffectiveSettings, rules: Sequence[AnyRule]) -> bool:
    """Check the traffic and print the verdict; True if a check fails. Raises DataAccessError, ConfigError."""
    if not source_names(options):
        raise ConfigError("nothing to read: give --traces, --otlp or --admin")
    traffic = read_traffic(options, loaded.settings)
    checked = CheckAnalysis(traffic, rules, loaded, read_gate(options))
    if options.explain_ignores:
        print("\n".join(checked.ignores()), file=sys.stderr)
    output = FORMATS[options.format](checked.verdict, rules, options.config.as_posix() if options.config else "")
    if options.output is None:
        print(output, end="")
    else:
        write_text(options.output, output)
        print(text(checked.verdict), end="")
    return checked.verdict.failed


def _pr_comment(verdict: Verdict, settings: str) -> str:
    title = f"fanin check: {'failed' if verdict.failed else 'ok'}"
    return pr_comment(verdict_annotations(verdict), marker("check", settings), title, summary(verdict))


class CheckAnalysis:
    """Runs the rules on the traffic, measures it, and computes the verdict."""

    def __init__(self, traffic: Recordings, rules: Sequence[AnyRule], loaded: EffectiveSettings, gate: Gate) -> None:
        settings = self._settings = loaded.settings
        analysis = self._analysis = OfflineAnalysis(rules, settings, facts_of(settings))
        costs, lacks, warnings = TraceCosts(), set[str](), dict[str, list[str]]()
        for source, trace in traffic:
            analysis.judge(source.name, trace)
            costs.add(source.name, trace, source.head.lacks)
            lacks.update(source.head.lacks)
            warnings[source.name] = source.warnings
        analysis.close()
        self.seen = analysis.seen()
        """Findings that are not ignored."""
        used = [rule for rule in rules if settings.rules.level(rule.code) != "off"]
        result = verdict(costs.all(), self.seen, settings.budget, settings.growth, used, gate.fail_on)
        result = without_unchecked(result, [(rule, why_not_checked(rule, lacks)) for rule in used])
        unmatched = analysis.told_apart(analysis.unmatched)
        result = with_checks(result, coverage(gate.required, costs.all()))
        if gate.strict_ignores:
            result = with_checks(result, [strict_ignores(failing_ignores(settings, unmatched))])
        told = [*chain(*warnings.values()), *analysis.warnings(), *(ignore.text for ignore in unmatched)]
        self.verdict = with_warnings(result, told, gate.strict)

    def ignores(self) -> Iterator[str]:
        """Lines that list each ignore with the findings that it matches."""
        findings = list({stored.finding.key: stored.finding for stored in self._analysis.known()}.values())
        ignores = Ignores(self._settings.ignore, self._settings.catalog.schemas[0])
        for state in ignores.states(findings, today()):
            until = f", until {state.ignore.until}" if state.ignore.until else ""
            yield f"{safe(state.name)}: {safe(state.ignore.reason)}{until}"
            if state.expired:
                yield "  has expired, and no longer ignores:" if state.matched else "  has expired"
            yield from (f"  {safe(finding.key)}" for finding in state.matched)
            if not state.matched:
                yield "  matches no finding"
