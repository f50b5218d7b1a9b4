"""Reads the database for ``fanin audit`` and ``fanin check``, and runs the rules over it.

Tests: tests/e2e/database/test_audit_database.py.
"""

import asyncio
from argparse import Namespace
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import structs

from proxy.analysis.rule import AnyRule
from proxy.analysis.workload import Workload
from proxy.audit.database import inspect_database
from proxy.audit.load import observed_load
from proxy.audit.report import (
    IgnoredFinding,
    NoIndexReason,
    ObservedLoad,
    ReportedFinding,
    StatementUsage,
    TracedNumber,
    UncheckedItem,
)
from proxy.audit.traced import traced
from proxy.audit.workload import TrafficCounter
from proxy.commands.audit.indexes import AdvisedFindings
from proxy.database.connection import DatabaseError
from proxy.database.policy_plans import with_policy_plans
from proxy.database.probe import probed
from proxy.database.session import DatabaseFaultError, Limits
from proxy.database.snapshot import NoSchemasError, read_database
from proxy.database.statements import STATEMENTS
from proxy.findings.ignores import Ignore, Ignores
from proxy.findings.model import Finding, fails
from proxy.postgrest.database_facts import DatabaseFacts
from proxy.recording.prometheus import HOURS
from proxy.recording.source import DataAccessError
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.sidecar.rule_runner import today
from proxy.text.terminal import safe
from proxy.upstream.facts.catalog import read_catalog_once

NO_ADVICE = AdvisedFindings()
NO_DATABASE = UncheckedItem("database", "", "no database was given", "Give --db-uri.")


