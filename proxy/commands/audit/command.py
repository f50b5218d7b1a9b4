"""``fanin audit``: reports on the workload of recordings, or of the traces of a running fanin."""

import logging
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import structs

from proxy import __version__
from proxy.advisor.observed import CallCollector
from proxy.advisor.roles import callers_of
from proxy.analysis.rule import AnyRule, why_not_checked
from proxy.analysis.workload import Workload
from proxy.audit import advisor, workload
from proxy.audit.comparison import compare
from proxy.audit.completed import completed
from proxy.audit.formats.as_annotations import annotations_of, as_pr_comment, report_summary
from proxy.audit.formats.as_html import html
from proxy.audit.formats.as_json import as_json
from proxy.audit.formats.as_markdown import markdown
from proxy.audit.formats.as_sarif import as_sarif
from proxy.audit.formats.as_text import summary, text
from proxy.audit.migration import migration
from proxy.audit.report import FORMAT, Report, ReportedFinding, UncheckedItem
from proxy.audit.statements import statement_usages
from proxy.audit.workload import TrafficCounter
from proxy.check.annotations import github, gitlab
from proxy.check.coverage import coverage
from proxy.commands.audit.database import (
    NO_ADVICE,
    NO_DATABASE,
    DatabasePart,
    evidence,
    facts_if_readable,
    inspected,
    snapshot,
)
from proxy.commands.audit.diff import diff, read_report, text_of
from proxy.commands.audit.indexes import AdvisedFindings, index_advice
from proxy.commands.audit.plans import with_plans
from proxy.commands.audit.sources import MoreWork, more_work
from proxy.commands.gates import failing_ignores, read_gate
from proxy.commands.offline_analysis import OfflineAnalysis
from proxy.commands.progress import Progress
from proxy.database.session import Limits
from proxy.findings.store import StoredFinding
from proxy.findings.unmatched import UnmatchedIgnore
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.receiver.files import each_traffic
from proxy.recording.prometheus import FleetRequests, PrometheusError, read_fleet
from proxy.recording.source import DataAccessError, Recordings, source_names, write_text
from proxy.schema.snapshot import Database
from proxy.settings.loading import EffectiveSettings
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.text.counted import counted

FORMATS: Mapping[str, Callable[[Report, Sequence[AnyRule], str], str]] = {
    "text": lambda report, rules, settings: text(report),
    "md": lambda report, rules, settings: markdown(report),
    "json": lambda report, rules, settings: as_json(report),
    "html": lambda report, rules, settings: html(report),
    "sarif": lambda report, rules, settings: as_sarif(report, rules, __version__, settings),
    "github": lambda report, rules, settings: github(annotations_of(report), settings, report_summary(report)),
    "gitlab": lambda report, rules, settings: gitlab(annotations_of(report), settings),
    "pr-comment": lambda report, rules, settings: as_pr_comment(report, settings),
}


def audit(options: Namespace, loaded: EffectiveSettings, rules: Sequence[AnyRule]) -> bool:
    """Analyse the traffic and print the report; True if a finding fails. Raises DataAccessError, ConfigError."""
    if options.words:
        return diff(options.words)
    for name in ("migration", "statements", "sql", "trial", "prometheus", "probe"):
        if getattr(options, name) and loaded.settings.db_uri is None:
            raise ConfigError(f"--{name} is about a database: give --db-uri")
    baseline = read_report(options.baseline) if options.baseline else None
    if not source_names(options) and loaded.settings.db_uri is None:
        raise ConfigError("nothing to read: give --traces, --otlp, --admin or --db-uri")
    # Its warnings quote the SQL that it cannot parse, which the report lists as not checked.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    with Progress() as progress:
        progress.tell("reading the traffic")
        sources = source_names(options)
        analysis = AuditAnalysis(each_traffic(options, loaded.settings), rules, loaded.settings, bool(sources))
        if options.prometheus:
            analysis.read_fleet(options.prometheus)
        report = completed(analysis.report(sources, options, progress))
    if options.explain_evidence:
        print("\n".join(evidence(report.findings)), end="", file=sys.stderr)
    if options.migration is not None:
        write_text(options.migration, migration(report))
    output = FORMATS[options.format](report, rules, options.config.as_posix() if options.config else "")
    if options.output is None:
        print(output, end="")
    else:
        write_text(options.output, output)
        print(summary(report), end="")
    return report.failed if baseline is None else _changed(baseline, report, options) or bool(analysis.missing)


