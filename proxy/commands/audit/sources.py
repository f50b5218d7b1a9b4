"""What ``fanin audit`` knows of the workload besides traces: statements that the database ran, and a file of SQL.

Tests: tests/e2e/database/test_statements.py.
"""

import asyncio
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from proxy.advisor.advice import ObservedCalls, ObservedStatement
from proxy.audit.report import UncheckedItem
from proxy.audit.statements import RunCalls
from proxy.database.questions import Updates
from proxy.database.run_statements import RunStatement, RunStatements, read_run_statements
from proxy.database.session import DatabaseFaultError, Limits, connected
from proxy.plans.statements import SeenCalls
from proxy.recording.source import DataAccessError
from proxy.sql.expressions import UnwritableError
from proxy.sql.pgrst_source import fingerprint_of, is_postgrest, is_whole, same_statement, updated_columns
from proxy.sql.sql_file import SqlFileError, read_statements

ASSUMED_LIMIT = 100
"""Rows of a request whose limit the statement does not show."""


class MoreWork(msgspec.Struct, frozen=True):
    """Calls and statements to advise on, and the statements that the database ran."""

    observed: tuple[ObservedCalls | ObservedStatement, ...] = ()
    run: tuple[RunCalls, ...] = ()
    not_checked: tuple[UncheckedItem, ...] = ()
    updates: Updates | None = None
    """The columns that updates set, with the calls; None where ``--statements`` does not show it."""


def more_work(options: Namespace, uri: str, first_schema: str, observed: Sequence[ObservedCalls]) -> MoreWork:
    """``observed``, with the statements of ``--statements`` and ``--sql``. DataAccessError if a file cannot be read."""
    known = {same_statement(one.seen.fingerprint): one.seen.fingerprint for one in reversed(observed)}
    run: tuple[RunCalls, ...] = ()
    missing: list[UncheckedItem] = []
    calls: Sequence[ObservedCalls] = observed
    updates: Updates | None = None
    if options.statements:
        try:
            found = asyncio.run(_run_statements(uri, Limits(options.statement_timeout, options.lock_timeout)))
        except DatabaseFaultError as error:
            remedy = error.remedy or "Correct it and audit again."
            missing.append(UncheckedItem("statements", "", str(error), remedy))
            read: Sequence[RunStatement] = ()
        else:
            if found.hidden:
                because = f"--statements: the role may not see those of {', '.join(found.hidden)}"
                missing.append(UncheckedItem("statements", "", because, found.remedy))
            read = found.seen
            updates = _updates(read)
        run = tuple(_joined(one, first_schema, known) for one in read)
        calls = [*observed, *_unobserved(run, read, {one.seen.fingerprint for one in observed})]
    return MoreWork((*calls, *_of_files(options.sql or ())), run, tuple(missing), updates)


def _updates(read: Sequence[RunStatement]) -> Updates:
    """Calls of updates by table and by column."""
    found: dict[str, Counter[str]] = {}
    for one in read:
        update = updated_columns(one.text) if is_postgrest(one.text) else None
        if update is not None:
            counts = found.setdefault(f"{update[0]}.{update[1]}", Counter())
            counts.update(dict.fromkeys(update[2], one.calls))
    return found


async def _run_statements(uri: str, limits: Limits) -> RunStatements:
    async with connected(uri) as connection:
        return await read_run_statements(connection, limits)


def _joined(one: RunStatement, first_schema: str, known: dict[tuple[str, frozenset[str]], str]) -> RunCalls:
    """A statement with the fingerprint that was observed for it, else with the one that it is read back into."""
    postgrest, fingerprint, why = is_postgrest(one.text), "", ""
    if postgrest:
        try:
            read = fingerprint_of(one.text, first_schema)
            fingerprint = known.get(same_statement(read), read)
        except UnwritableError as error:
            why = str(error)
    return RunCalls(one.text, one.role, one.calls, one.milliseconds, one.rows, postgrest, fingerprint, why)


def _unobserved(run: Sequence[RunCalls], read: Sequence[RunStatement], observed: set[str]) -> Iterator[ObservedCalls]:
    """The calls of fingerprints of which there are no traces, planned as the role that made them."""
    for each, one in zip(run, read, strict=True):
        if each.fingerprint and each.fingerprint not in observed and is_whole(each.fingerprint):
            limit = ASSUMED_LIMIT if "limit=?" in each.fingerprint else None
            role = one.role if one.may_become else ""
            yield ObservedCalls(SeenCalls(each.fingerprint, limit), each.calls, each.milliseconds / 1000, role)


def _of_files(files: Sequence[Path]) -> Iterator[ObservedStatement]:
    for file in files:
        try:
            statements = list(read_statements(file.read_text(encoding="utf-8-sig")))
        except OSError as error:
            raise DataAccessError(f"{file}: cannot be read: {error.strerror}") from error
        except (SqlFileError, UnicodeDecodeError) as error:
            raise DataAccessError(f"{file}: {error}") from error
        for one in statements:
            seconds = one.calls * one.milliseconds / 1000
            yield ObservedStatement(one.text, one.calls, seconds, one.role, one.claims)
