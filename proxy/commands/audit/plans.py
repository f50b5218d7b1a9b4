"""Adds the present plans of their requests to findings whose rules ask for none themselves.

Tests: tests/e2e/database/test_traffic_rules.py.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from msgspec import structs

from proxy.advisor.advice import ObservedCalls, ObservedStatement
from proxy.audit.report import ReportedFinding
from proxy.audit.traced import traced
from proxy.database.plans import plan_of, read_declared_schema
from proxy.database.session import Caller, DatabaseFaultError, Limits, connected, rolled_back
from proxy.findings.model import PlannedStatement
from proxy.plans.statements import facts_of_database, statements_of
from proxy.plans.words import hide_values, lines
from proxy.schema.snapshot import Database
from proxy.sql.expressions import UnwritableError

PLANNED = ("FAN038", "FAN039", "FAN040")


def with_plans(
    findings: Sequence[ReportedFinding],
    database: Database,
    observed: Sequence[ObservedCalls | ObservedStatement],
    uri: str,
    limits: Limits,
) -> tuple[ReportedFinding, ...]:
    """The findings; those of PLANNED with the plan of the first of their requests, if it can be planned."""
    calls = {one.seen.fingerprint: one for one in observed if isinstance(one, ObservedCalls)}
    wanted = {each.key: _first(each, calls) for each in findings if each.finding.code in PLANNED}
    asked = {one.seen.fingerprint: one for one in wanted.values() if one is not None}
    try:
        plans = asyncio.run(_plans(database, list(asked.values()), uri, limits)) if asked else {}
    except DatabaseFaultError:
        plans = {}
    return tuple(_with_plan(each, wanted.get(each.key), plans, database) for each in findings)


def _first(reported: ReportedFinding, calls: Mapping[str, ObservedCalls]) -> ObservedCalls | None:
    return next((calls[text] for text in reported.finding.evidence if text in calls), None)


def _with_plan(
    reported: ReportedFinding,
    calls: ObservedCalls | None,
    plans: Mapping[str, tuple[PlannedStatement, Sequence[str]]],
    database: Database,
) -> ReportedFinding:
    found = plans.get(calls.seen.fingerprint) if calls is not None else None
    if found is None:
        return reported
    planned, added = found
    evidence = (*reported.finding.evidence, planned.label, *added)
    finding = structs.replace(reported.finding, evidence=evidence, planned=(planned,))
    changed = structs.replace(reported, finding=finding)
    return structs.replace(changed, numbers=traced(changed, database))


async def _plans(
    database: Database, asked: Sequence[ObservedCalls], uri: str, limits: Limits
) -> dict[str, tuple[PlannedStatement, tuple[str, ...]]]:
    """The statement and the plan, in lines, of each fingerprint that has exact SQL, and that can be planned."""
    found: dict[str, tuple[PlannedStatement, tuple[str, ...]]] = {}
    async with connected(uri) as connection:
        async with rolled_back(connection, Caller(), limits):
            declared = await read_declared_schema(connection, database.schemas[0] if database.schemas else "public")
        for one in asked:
            try:
                made = statements_of(one.seen, declared, facts_of_database(database))
                caller = Caller(one.role, one.claims, made.sql.relations[0][0])
                async with rolled_back(connection, caller, limits):
                    first = made.rows[0]
                    plan = await plan_of(connection, first.text)
            except (UnwritableError, DatabaseFaultError):
                continue
            role = f", as {one.role}" if one.role else ""
            planned = PlannedStatement(f"{one.seen.fingerprint}, value: {first.label}{role}", hide_values(first.text))
            found[one.seen.fingerprint] = (planned, tuple(_before(lines(plan))))
    return found


def _before(texts: Iterator[str]) -> Iterator[str]:
    return (f"before: {text}" for text in texts)