def _changed(baseline: Report, report: Report, options: Namespace) -> bool:
    """Print what changed, away from a report that a program reads; True if anything is new, worse, or not covered."""
    comparison = compare(baseline, report)
    on_output = options.format == "text" or options.output is not None
    print(text_of(comparison), end="", file=sys.stdout if on_output else sys.stderr)
    return comparison.failed or (report.full_coverage and bool(report.not_checked))


class AuditAnalysis:
    """Runs the rules on the traffic and counts it. Without sources of it (``observed``) they have no facts to read."""

    def __init__(
        self,
        traffic: Iterator[tuple[str, Recordings]],
        rules: Sequence[AnyRule],
        settings: Settings,
        observed: bool = True,
    ) -> None:
        self._rules, self._settings = rules, settings
        facts, self._without_facts = facts_if_readable(settings) if observed else (DatabaseFacts(), ())
        self._analysis = OfflineAnalysis(rules, settings, facts)
        self._counter = TrafficCounter(settings.detect.fingerprints)
        self._calls = CallCollector()
        self._unread: list[UncheckedItem] = []
        self.missing: list[str] = []
        """What fails the report beside its findings."""
        self._fleet = FleetRequests()
        self._lacks, self._left_out = set[str](), dict[str, list[str]]()
        self._read(list(traffic))
        self._analysis.close()

    def _read(self, sources: Sequence[tuple[str, Recordings]]) -> None:
        """Read each source. One that cannot be read is not checked; DataAccessError if none can be read."""
        for name, traces in sources:
            try:
                for source, trace in traces:
                    self._lacks.update(source.head.lacks)
                    self._left_out[source.name] = source.warnings
                    self._calls.add(trace, source.head.hash_key)
                    self._analysis.judge(source.name, trace)
                    self._counter.add(source.name, source.head.salt, source.head.epoch, trace)
            except DataAccessError as error:
                self._unread.append(UncheckedItem("traffic", name, str(error), "Correct it, or leave it out."))
                if len(self._unread) == len(sources):
                    raise

    def read_fleet(self, url: str) -> None:
        """Ask a Prometheus for the requests of a fleet. One that does not answer is not checked. ConfigError."""
        try:
            self._fleet = read_fleet(url)
        except PrometheusError as error:
            self._unread.append(UncheckedItem("traffic", url, str(error), "Correct it, or leave it out."))

    def report(self, sources: Sequence[str], options: Namespace, progress: Progress) -> Report:
        """The report, with the first ``--top`` queries and routes. DataAccessError if the database cannot be read."""
        analysis, counter, fail_on, top = self._analysis, self._counter, options.fail_on, options.top
        database = self._database(options, progress)
        findings = advisor.worst_reported([*advisor.reported_findings(analysis.seen(), fail_on), *database.findings])
        full, not_checked = options.require_full_coverage, (*self._silent(), *database.not_checked)
        unmatched = self._unmatched(sources, database)
        missing = self.missing = self._missing(options, unmatched)
        ignored = advisor.ignored_findings(
            (stored.finding, stored.count, stored.ignore) for stored in analysis.known() if stored.ignore
        )
        queries, routes = workload.queries(counter.workload, self._may_show), workload.routes(counter.costs())
        return Report(
            format=FORMAT,
            fanin=__version__,
            fail_on=fail_on,
            failed=any(each.fails for each in findings) or (full and bool(not_checked)) or bool(missing),
            traffic=counter.traffic(sources, self._may_show),
            findings=tuple(findings),
            ignored=(*ignored, *database.ignored),
            queries=tuple(queries[:top]),
            routes=tuple(routes[:top]),
            more_queries=max(0, len(queries) - top),
            more_routes=max(0, len(routes) - top),
            bypassed=tuple(advisor.bypass_reasons(counter.bypassed, self._may_show)),
            warnings=(*missing, *self._warnings(sources), *database.notes, *(ignore.text for ignore in unmatched)),
            database=database.name,
            schemas=database.schemas,
            not_checked=not_checked,
            full_coverage=full,
            checked=database.checked,
            no_index=database.no_index,
            statements=database.statements,
        )

    @property
    def names(self) -> ConfirmedNames:
        """The names that may be shown."""
        return self._analysis.names

    @property
    def workload(self) -> Workload:
        """The counts per query."""
        return self._counter.workload

    def known(self) -> list[StoredFinding]:
        """All findings, also ignored ones."""
        return self._analysis.known()

    def _database(self, options: Namespace, progress: Progress) -> DatabasePart:
        """What the rules over the database find; a database that was not given is not checked."""
        workload = self._counter.workload
        progress.tell("reading the database")
        database = snapshot(options, self._settings, workload, self._rules)
        if database is None:
            absent = (NO_DATABASE,) if options.require_full_coverage else ()
            return DatabasePart(not_checked=(*self._unread, *absent))
        more = self._more_work(options, database, progress)
        advice = structs.replace(self._advice(options, database, more, progress), fleet=self._fleet)
        part = inspected(database, self._counter, self._rules, self._settings, options.fail_on, advice)
        without = self._without_facts if self._counter.requests else ()
        missing = (*self._unread, *without, *more.not_checked, *part.not_checked)
        return structs.replace(
            part,
            findings=self._planned(part.findings, database, more, options),
            not_checked=missing,
            statements=statement_usages(more.run, options.top),
        )

    def _planned(
        self, findings: Sequence[ReportedFinding], database: Database, more: MoreWork, options: Namespace
    ) -> tuple[ReportedFinding, ...]:
        uri, limits = self._settings.db_uri, Limits(options.statement_timeout, options.lock_timeout)
        return with_plans(findings, database, more.observed, uri.get_secret_value() if uri else "", limits)

    def _more_work(self, options: Namespace, database: Database, progress: Progress) -> MoreWork:
        """The observed requests, with the statements of ``--statements`` and ``--sql``."""
        progress.tell("reading statements")
        uri, first_schema = self._settings.db_uri, database.schemas[0]
        return more_work(
            options, uri.get_secret_value() if uri else "", first_schema, self._calls.observed(callers_of(database))
        )

    def _advice(self, options: Namespace, database: Database, more: MoreWork, progress: Progress) -> AdvisedFindings:
        """The indexes that these calls lack; nothing without calls, or where the rule is off."""
        uri = self._settings.db_uri
        wanted = [rule for rule in self._rules if rule.needs_calls and self._settings.rules.level(rule.code) != "off"]
        if not more.observed or uri is None or not wanted or not database.has(*wanted[0].needs):
            return NO_ADVICE if not more.observed else AdvisedFindings(())
        writes = {**self._fleet.writes, **self._counter.workload.writes}
        return index_advice(options, uri.get_secret_value(), database, more, writes, progress.tell)

    def _silent(self) -> Iterator[UncheckedItem]:
        """Rules that find nothing, because the traffic does not show what they read of answers."""
        for rule in self._rules:
            why = why_not_checked(rule, self._lacks)
            if why and self._settings.rules.level(rule.code) != "off":
                yield UncheckedItem(rule.code, "", why, "Record the traffic with fanin serve --record.")

    def _may_show(self, fingerprint: str, relation: str) -> bool:
        names = self._analysis.names
        return names.may_show(fingerprint) and names.shown_relation(relation) == relation

    def _unmatched(self, sources: Sequence[str], database: DatabasePart) -> list[UnmatchedIgnore]:
        """Ignores that matched nothing, neither in the traffic nor in the database."""
        of_traffic = [text for text in self._analysis.unmatched if text not in database.matched]
        return self._analysis.told_apart(of_traffic if sources else database.unmatched, database.checked)

    def _missing(self, options: Namespace, unmatched: Sequence[UnmatchedIgnore]) -> list[str]:
        """What fails the report beside its findings: coverage, and ignores with ``--strict-ignores``."""
        gate = read_gate(options)
        checks = coverage(gate.required, self._counter.costs())
        texts = [f"fails: {problem.what}" for check in checks for problem in check.problems]
        if gate.strict_ignores:
            texts += [f"fails: {text}" for text in failing_ignores(self._settings, unmatched)]
        return texts

    def _warnings(self, sources: Sequence[str]) -> Iterator[str]:
        yield from chain(*self._left_out.values())
        yield from self._analysis.warnings()
        if sources and not any(cost.can_fail_build for cost in self._counter.costs()):
            yield "no finding can fail: no trace is both complete and named by its client"
        if replaced := self._counter.workload.replaced:
            yield f"{counted(replaced, 'fingerprint')} replaced by others: raise detect.fingerprints"
