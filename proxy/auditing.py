"""``fanin audit``: what recordings, or a running fanin's traces, say of the workload."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence

from proxy import __version__
from proxy.audit import advisor, workload
from proxy.audit.as_html import html
from proxy.audit.as_json import as_json
from proxy.audit.as_markdown import markdown
from proxy.audit.as_sarif import as_sarif
from proxy.audit.as_text import summary, text
from proxy.audit.report import FORMAT, Report
from proxy.audit.workload import Part
from proxy.check.work import works
from proxy.config import Effective, Settings
from proxy.court import Courts
from proxy.findings import Rule
from proxy.traffic import Sources, gathered, write
from proxy.workload import Workload

FORMATS: Mapping[str, Callable[[Report, Sequence[Rule], str], str]] = {
    "text": lambda report, rules, settings: text(report),
    "md": lambda report, rules, settings: markdown(report),
    "json": lambda report, rules, settings: as_json(report),
    "html": lambda report, rules, settings: html(report),
    "sarif": lambda report, rules, settings: as_sarif(report, rules, __version__, settings),
}


def audit(options: Namespace, loaded: Effective, rules: Sequence[Rule]) -> bool:
    """Do what the command line asks for, and print it; True when a finding fails. UnableError, ConfigError."""
    sources = gathered(options, loaded.settings)
    report = reported(sources, rules, loaded.settings, options.fail_on, options.top)
    told = FORMATS[options.format](report, rules, options.config.as_posix() if options.config else "")
    if options.output is None:
        print(told, end="")
    else:
        write(options.output, told)
        print(summary(report), end="")
    return report.failed


def reported(sources: Sources, rules: Sequence[Rule], settings: Settings, fail_on: str, top: int) -> Report:
    """The report, with the first ``top`` of queries and of routes."""
    courts = Courts(sources, rules, settings)
    parts = {name: Part(one.head.epoch, one.head.salt, one.traces) for name, one in sources.items()}
    measured = [work for name, part in parts.items() for work in works(name, part.traces)]
    counted = Workload(settings.detect.fingerprints)
    for part in parts.values():
        for trace in part.traces:
            counted.add(trace)

    def shown(fingerprint: str, relation: str) -> bool:
        return courts.names.has(fingerprint) and courts.names.relation(relation) == relation

    findings = advisor.told(courts.seen(), fail_on)
    queries, routes = workload.queries(counted, shown), workload.routes(measured)
    return Report(
        format=FORMAT,
        fanin=__version__,
        fail_on=fail_on,
        failed=any(one.fails for one in findings),
        traffic=workload.traffic(parts, measured, shown),
        findings=tuple(findings),
        ignored=tuple(advisor.ignored((one.finding, one.count, one.ignore) for one in courts.known() if one.ignore)),
        queries=tuple(queries[:top]),
        routes=tuple(routes[:top]),
        more_queries=max(0, len(queries) - top),
        more_routes=max(0, len(routes) - top),
        refusals=tuple(advisor.refusals(workload.spans_of(parts.values()), shown)),
        warnings=tuple(_warnings(courts, counted, any(work.gates for work in measured))),
    )


def _warnings(courts: Courts, counted: Workload, gating: bool) -> list[str]:
    told = courts.warnings()
    if not gating:
        told.append("no trace that a client named was complete: no finding can fail")
    if counted.replaced:
        told.append(f"{counted.replaced} kinds of queries gave way to others: raise detect.fingerprints")
    return told
