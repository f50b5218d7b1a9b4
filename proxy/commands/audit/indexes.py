"""Asks the database for ``fanin audit`` which indexes the observed requests lack.

Tests: tests/e2e/database/test_audit_indexes.py.
"""

import asyncio
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping

import msgspec

from proxy.advisor.advice import CODE, Advice, NoIndex, findings_of
from proxy.audit.report import NoIndexReason
from proxy.commands.audit.sources import MoreWork
from proxy.database.advise import AdvisorSettings, advise
from proxy.database.inquiry import TRIAL_REMEDY
from proxy.database.questions import UNPROPOSED
from proxy.database.session import LOCKED, DatabaseFaultError, Limits, connected
from proxy.findings.model import Finding
from proxy.recording.prometheus import FleetRequests
from proxy.schema.snapshot import Database, NotChecked

EXAMPLES = 3
"""Most fingerprints that are named per reason."""


class AdvisedFindings(msgspec.Struct, frozen=True):
    """What the advisor found. ``advised`` is None if it was not asked."""

    advised: tuple[Finding | NotChecked, ...] | None = None
    no_index: tuple[NoIndexReason, ...] = ()
    calls: Mapping[str, int] = {}
    """Calls by fingerprint or statement."""
    fleet: FleetRequests = FleetRequests()


def index_advice(
    options: Namespace,
    uri: str,
    database: Database,
    more: MoreWork,
    writes: Mapping[str, int],
    tell: Callable[[str], None],
) -> AdvisedFindings:
    """The advice for what was observed. A refused trial, or a database that cannot be asked, is not checked."""
    limits = Limits(options.statement_timeout, options.lock_timeout)
    settings = AdvisorSettings(limits, options.trial, tell=tell)
    missing: list[NotChecked] = []
    advice = None
    try:
        advice = asyncio.run(_asked(uri, database, more, settings, writes))
    except DatabaseFaultError as error:
        missing.append(_missing(error))
        if options.trial:
            refused = f"--trial: {str(error).removeprefix('--trial: ')}"
            missing = [NotChecked(CODE, f"{refused}: no index was built, and no time measured", _trial_remedy(error))]
            again = msgspec.structs.replace(settings, trial_told=0, refused=refused)
            try:
                advice = asyncio.run(_asked(uri, database, more, again, writes))
            except DatabaseFaultError as other:
                missing.append(_missing(other))
    return AdvisedFindings(tuple(missing)) if advice is None else advised_findings(advice, missing)


def advised_findings(advice: Advice, missing: Iterable[NotChecked] = ()) -> AdvisedFindings:
    """The findings of ``advice``, ``missing``, and what the advice says is not checked."""
    calls = {pair.fingerprint: pair.calls for one in advice.indexes for pair in one.plans}
    unknown = [
        _not_checked(each)
        for each in advice.none
        if not each.checked and not (each.about in calls and each.reason.startswith(UNPROPOSED))
    ]
    return AdvisedFindings((*findings_of(advice), *missing, *unknown), tuple(_reasons(advice)), calls)


def _missing(error: DatabaseFaultError) -> NotChecked:
    return NotChecked(CODE, str(error), error.remedy or "Correct it and audit again.")


def _trial_remedy(error: DatabaseFaultError) -> str:
    if error.sqlstate == LOCKED:
        return "Audit again when no other session changes the table, or raise --lock-timeout."
    return error.remedy or TRIAL_REMEDY


async def _asked(
    uri: str,
    database: Database,
    more: MoreWork,
    settings: AdvisorSettings,
    writes: Mapping[str, int],
) -> Advice:
    async with connected(uri) as connection:
        return await advise(connection, database, more.observed, settings, writes, more.updates)


def _not_checked(one: NoIndex) -> NotChecked:
    because = f"{one.reason} ({one.about})" if one.object else one.reason
    return NotChecked(CODE, because, one.remedy, one.object or one.about)


def _reasons(advice: Advice) -> Iterable[NoIndexReason]:
    """Why nothing more is advised, each reason once; the fingerprints of an advised index are left out."""
    helped = {pair.fingerprint for one in advice.indexes for pair in one.plans}
    groups: dict[tuple[str, str], list[str]] = {}
    for one in advice.none:
        if one.checked and one.about not in helped:
            groups.setdefault((one.object, one.reason), []).append(one.about)
    for (table, reason), names in sorted(groups.items()):
        unique = sorted(set(names))
        yield NoIndexReason(table, reason, len(unique), tuple(unique[:EXAMPLES]))
