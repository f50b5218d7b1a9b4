"""Relations whose merged or shared answers are wrong: no client is ever answered from them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.e2e.support import harness
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, statement_counter, together
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.loops import application
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SQL = Path(__file__).parents[1] / "support" / "untrusted.sql"
ON_PROBATION: dict[str, object] = {"merge__probation": 5, "merge__deadline_floor": 10.0, "merge__pause_first": 0.001}


@pytest.fixture(scope="module")
def untrusted(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute(stack.dsn, SQL.read_text(encoding="utf-8")))
    with postgrest_with(stack, db_schemas="untrusted") as made:
        yield made


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def reads(relation: str, column: str, *values: int) -> list[bytes]:
    return [get(f"/{relation}?select=id,title&{column}=eq.{value}&order=id") for value in values]


@pytest.mark.parametrize("catalog", [False, True], ids=["no catalog", "catalog"])
@pytest.mark.parametrize(
    ("relation", "column", "values"),
    [
        ("only_equal", "id", range(1, 41)),
        ("one_in_fifty", "id", range(1, 101)),
        ("extra", "id", range(580, 640)),
        ("short", "parent", range(1, 41)),
        ("silent", "id", range(560, 640)),
    ],
)
async def test_nobody_is_answered_from_a_relation_that_answers_merged_calls_wrong(
    untrusted: Stack, relation: str, column: str, values: range, catalog: bool
) -> None:
    requests = reads(relation, column, *values)
    direct = await one_by_one(untrusted.url, requests)
    known = {"db_uri": untrusted.dsn, "catalog__schemas": ["untrusted"]} if catalog else {}
    async with fanin(untrusted.url, **ON_PROBATION, **known) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(4):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await seen.wait_until_idle()
        calls = seen.calls_by_kind()
        assert_all_same(requests, direct, await together(sidecar.port, requests))
        assert seen.calls_by_kind()["merged"] == calls["merged"]
        assert seen.outcomes()["passed", "mismatched"] > 0
    assert len([what for what in seen.warnings() if "differ from PostgREST's" in what]) == 1


@pytest.mark.parametrize(
    ("relation", "column"),
    [("only_equal", "id"), ("one_in_fifty", "id"), ("extra", "id"), ("short", "parent"), ("silent", "id")],
)
async def test_no_loop_is_answered_from_rows_fetched_ahead_of_a_relation_that_answers_merged_calls_wrong(
    untrusted: Stack, relation: str, column: str
) -> None:
    changes = ON_PROBATION | {"catalog__schemas": ["untrusted"]}
    async with application(untrusted.url, untrusted.url, untrusted.token, **changes) as (app, watch):
        for number, low in enumerate((1, 40, 560, 1)):
            app.trace = f"trace {number}"
            for row in await app.rows(f"/item?select=key:{column}&{column}=gte.{low}&order=id&limit=60"):
                await app.get(f"/{relation}?select=id,title&{column}=eq.{row['key']}&order=id")
            assert not await app.differences()
        assert watch.calls_by_kind()["merged"] > 0


async def test_a_slice_of_a_trusted_kind_waits_until_the_others_of_its_call_are_compared(untrusted: Stack) -> None:
    """One that has lost a row looks like one of another kind: only the empty one beside it shows that rows are lost."""
    changes = ON_PROBATION | {"catalog__schemas": ["untrusted"]}
    async with application(untrusted.url, untrusted.url, untrusted.token, **changes) as (app, watch):
        for number, low in enumerate((1, 60)):
            app.trace = f"trace {number}"
            for row in await app.rows(f"/item?select=id&id=gte.{low}&order=id&limit=40"):
                await app.get(f"/thinned?select=title&key=eq.{row['id']}&order=id")
            assert (watch.outcomes()["prefetched"] > 0) == (number == 0)
            watch.reset()
            assert not await app.differences()


async def test_nobody_holds_anothers_row_of_a_view_that_differs_each_time(untrusted: Stack) -> None:
    async with fanin(untrusted.url, **ON_PROBATION) as sidecar:
        seen = SidecarEvents(sidecar)
        tokens: list[bytes] = []
        for _ in range(6):
            answers = await together(sidecar.port, [get("/ticket")] * 12)
            tokens += [answer.body for answer in answers]
        await until(lambda: len(seen.outcomes()) > 0)
    assert len(set(tokens)) == len(tokens) == 72
    assert len([what for what in seen.warnings() if "answered differently" in what]) == 1


async def test_equal_reads_of_a_sound_relation_are_sent_twice_only_while_it_is_on_probation(untrusted: Stack) -> None:
    requests = [get("/item?select=id,title&id=gt.500&order=id")] * 6
    (direct,) = await one_by_one(untrusted.url, requests[:1])
    async with fanin(untrusted.url, **ON_PROBATION) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(12):
            assert_all_same(requests, [direct] * 6, await together(sidecar.port, requests))
        await until(lambda: seen.calls_by_kind()["shared"] >= 12)
        calls = seen.calls_by_kind()
    assert (calls["shared"], calls["probation"]) == (12, 5)


async def test_trust_is_earned_in_the_first_burst_and_costs_nothing_after_it(untrusted: Stack) -> None:
    requests = reads("item", "id", *range(1, 101))
    direct = await one_by_one(untrusted.url, requests)
    statements = []
    async with statement_counter(untrusted.dsn) as counter, fanin(untrusted.url, **ON_PROBATION) as sidecar:
        for _ in range(20):
            await counter.reset()
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            statements.append(await counter.statements())
    assert statements[0] <= 12
    assert max(statements[1:]) <= 5


async def test_a_key_without_a_row_is_answered_by_its_original_until_enough_of_them_were_right(
    untrusted: Stack,
) -> None:
    requests = reads("item", "id", *range(1, 11), *range(1000, 1040))
    direct = await one_by_one(untrusted.url, requests)
    async with fanin(untrusted.url, **ON_PROBATION) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(6):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await seen.wait_until_idle()
        before = seen.calls_by_kind()
        assert_all_same(requests, direct, await together(sidecar.port, requests))
        after = seen.calls_by_kind()
    assert after["probation"] == before["probation"] == 5 + 50
    assert after["original"] + after["fallback"] == before["original"] + before["fallback"]


async def test_a_column_that_merged_calls_show_wrong_is_found_though_its_relation_is_trusted(untrusted: Stack) -> None:
    plain = reads("item", "id", *range(1, 41))
    requests = [request.replace(b"title", b"heard") for request in plain]
    direct = await one_by_one(untrusted.url, requests)
    async with fanin(untrusted.url, **ON_PROBATION) as sidecar:
        seen = SidecarEvents(sidecar)
        await together(sidecar.port, plain)
        assert seen.outcomes()["merged", ""] == 40
        for _ in range(3):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await seen.wait_until_idle()
        assert seen.outcomes()["merged", ""] == 40
        assert [mismatch.column for mismatch in sidecar.upstream_state.trust.mismatches] == [b"id"]


async def test_a_column_that_differs_each_time_is_shared_by_nobody_though_its_relation_is_trusted(
    untrusted: Stack,
) -> None:
    async with fanin(untrusted.url, **ON_PROBATION) as sidecar:
        for _ in range(8):
            await together(sidecar.port, [get("/item?select=id,title&id=gt.500&order=id")] * 6)
        bodies = []
        for _ in range(4):
            answers = await together(sidecar.port, [get("/item?select=id,stamp&id=gt.598&order=id")] * 12)
            bodies += [answer.body for answer in answers]
    assert len(set(bodies)) == 48


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The hours by which the clock of a new fanin is ahead."""
    passed = [0.0]
    monkeypatch.setattr(harness, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * passed[0]))
    return passed


