"""Comparing beside the traffic, on the real servers: the callers never notice, and what is wrong is found."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.admin.gauges import SIDECAR, gauges
from proxy.observe.metrics import Metrics
from proxy.observe.series import readings
from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets, statement_counter, together
from tests.e2e.support.harness import fanin
from tests.e2e.support.planted_faults import FAULTS, hidden_alias_left_in
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.observe.factories import scrape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SHADOW: dict[str, Any] = {"mode": "shadow", "merge__deadline_floor": 10.0, "shadow__wait": 10.0}
CHECKED: dict[str, Any] = SHADOW | {"mode": "rewrite", "shadow__share": 1.0, "shadow__answers": 1000}
OBJECT = "Accept: application/vnd.pgrst.object+json"


@asynccontextmanager
async def fanin_with_events(url: str, changes: dict[str, Any], **more: Any) -> AsyncIterator[SidecarEvents]:
    async with fanin(url, **changes | more) as sidecar:
        yield SidecarEvents(sidecar)


def reads_of_num(count: int, *lines: str) -> list[bytes]:
    return [get(f"/num?id=eq.{n}", *lines) for n in range(1, count + 1)]


SOUND = [
    reads_of_num(100),
    reads_of_num(40, "Prefer: count=exact"),
    [get(f"/num?id=eq.{n}", OBJECT) for n in range(990, 1010)],
]


# Mode shadow.


@pytest.mark.parametrize("requests", SOUND, ids=["rows", "counted", "objects"])
async def test_in_mode_shadow_callers_get_their_originals_and_merging_is_found_sound(
    unusual: Stack, requests: Sequence[bytes]
) -> None:
    direct = await one_by_one(unusual.url, requests)
    async with statement_counter(unusual.dsn) as counter, fanin_with_events(unusual.url, SHADOW) as watch:
        await together(watch.sidecar.port, requests)  # teaches what a 406 looks like, and that rows are not cut
        await watch.wait_until_idle()
        watch.events.clear()
        await counter.reset()
        through = await together(watch.sidecar.port, requests)
        await watch.wait_until_idle()
        taken = await counter.statements()
    assert_all_same(requests, direct, through)
    compared, calls = watch.comparisons(), watch.calls_by_kind()
    assert set(compared) == {"match"}
    assert compared["match"] > len(requests) / 2
    assert set(calls) == {"original", "shadow"}
    assert calls["original"] == len(requests)
    assert taken == calls["original"] + calls["shadow"]
    assert watch.calls_saved() == -calls["shadow"]
    assert watch.outcomes() == {("passed", "mode"): len(requests)}
    assert not watch.warnings()


async def test_metrics_show_what_was_compared_and_what_it_cost(unusual: Stack) -> None:
    async with fanin_with_events(unusual.url, SHADOW) as watch:
        metrics = Metrics(200, lambda: readings(SIDECAR, watch.sidecar))
        watch.sidecar._events.subscribe(metrics)
        await together(watch.sidecar.port, reads_of_num(50))
        await watch.wait_until_idle()
        seen = scrape(metrics)
    assert seen["fanin_shadow_total", "match"] == watch.comparisons()["match"] > 0
    before_the_first_2xx = seen.get(("fanin_upstream_calls_total", "original", "other"), 0)
    assert seen["fanin_upstream_calls_total", "original", "public.num"] + before_the_first_2xx == 50
    shadows = seen["fanin_upstream_calls_total", "shadow", "public.num"]
    assert seen["fanin_calls_saved", "public.num", "FAN001"] == -shadows
    assert seen["fanin_shadow_held_bytes",] == seen["fanin_paused_queries",] == seen["fanin_paused",] == 0


async def test_a_rule_at_a_lower_level_takes_part_in_no_shadow(unusual: Stack) -> None:
    async with fanin_with_events(unusual.url, SHADOW, rules__fan001="report") as watch:
        await together(watch.sidecar.port, reads_of_num(20))
        assert watch.calls_by_kind() == {"original": 20}
        assert not watch.comparisons()


@pytest.mark.parametrize(("plant", "requests"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
async def test_in_mode_shadow_a_planted_fault_is_found_and_reaches_no_caller(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any, requests: list[bytes]
) -> None:
    direct = await one_by_one(unusual.url, requests)
    plant(monkeypatch)
    async with fanin_with_events(unusual.url, SHADOW) as watch, sockets(watch.sidecar.port, len(requests)) as clients:
        for _ in range(2):
            assert_all_same(requests, direct, await burst(clients, requests))
            await watch.wait_until_idle()
    assert watch.comparisons()["mismatch"] > 0
    assert set(watch.comparisons()) <= {"match", "mismatch", "unusable"}
    assert "mismatch" in watch.pause_reasons()


async def test_what_is_told_of_a_mismatch_is_where_and_never_what(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden_alias_left_in(monkeypatch)
    async with fanin_with_events(unusual.url, SHADOW) as watch:
        await together(watch.sidecar.port, [get(f"/mine?id=eq.{n}", "X-Owner: ann") for n in range(3, 60, 3)])
        await watch.wait_until_idle()
    (told,) = watch.warnings()
    assert "merged answers differ from PostgREST's: GET mine?id=eq.?: the body from byte 3 on, " in told
    assert "until the schema changes or fanin is started again" in told
    assert "ann" not in told
    assert "secret" not in told


async def test_after_a_mismatch_a_query_is_merged_for_nobody_until_the_pause_is_over(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        hidden_alias_left_in(planted)
        async with fanin_with_events(unusual.url, CHECKED, merge__pause_first=1e-9, merge__pause_max=1e-9) as watch:
            await together(watch.sidecar.port, reads_of_num(20))
            await watch.wait_until_idle()
            assert gauges(watch.sidecar)["paused_queries"] == 1
            watch.events.clear()
            for lines in ((), ("X-Owner: bob",)):
                await together(watch.sidecar.port, reads_of_num(20, *lines))
            assert watch.calls_by_kind() == {"original": 40}
            assert watch.outcomes() == {("passed", "mismatch-paused"): 40}
            await together(watch.sidecar.port, [get(f"/doc?n=eq.{n}") for n in range(20)])
            await watch.wait_until_idle()
            assert watch.calls_by_kind()["merged"] > 0


async def test_a_query_whose_pause_is_over_is_compared_whatever_the_share(unusual: Stack) -> None:
    async with fanin_with_events(unusual.url, CHECKED, shadow__share=1e-300, shadow__pause_first=1e-6) as watch:
        checker = watch.sidecar.policy.default.comparer
        await together(watch.sidecar.port, reads_of_num(20))
        await watch.wait_until_idle()
        assert not watch.comparisons()
        checker.pauses.table.put("GET num?id=eq.?", (0.0, float("inf")), 1)
        await together(watch.sidecar.port, reads_of_num(20))
        await watch.wait_until_idle()
        assert watch.comparisons()["match"] > 0


# A share of the batches in mode rewrite.


@pytest.mark.parametrize("requests", SOUND, ids=["rows", "counted", "objects"])
async def test_in_mode_rewrite_originals_are_sent_beside_a_checked_batch(
    unusual: Stack, requests: Sequence[bytes]
) -> None:
    direct = await one_by_one(unusual.url, requests)
    async with statement_counter(unusual.dsn) as counter, fanin_with_events(unusual.url, CHECKED) as watch:
        await together(watch.sidecar.port, requests)
        await watch.wait_until_idle()
        watch.events.clear()
        await counter.reset()
        through = await together(watch.sidecar.port, requests)
        await watch.wait_until_idle()
        taken = await counter.statements()
    assert_all_same(requests, direct, through)
    calls, merged = watch.calls_by_kind(), watch.outcomes()["merged", ""]
    assert merged > len(requests) / 2
    assert watch.comparisons() == {"match": merged}
    assert calls["shadow"] == merged
    assert taken == sum(calls.values()) == len(requests) - watch.calls_saved()


async def test_of_a_checked_batch_no_more_originals_are_sent_than_are_wanted(unusual: Stack) -> None:
    requests = reads_of_num(12)
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin_with_events(unusual.url, CHECKED, shadow__answers=3) as watch,
    ):
        await together(watch.sidecar.port, requests)
        await watch.wait_until_idle()
        watch.events.clear()
        await counter.reset()
        await together(watch.sidecar.port, requests)
        await watch.wait_until_idle()
        taken, calls = await counter.statements(), watch.calls_by_kind()
    assert calls["shadow"] == 3 * calls["merged"] == taken - calls["merged"]
    assert watch.comparisons() == {"match": 3 * calls["merged"]}


async def test_with_share_0_nothing_is_sent_beside(unusual: Stack) -> None:
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin_with_events(unusual.url, CHECKED, shadow__share=0) as watch,
    ):
        await counter.reset()
        await together(watch.sidecar.port, reads_of_num(100))
        await watch.wait_until_idle()
        assert await counter.statements() == sum(watch.calls_by_kind().values())
    assert "shadow" not in watch.calls_by_kind()
    assert not watch.comparisons()


@pytest.mark.parametrize(("plant", "requests"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
async def test_in_mode_rewrite_a_planted_fault_is_found(
    unusual: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any, requests: list[bytes]
) -> None:
    plant(monkeypatch)
    async with fanin_with_events(unusual.url, CHECKED) as watch, sockets(watch.sidecar.port, len(requests)) as clients:
        for _ in range(2):
            await burst(clients, requests)
            await watch.wait_until_idle()
    assert watch.comparisons()["mismatch"] > 0
    assert "mismatch" in watch.pause_reasons()


async def test_errors_that_all_share_are_not_asked_for_one_by_one(unusual: Stack) -> None:
    async with fanin_with_events(unusual.url, CHECKED) as watch:
        await together(watch.sidecar.port, reads_of_num(20, "Authorization: Bearer not.a.token"))
        await watch.wait_until_idle()
    assert "shadow" not in watch.calls_by_kind()
    assert not watch.comparisons()


@pytest.mark.parametrize("changes", [SHADOW, CHECKED], ids=["shadow", "rewrite"])
async def test_rows_in_another_order_are_the_same_where_the_operator_takes_any_order(
    unusual: Stack, changes: dict[str, Any]
) -> None:
    requests = [get(f"/msg?room=eq.{n}&select=id") for n in range(1, 21)]
    async with fanin_with_events(unusual.url, changes, merge__ties="any") as watch:
        await together(watch.sidecar.port, requests)
        await watch.wait_until_idle()
    assert set(watch.comparisons()) == {"match"}
    assert watch.comparisons()["match"] > 10


# Tables that are written to.


@asynccontextmanager
async def concurrent_writer(dsn: str) -> AsyncIterator[None]:
    """A writer that never shows the same rows twice."""

    async def write() -> None:
        for at in range(10**9):
            await connection.execute("update unusual.acc set note = $1", str(at))

    connection = await asyncpg.connect(dsn)
    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()


@pytest.mark.parametrize("changes", [SHADOW, CHECKED], ids=["shadow", "rewrite"])
async def test_a_table_with_a_writer_is_moving_and_never_a_mismatch(unusual: Stack, changes: dict[str, Any]) -> None:
    requests = [get(f"/acc?select=id,note&id=eq.{n}") for n in range(1, 10)]
    async with (
        concurrent_writer(unusual.dsn),
        fanin_with_events(unusual.url, changes) as watch,
        sockets(watch.sidecar.port, 9) as clients,
    ):
        for _ in range(200):
            await burst(clients, requests)
            await watch.wait_until_idle()
            if watch.comparisons()["unstable"] >= 20:
                break
    assert watch.comparisons()["unstable"] >= 20
    assert set(watch.comparisons()) <= {"match", "unstable"}
    assert not watch.pause_reasons()
