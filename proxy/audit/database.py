"""Runs the rules on a snapshot of the database. A rule that lacks a part of it is not checked, which is never clean."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import structs

from proxy.analysis.rule import AnyRule, RuleLookup
from proxy.analysis.workload import Usage, Workload
from proxy.findings.model import Finding
from proxy.schema.snapshot import Database, NotChecked


class DatabaseFindings(msgspec.Struct, frozen=True):
    """What the rules found in a database, and what they did not check."""

    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()


def inspect_database(
    database: Database,
    workload: Workload,
    rules: Iterable[AnyRule],
    settings: RuleLookup,
    failed: Callable[[str], None],
    advised: Sequence[Finding | NotChecked] | None = None,
) -> DatabaseFindings:
    """Run all rules that are not off. ``failed`` is called with the code of a rule that raised an error.

    ``advised`` is what the advisor found; None if it was not asked.
    """
    findings: list[Finding] = []
    missing = list(database.not_checked)
    for rule in rules:
        context = structs.replace(settings.of(rule), advised=advised or ())
        if rule.inspect_database is None or context.level == "off" or (rule.needs_calls and advised is None):
            continue
        if lacking := [part for part in rule.needs if part not in database.read]:
            missing += _lacking(rule.code, lacking, database)
            continue
        try:
            found = list(rule.inspect_database(database, workload, context))
        except Exception:
            failed(rule.code)
            missing.append(NotChecked(rule.code, "the rule failed", "Report it as a defect of fanin."))
            continue
        missing += [each for each in found if isinstance(each, NotChecked)]
        findings += [structs.replace(each, statements=rule.needs) for each in found if isinstance(each, Finding)]
    return DatabaseFindings(tuple(findings), tuple(dict.fromkeys(missing)))


def _lacking(code: str, parts: Sequence[str], database: Database) -> list[NotChecked]:
    """One entry per missing part, with the reason why it is missing."""
    reasons = {each.check: each for each in database.not_checked if not each.object}
    unread = NotChecked("", "it was not read", "Read the database again.")
    return [
        NotChecked(code, f"part {part}: {reason.because}", reason.remedy)
        for part in parts
        for reason in (reasons.get(part, unread),)
    ]


def usages_of(finding: Finding, workload: Workload, schemas: Sequence[str]) -> list[Usage]:
    """The observed requests that a finding names, else those for its object, and all for the database itself.

    A name without schema is one of the first schema.
    """
    about = finding.object
    if about is None:
        return []
    if about.kind == "database":
        return list(workload)
    if finding.queries or not about.schema:
        return [usage for usage in workload if usage.fingerprint in finding.queries]
    table = about.table or about.name
    names = {f"{about.schema}.{table}", *((table,) if about.schema in schemas[:1] else ())}
    return [usage for usage in workload if usage.relation in names]