async def test_a_relation_that_becomes_wrong_after_an_hour_is_found_by_the_sample_and_merged_no_more(
    untrusted: Stack, hours: list[float]
) -> None:
    requests = reads("later", "id", *range(1, 21))
    direct = await one_by_one(untrusted.url, requests)
    async with fanin(untrusted.url, **ON_PROBATION, shadow__share=0.3) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(3):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await seen.wait_until_idle()
        assert not seen.warnings()
        hours[0] = 1.0
        await execute(untrusted.dsn, "update untrusted.switch set wrong = true")
        try:
            for _ in range(100):
                if seen.warnings():
                    break
                await together(sidecar.port, requests)
                await seen.wait_until_idle()
            hours[0] = 100.0
            assert_all_same(requests, direct, await together(sidecar.port, requests))
        finally:
            await execute(untrusted.dsn, "update untrusted.switch set wrong = false")
    assert [what for what in seen.warnings() if "differ from PostgREST's" in what]


async def test_equal_reads_that_begin_to_differ_are_found_by_the_sample_and_shared_no_more(untrusted: Stack) -> None:
    requests = [get("/later_ticket")] * 12
    async with fanin(untrusted.url, **ON_PROBATION, shadow__share=0.3) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(8):
            assert {answer.body for answer in await together(sidecar.port, requests)} == {b'[{"token":"the same"}]'}
        await execute(untrusted.dsn, "update untrusted.switch set wrong = true")
        try:
            for _ in range(100):
                if seen.warnings():
                    break
                await together(sidecar.port, requests)
                await seen.wait_until_idle()
            assert len({answer.body for answer in await together(sidecar.port, requests)}) == 12
        finally:
            await execute(untrusted.dsn, "update untrusted.switch set wrong = false")
    assert len([what for what in seen.warnings() if "answered differently" in what]) == 1
