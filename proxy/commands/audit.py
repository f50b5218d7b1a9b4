"""``fanin audit``: what recordings, or a running fanin's traces, say of the workload."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence

from proxy import __version__
from proxy.analysis.rule import AnyRule
from proxy.analysis.volume import many
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
    """Do what the command line asks for, and print it; True when a finding fails. DataAccessError, ConfigError."""
    report = AuditAnalysis(read_source(options, loaded.settings), rules, loaded.settings).report(
        source_names(options), options.fail_on, options.top
    )
    told = FORMATS[options.format](report, rules, options.config.as_posix() if options.config else "")
    if options.output is None:
        print(told, end="")
    else:
        write_text(options.output, told)
        print(summary(report), end="")
    return report.failed


class AuditAnalysis:
    """Traffic, judged and counted."""

    def __init__(self, traffic: Recordings, rules: Sequence[AnyRule], settings: Settings) -> None:
        self._courts = OfflineAnalysis(rules, settings)
        self._counted = TrafficCounter(settings.detect.fingerprints)
        for source, trace in traffic:
            self._courts.judge(source.name, trace)
            self._counted.add(source.name, source.head.salt, source.head.epoch, trace)
        self._courts.close()

    def report(self, sources: Sequence[str], fail_on: str, top: int) -> Report:
        """The report, with the first ``top`` of queries and of routes."""
        courts, counted = self._courts, self._counted
        findings = advisor.told(courts.seen(), fail_on)
        ignored = advisor.ignored((one.finding, one.count, one.ignore) for one in courts.known() if one.ignore)
        queries, routes = workload.queries(counted.workload, self._shown), workload.routes(counted.works())
        return Report(
            format=FORMAT,
            fanin=__version__,
            fail_on=fail_on,
            failed=any(one.fails for one in findings),
            traffic=counted.traffic(sources, self._shown),
            findings=tuple(findings),
            ignored=tuple(ignored),
            queries=tuple(queries[:top]),
            routes=tuple(routes[:top]),
            more_queries=max(0, len(queries) - top),
            more_routes=max(0, len(routes) - top),
            bypassed=tuple(advisor.bypass_reasons(counted.refused, self._shown)),
            warnings=tuple(self._warnings()),
        )

    def _shown(self, fingerprint: str, relation: str) -> bool:
        names = self._courts.names
        return names.has(fingerprint) and names.relation(relation) == relation

    def _warnings(self) -> Iterator[str]:
        yield from self._courts.warnings()
        if not any(work.can_fail_build for work in self._counted.works()):
            yield "no trace that a client named was complete: no finding can fail"
        if lost := self._counted.workload.replaced:
            yield f"kinds of queries gave way to others {many(lost, 'time')}: raise detect.fingerprints"
