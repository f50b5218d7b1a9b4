"""RetroMuscle's missing indexes: an audit of its calls finds them, and is silent after the migration that it prints.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import asyncpg

from proxy.demo.application import application
from proxy.demo.process import Child, StackError
from proxy.demo.sidecar import Fanin
from proxy.demo.table import aligned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.demo.application import Answer

CASE, RULE = "missing indexes", "FAN020"
PENDING = "pending_review"
TIMES = 5
"""Calls of each query that are recorded."""
COMPARED = 2
"""Calls of each query whose rows are compared."""
AUDIT_TIMEOUT = 300.0  # seconds; about 3 on an idle machine
OTHERS = ("fan021", "fan031", "fan032")
"""Rules over the database that print indexes or policies for other reasons: this row is about the calls."""
RETROMUSCLE_CALLS = 10 * TIMES
SCAN = re.compile(r"\b(Seq Scan|Parallel Seq Scan|Index Scan|Index Only Scan|Bitmap Heap Scan)\b")


class MigratedIndex(NamedTuple):
    """An index of the migration, with the query that gains most; times are milliseconds."""

    query: str
    keys: str
    """Table, keys and condition, as SQL."""
    plan_before: str
    """How the table is read."""
    plan_after: str
    ms_before: float
    ms_after: float


class IndexFigures(NamedTuple):
    """What two audits say, with the migration of the first one applied between them."""

    requests: int
    """Requests of the recording."""
    indexes: Sequence[MigratedIndex]
    migration: Sequence[str]
    again: int
    """Missing indexes that the second audit finds."""
    equal: bool
    """Whether each query gives the same rows before and after."""
    finding: str
    expected: str

    def as_row(self) -> dict[str, object]:
        """As a row of ``--json``."""
        row = {**self._asdict(), "indexes": [one._asdict() for one in self.indexes], "migration": list(self.migration)}
        return {"case": CASE, "rule": RULE, "cure": "migration", **row}


def indexes_table(figures: IndexFigures) -> list[str]:
    """The lines of the table, and what it shows."""
    titles = ("missing index (FAN020)", "query", "plan", "ms")
    cells = [
        (
            one.keys,
            one.query.replace("GET ", "").replace("select=*&", ""),
            f"{one.plan_before} → {one.plan_after}",
            f"{one.ms_before:.2f} → {one.ms_after:.2f}",
        )
        for one in figures.indexes
    ]
    return [
        *aligned(titles, cells),
        "(before → after; plans and times of Postgres itself, the fastest of three runs, with the values for which each"
        " index saves most)",
        f"fanin audit --trial: {figures.finding} for {figures.requests} recorded requests;"
        f" its migration applied: {figures.expected}; rows equal before and after: {'yes' if figures.equal else 'NO'}",
    ]


def missing_indexes(dsn: str, upstream: str, token: str, creators: int) -> IndexFigures:
    """Record the calls, audit, apply the migration, and audit again. The database has the indexes afterwards."""
    with tempfile.TemporaryDirectory(prefix="fanin-audit-") as name:
        folder = Path(name)
        recording = folder / "recording.jsonl"
        with Fanin(upstream, settings={"trace.quiet_explicit": "0.05"}, flags=("--record", str(recording))) as fanin:
            requests = asyncio.run(_send(fanin.url, token, creators))
        first = _audit(dsn, recording, folder / "first.json", folder / "migration.sql")
        migration = list(_statements((folder / "migration.sql").read_text(encoding="utf-8")))
        before = asyncio.run(_answers(upstream, token, creators))
        asyncio.run(_apply(dsn, migration))
        after = asyncio.run(_answers(upstream, token, creators))
        second = _audit(dsn, recording, folder / "second.json", folder / "again.sql")
    indexes = sorted((_index(finding) for finding in first), key=lambda one: one.ms_after - one.ms_before)
    finding = f"{len(first)} indexes are missing"
    expected = f"{len(migration)} statements, after which the audit finds {len(second) or 'none'}"
    return IndexFigures(requests, indexes, migration, len(second), before == after, finding, expected)


def _queries(number: int, creators: int) -> Iterator[str]:
    """The reads by columns without an index, and two that have one, with the values of a creator and a month."""
    n, month = 1 + number * 397 % creators, 1 + number % 6
    creator, user, tracking = _uuid(f"creator:{n}"), _uuid(f"user:{n}"), _uuid(f"tracking:{n}:{month}")
    yield f"creators?select=*&id=eq.{creator}"
    yield f"creator_payout_profiles?select=*&creator_id=eq.{creator}"
    yield f"creators?select=*&user_id=eq.{user}"
    yield f"creator_applications?select=*&user_id=eq.{user}"
    yield f"creator_applications?select=*&status=eq.{PENDING}"
    yield f"monthly_tracking?select=*&month=eq.2025-0{month}&order=month.desc"
    yield f"monthly_tracking?select=*&creator_id=eq.{creator}&order=month.desc"
    yield f"videos?select=*&status=eq.{PENDING}&order=created_at.desc"
    yield f"videos?select=*&monthly_tracking_id=eq.{tracking}&order=created_at.desc"
    yield f"rushes?select=*&monthly_tracking_id=eq.{tracking}&order=created_at.desc"


def _uuid(text: str) -> UUID:
    return UUID(md5(text.encode(), usedforsecurity=False).hexdigest())  # as data.sql makes them


async def _send(url: str, token: str, creators: int) -> int:
    """Each call in a trace of its own, one after another; returns their number."""
    sent = 0
    for number in range(TIMES):
        for target in _queries(number, creators):
            async with application(url, token, f"audited-{sent}", f"GET {target.partition('?')[0]}") as app:
                _checked(target, await app.get(target))
            sent += 1
    return sent


async def _answers(url: str, token: str, creators: int) -> list[list[str]]:
    """The rows of each query, in an order of their own: without an ``order`` that of the rows is free."""
    async with application(url, token, "compared", CASE) as app:
        targets = [target for number in range(COMPARED) for target in _queries(number, creators)]
        answers = [_checked(target, await app.get(target)) for target in targets]
    return [sorted(json.dumps(row, sort_keys=True) for row in answer.rows()) for answer in answers]


def _checked(target: str, answer: Answer) -> Answer:
    if answer.status != 200:
        raise StackError(f"PostgREST answers {answer.status} to {target}")
    return answer


def _audit(dsn: str, recording: Path, report: Path, migration: Path) -> list[dict[str, Any]]:
    """The missing indexes that ``fanin audit --trial`` finds: it builds each in a transaction that is rolled back."""
    words = ["--traces", str(recording), "--db-uri", dsn, "--set", "catalog.schemas=public", "--fail-on", "never"]
    words += [word for code in OTHERS for word in ("--set", f"rules.{code}=off")]
    # Autovacuum holds a lock that it gives up after deadlock_timeout, a second.
    words += [
        "--trial",
        "--trial",
        "--lock-timeout",
        "20000",
        "--migration",
        str(migration),
        "--format",
        "json",
        "--output",
        str(report),
    ]
    log = report.with_suffix(".log")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FANIN_")}
    with Child([sys.executable, "-m", "proxy", "audit", *words], log=log, env=environment) as child:
        if child.wait(AUDIT_TIMEOUT):
            raise StackError(f"fanin audit failed: {log.read_text(encoding='utf-8', errors='replace')[-500:]}")
    read = json.loads(report.read_text(encoding="utf-8"))
    found = [each["finding"] for each in read["findings"] if each["finding"]["code"] == RULE]
    if not all(finding["measured"] for finding in found):
        raise StackError(f"fanin audit measured nothing: {[each['because'] for each in read['not_checked']]}"[:500])
    return found


def _statements(migration: str) -> Iterator[str]:
    """The statements of a migration, of which each is a line."""
    return (line for line in migration.splitlines() if line.startswith("CREATE INDEX "))


async def _apply(dsn: str, migration: Sequence[str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in (*migration, "analyze"):
            await connection.execute(statement)
    finally:
        await connection.close()


def _index(finding: dict[str, Any]) -> MigratedIndex:
    """An index with the query and value for which most time is saved."""
    best = min(finding["measured"], key=lambda one: one["after"] - one["before"])
    shape = finding["index"]
    where = f" where {shape['where']}" if shape["where"] else ""
    query = best["label"].partition(", value: ")[0]
    plans = _plans(finding["evidence"], best["label"])
    keys = f"{shape['table']} ({', '.join(shape['keys'])}){where}"
    return MigratedIndex(query, keys, *plans, round(best["before"], 2), round(best["after"], 2))


def _plans(evidence: Sequence[str], label: str) -> tuple[str, str]:
    """How the table is read before and after, by the plans below the line of the query."""
    start = next((at for at, line in enumerate(evidence) if line.startswith(label)), 0)
    found: dict[str, str] = {}
    for line in evidence[start + 1 :]:
        when, _, text = line.partition(": ")
        if when not in ("before", "after"):
            break
        scan = SCAN.search(text)
        if scan is not None:
            found.setdefault(when, scan[0])
    return found.get("before", ""), found.get("after", "")
