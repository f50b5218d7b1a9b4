"""``fanin audit``: reports on the workload of recordings, or of the traces of a running fanin."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence

from proxy import __version__
from proxy.analysis.rule import AnyRule
from proxy.analysis.volume import plural
from proxy.audit import advisor, workload
from proxy.audit.as_html import html
from proxy.audit.as_json import as_json
from proxy.audit.as_markdown import markdown
from proxy.audit.as_sarif import as_sarif
from proxy.audit.as_text import summary, text
from proxy.audit.report import FORMAT, Report
from proxy.audit.workload import TrafficCounter
from proxy.commands.offline_analysis import OfflineAnalysis
from proxy.recording.source import Recordings, read_source, source_names, write_text
from proxy.settings.loading import EffectiveSettings
from proxy.settings.model import Settings

FORMATS: Mapping[str, Callable[[Report, Sequence[AnyRule], str], str]] = {
    "text": lambda report, rules, settings: text(report),
    "md": lambda report, rules, settings: markdown(report),
    "json": lambda report, rules, settings: as_json(report),
    "html": lambda report, rules, settings: html(report),
    "sarif": lambda report, rules, settings: as_sarif(report, rules, __version__, settings),
}


def audit(options: Namespace, loaded: EffectiveSettings, rules: Sequence[AnyRule]) -> bool:
    """Analyse the traffic and print the report; True if a finding fails. Raises DataAccessError, ConfigError."""
    report = AuditAnalysis(read_source(options, loaded.settings), rules, loaded.settings).report(
        source_names(options), options.fail_on, options.top
    )
    output = FORMATS[options.format](report, rules, options.config.as_posix() if options.config else "")
    if options.output is None:
        print(output, end="")
    else:
        write_text(options.output, output)
        print(summary(report), end="")
    return report.failed


class AuditAnalysis:
    """Runs the rules on the traffic and counts it."""

    def __init__(self, traffic: Recordings, rules: Sequence[AnyRule], settings: Settings) -> None:
        self._analysis = OfflineAnalysis(rules, settings)
        self._counter = TrafficCounter(settings.detect.fingerprints)
        for source, trace in traffic:
            self._analysis.judge(source.name, trace)
            self._counter.add(source.name, source.head.salt, source.head.epoch, trace)
        self._analysis.close()

    def report(self, sources: Sequence[str], fail_on: str, top: int) -> Report:
        """The report, with the first ``top`` queries and routes."""
        analysis, counter = self._analysis, self._counter
        findings = advisor.reported_findings(analysis.seen(), fail_on)
        ignored = advisor.ignored_findings(
            (stored.finding, stored.count, stored.ignore) for stored in analysis.known() if stored.ignore
        )
        queries, routes = workload.queries(counter.workload, self._may_show), workload.routes(counter.costs())
        return Report(
            format=FORMAT,
            fanin=__version__,
            fail_on=fail_on,
            failed=any(reported.fails for reported in findings),
            traffic=counter.traffic(sources, self._may_show),
            findings=tuple(findings),
            ignored=tuple(ignored),
            queries=tuple(queries[:top]),
            routes=tuple(routes[:top]),
            more_queries=max(0, len(queries) - top),
            more_routes=max(0, len(routes) - top),
            bypassed=tuple(advisor.bypass_reasons(counter.bypassed, self._may_show)),
            warnings=tuple(self._warnings()),
        )

    def _may_show(self, fingerprint: str, relation: str) -> bool:
        names = self._analysis.names
        return names.may_show(fingerprint) and names.shown_relation(relation) == relation

    def _warnings(self) -> Iterator[str]:
        yield from self._analysis.warnings()
        if not any(cost.can_fail_build for cost in self._counter.costs()):
            yield "no finding can fail: no trace is both complete and named by its client"
        if replaced := self._counter.workload.replaced:
            yield f"{plural(replaced, 'fingerprint')} replaced by others: raise detect.fingerprints"