class DatabasePart(msgspec.Struct, frozen=True):
    """The part of a report that is about the database."""

    name: str = ""
    schemas: tuple[str, ...] = ()
    findings: tuple[ReportedFinding, ...] = ()
    ignored: tuple[IgnoredFinding, ...] = ()
    not_checked: tuple[UncheckedItem, ...] = ()
    checked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What reading it did that the operator must know."""
    unmatched: tuple[str, ...] = ()
    """Messages about ignores that matched no finding over the database."""
    matched: frozenset[str] = frozenset()
    """Messages that ignores matched nothing which are not true: they matched a finding over the database."""
    no_index: tuple[NoIndexReason, ...] = ()
    statements: tuple[StatementUsage, ...] = ()


def facts_of(settings: Settings) -> DatabaseFacts:
    """What rules of traffic know of the database; nothing without ``db_uri``. DataAccessError if it cannot be read."""
    if settings.db_uri is None:
        return DatabaseFacts()
    try:
        return asyncio.run(read_catalog_once(settings)).facts
    except ConfigError as error:
        raise DataAccessError(str(error)) from error


def facts_if_readable(settings: Settings) -> tuple[DatabaseFacts, tuple[UncheckedItem, ...]]:
    """As ``facts_of``; if a grant is missing for them, none, and what the report then says."""
    try:
        return facts_of(settings), ()
    except DataAccessError as error:
        because = "the rules of traffic ran without the indexes, types and keys of the database"
        return DatabaseFacts(), (UncheckedItem("traffic", "", because, str(error)),)


def snapshot(options: Namespace, settings: Settings, workload: Workload, rules: Sequence[AnyRule]) -> Database | None:
    """The database, None without ``db_uri``. DataAccessError if it cannot be read, or no schema is known."""
    if settings.db_uri is None:
        return None
    named = "schemas" in settings.catalog.model_fields_set
    seen = dict.fromkeys(usage.relation.partition(".")[0] for usage in workload if "." in usage.relation)
    try:
        database = asyncio.run(
            read_database(
                settings.db_uri.get_secret_value(),
                settings.catalog.schemas if named else None,
                tuple(sorted(seen)),
                options.lock_timeout,
                options.statement_timeout,
            )
        )
    except (DatabaseError, NoSchemasError) as error:
        raise DataAccessError(str(error)) from error
    if options.probe and database.read:
        database = _probed(database, settings.db_uri.get_secret_value(), options)
    rule = next((each for each in rules if each.code == "FAN032" and settings.rules.level(each.code) != "off"), None)
    if rule is not None and database.has(*rule.needs):
        database = _policies_planned(database, settings, options, rule)
    if not database.read:
        first = database.not_checked[0]
        raise DataAccessError(f"--db-uri: nothing could be read: {first.because}. {first.remedy}")
    return database


def _probed(database: Database, uri: str, options: Namespace) -> Database:
    try:
        return asyncio.run(probed(uri, database, Limits(options.statement_timeout, options.lock_timeout)))
    except DatabaseFaultError as fault:
        missing = NotChecked("FAN029", f"--probe: {fault}", "Give --db-uri a role that may become the API roles.")
        return structs.replace(database, not_checked=(*database.not_checked, missing))


def _policies_planned(database: Database, settings: Settings, options: Namespace, rule: AnyRule) -> Database:
    """With plans for FAN032. Where there are none, the rule says what it could not decide."""
    thresholds = settings.rules.of(rule).thresholds
    uri = settings.db_uri.get_secret_value() if settings.db_uri else ""
    limits = Limits(options.statement_timeout, options.lock_timeout)
    least = (thresholds.min_rows, thresholds.min_values)
    return asyncio.run(with_policy_plans(uri, database, limits, options.trial, least))


def inspected(
    database: Database,
    counter: TrafficCounter,
    rules: Sequence[AnyRule],
    settings: Settings,
    fail_on: str,
    advice: AdvisedFindings = NO_ADVICE,
) -> DatabasePart:
    """What the rules find in the database, with the observed requests for each object."""
    found = inspect_database(database, counter.workload, rules, settings.rules, lambda _: None, advice.advised)
    ignores = Ignores(settings.ignore, database.schemas[0])
    pairs = list(ignores.with_ignore(found.findings, today()))
    reported = [
        _reported(each, _load(each, counter, database.schemas, advice), fail_on)
        for each, ignore in pairs
        if ignore is None
    ]
    unmatched = tuple(ignores.unmatched(today()))
    every = set(Ignores(settings.ignore, database.schemas[0]).unmatched(today()))
    return DatabasePart(
        database.server.database,
        database.schemas,
        tuple(structs.replace(each, numbers=traced(each, database)) for each in reported),
        tuple(_ignored(each, ignore) for each, ignore in pairs if ignore is not None),
        tuple(UncheckedItem(each.check, each.object, each.because, each.remedy) for each in found.not_checked),
        tuple(_checked(rules, settings, {each.check for each in found.not_checked if not each.object}, advice)),
        database.notes,
        unmatched,
        frozenset(every.difference(unmatched)),
        advice.no_index,
    )


def _checked(rules: Sequence[AnyRule], settings: Settings, missing: set[str], advice: AdvisedFindings) -> Iterator[str]:
    for rule in rules:
        if rule.needs_calls and advice.advised is None:
            continue
        if rule.inspect_database is not None and rule.code not in missing and settings.rules.level(rule.code) != "off":
            yield rule.code


def _reported(finding: Finding, load: ObservedLoad, fail_on: str) -> ReportedFinding:
    return ReportedFinding(
        key=finding.key,
        times=1,
        traces=0,
        judged=True,
        fails=fails(finding, fail_on),
        source="",
        trace="",
        finding=finding,
        load=load,
    )


def _load(finding: Finding, counter: TrafficCounter, schemas: Sequence[str], advice: AdvisedFindings) -> ObservedLoad:
    """What was observed; of calls that no trace has, as of ``--statements`` and ``--prometheus``, their number only."""
    load = observed_load(finding, counter.workload, schemas, counter.hours)
    if load.calls or finding.object is None:
        return load
    if finding.queries:
        return structs.replace(load, calls=sum(advice.calls.get(name, 0) for name in finding.queries))
    about = finding.object
    table = about.table or about.name
    calls = advice.fleet.calls({f"{about.schema}.{table}", *((table,) if about.schema in schemas[:1] else ())})
    return structs.replace(load, calls=calls, calls_per_hour=round(calls / HOURS, 1))


def _ignored(finding: Finding, ignore: Ignore) -> IgnoredFinding:
    until = ignore.until.isoformat() if ignore.until else ""
    return IgnoredFinding(finding.key, 1, ignore.reason, ignore.owner, until, finding)


def evidence(findings: Sequence[ReportedFinding]) -> Iterator[str]:
    """The statements that read the evidence of findings, each once, with the findings that they are for; then each
    number with the column and the row that it is from.
    """
    codes: dict[str, set[str]] = {}
    for reported in findings:
        for name in reported.finding.statements:
            codes.setdefault(name, set()).add(reported.finding.code)
    for name, statement in STATEMENTS.items():
        if name in codes:
            yield f"-- {name}: {', '.join(sorted(codes[name]))}\n{statement.strip()};\n"
    for reported in findings:
        lines = [
            f"--   {each.number} in {each.field} '{safe(each.text)}': {_source(each)}" for each in reported.numbers
        ]
        if lines:
            yield "\n".join([f"-- {safe(reported.key)}", *lines, *_plans(reported.finding), ""])


def _plans(finding: Finding) -> Iterator[str]:
    """The statements that were planned, with the numbers by which sources name them."""
    for number, each in enumerate(finding.planned, 1):
        yield f"--   plan {number}: {safe(each.label)}\nEXPLAIN {safe(' '.join(each.sql.split()))};"


def _source(number: TracedNumber) -> str:
    return f"{number.source} where {safe(number.where)}" if number.where else number.source
