"""The index advisor on RetroMuscle: the eight indexes that its calls lack, each with plans before and after."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.advisor.advice import ObservedCalls, findings_of
from proxy.database.advise import AdvisorSettings, advise
from proxy.database.session import connected
from proxy.database.snapshot import read_database
from proxy.demo.data import load
from proxy.demo.postgres import Postgres
from proxy.plans.statements import SeenCalls
from tests.programs import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.advisor.advice import Advice

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

DEBIAN = HOME / "postgresql"
SALT = b"salt of the recording"
CALLS = {
    "GET creators?select=*&order=created_at": (40, 20.0, ""),
    "GET creators?select=*&id=eq.?": (200, 1.0, ""),
    "GET creators?select=*&user_id=eq.?": (300, 1.5, ""),
    "GET monthly_tracking?select=*&order=month.desc": (20, 60.0, ""),
    "GET monthly_tracking?select=*&month=eq.?&order=month.desc": (80, 12.0, ""),
    "GET monthly_tracking?select=*&creator_id=eq.?&order=month.desc": (300, 2.0, ""),
    "GET videos?select=*&status=eq.?&order=created_at.desc": (60, 25.0, "pending_review"),
    "GET videos?select=*&monthly_tracking_id=eq.?&order=created_at.desc": (900, 8.0, ""),
    "GET rushes?select=*&monthly_tracking_id=eq.?&order=created_at.desc": (900, 3.0, ""),
    "GET creator_payout_profiles?select=*&creator_id=eq.?": (500, 1.0, ""),
    "GET creator_applications?select=*&user_id=eq.?": (100, 1.5, ""),
    "GET creator_applications?select=*&status=eq.?": (50, 2.0, "pending_review"),
    "GET video_rates?select=*": (400, 1.0, ""),
    "GET package_definitions?select=*": (400, 1.0, ""),
    "GET mix_definitions?select=*": (400, 1.0, ""),
    "PATCH videos?id=eq.?": (100, 2.0, ""),
}
"""Calls of the application: how many, milliseconds of each, and the value that is the same in all of them."""
EIGHT = {
    ("videos", ("status",), "status = 'pending_review'"),
    ("videos", ("monthly_tracking_id",), ""),
    ("monthly_tracking", ("month",), ""),
    ("monthly_tracking", ("creator_id",), ""),
    ("rushes", ("monthly_tracking_id",), ""),
    ("creators", ("user_id",), ""),
    ("creator_applications", ("user_id",), ""),
    ("creator_applications", ("status",), ""),
}


def observed() -> list[ObservedCalls]:
    """The calls as recordings have them: values are keyed hashes."""
    return [_observed(fingerprint, *of) for fingerprint, of in CALLS.items()]


def _observed(fingerprint: str, calls: int, milliseconds: float, constant: str) -> ObservedCalls:
    names = fingerprint.partition("?")[2].split("&")
    hashes = [[_hash(constant or f"{fingerprint}{number}") if "?" in name else 0 for name in names]
              for number in range(5)]  # fmt: skip
    return ObservedCalls(SeenCalls(fingerprint, literals=hashes, salt=SALT), calls, calls * milliseconds / 1000)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=SALT).digest(), "big")


@pytest.fixture(scope="module")
def hypopg() -> Iterator[str]:
    """RetroMuscle on Postgres 15 with HypoPG."""
    if not list(DEBIAN.glob("root/usr/share/postgresql/*/extension/hypopg.control")):
        pytest.skip("this machine has no HypoPG: Debian's package is not unpacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FANIN_PG_BIN", str(DEBIAN / "bin"))
        with Postgres() as postgres:
            asyncio.run(load(postgres.dsn, 2000))
            asyncio.run(run(postgres.dsn, "create extension hypopg schema extensions"))
            yield postgres.dsn


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """RetroMuscle on Postgres 18, without HypoPG."""
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, 2000))
        yield postgres.dsn


async def run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def advice_on(dsn: str, trial_told: int = 0) -> Advice:
    database = await read_database(dsn, ("public",))
    async with connected(dsn) as connection:
        return await advise(connection, database, observed(), AdvisorSettings(trial_told=trial_told), {"videos": 100})


def shapes(advice: Advice) -> set[tuple[str, tuple[str, ...], str]]:
    return {(one.index.table, one.index.keys, one.index.where) for one in advice.indexes}


async def test_with_hypopg_exactly_the_eight_indexes_are_proposed(hypopg: str) -> None:
    advice = await advice_on(hypopg)
    assert shapes(advice) == EIGHT
    assert {one.proof for one in advice.indexes} == {"hypopg"}
    assert advice.what_ifs < 500
    assert all("(both estimated)" in one.risk for one in advice.indexes)
    assert all(("100 writes were observed: " in one.risk) == (one.index.table == "videos") for one in advice.indexes)
    assert await advice_on(hypopg) == advice
    for finding in findings_of(advice):
        text = "\n".join(finding.evidence)
        assert "before: " in text
        assert "after: " in text
        assert "Index Scan" in text.partition("after: ")[2]


async def test_with_a_trial_exactly_the_eight_indexes_are_proposed_and_measured(plain: str) -> None:
    advice = await advice_on(plain, trial_told=1)
    assert shapes(advice) == EIGHT
    for one in advice.indexes:
        assert (one.proof, one.size > 0, one.build_ms is not None) == ("trial", True, True)
        assert "(measured by --trial on " in one.risk
        for pair in one.plans:
            assert pair.before.execution_ms is not None
            assert pair.after.execution_ms is not None
    connection = await asyncpg.connect(plain)
    try:
        assert await connection.fetchval("select count(*) from pg_indexes where schemaname = 'public'") == 11
    finally:
        await connection.close()


async def test_once_the_migration_is_applied_nothing_is_proposed(hypopg: str) -> None:
    advice = await advice_on(hypopg)
    created = [one.index.create(one.index.name, concurrently=True) for one in advice.indexes]
    try:
        await run(hypopg, *created, "vacuum analyze")
        after = await advice_on(hypopg)
    finally:
        await run(hypopg, *(one.index.drop() for one in advice.indexes))
    assert shapes(after) == set()
    assert any("has the keys status" in one.reason for one in after.none)


async def test_without_hypopg_and_trial_indexes_are_proposed_by_statistics_and_that_is_said(plain: str) -> None:
    advice = await advice_on(plain)
    assert ("videos", ("monthly_tracking_id",), "") in shapes(advice)
    assert shapes(advice) < EIGHT
    for finding in findings_of(advice):
        assert (finding.confidence, finding.evidence[0].partition(":")[0]) == ("low", "not proven")
        assert not any(line.startswith("after: ") for line in finding.evidence)


async def test_the_plan_after_names_the_index_as_the_migration_does(hypopg: str) -> None:
    for one, finding in zip((advice := await advice_on(hypopg)).indexes, findings_of(advice), strict=True):
        assert any(line.startswith("after: ") and one.index.name in line for line in finding.evidence)
        assert not any("<" in line and "btree_" in line for line in finding.evidence)


async def test_a_table_that_may_not_be_read_is_named_and_the_rest_is_advised(hypopg: str) -> None:
    await run(
        hypopg,
        "create role half login password 'x' bypassrls in role pg_read_all_stats",
        "grant usage on schema public, extensions to half",
        "grant select on videos to half",
    )
    try:
        half = "postgresql://half:x@" + hypopg.partition("@")[2]
        advice = await advice_on(half)
    finally:
        await run(hypopg, "drop owned by half", "drop role half")
    assert {one.index.table for one in advice.indexes} == {"videos"}
    reasons = {one.about: one.reason for one in advice.none}
    assert "rushes" in reasons["GET rushes?select=*&monthly_tracking_id=eq.?&order=created_at.desc"]


async def test_hypopg_proves_a_partial_index_on_the_rows_without_a_value(hypopg: str) -> None:
    await run(
        hypopg,
        "create table drafts (id bigint primary key, owner int not null, deleted_at int)",
        "insert into drafts select n, n % 500, case when n / 500 % 2 = 0 then n end from generate_series(1, 20000) n",
        "vacuum analyze drafts",
    )
    try:
        database = await read_database(hypopg, ("public",))
        calls = [ObservedCalls(SeenCalls("GET drafts?select=*&owner=eq.?&deleted_at=is.null"), 40, 1.2)]
        async with connected(hypopg) as connection:
            (index,) = (await advise(connection, database, calls, AdvisorSettings())).indexes
    finally:
        await run(hypopg, "drop table drafts")
    assert (index.proof, index.index.keys, index.index.where) == ("hypopg", ("owner",), "deleted_at IS NULL")
