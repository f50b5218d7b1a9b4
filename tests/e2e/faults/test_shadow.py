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
from tests.e2e.support.bursts import assert_all_same, burst, counting, get, one_by_one, sockets, together
from tests.e2e.support.harness import fanin
from tests.e2e.support.planted_faults import FAULTS, hidden_alias_left_in
from tests.e2e.support.sidecar_events import Watch
from tests.e2e.support.unusual_types import odd_tables
from tests.observe.test_metrics import scrape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SHADOW: dict[str, Any] = {"mode": "shadow", "merge__deadline_floor": 10.0, "shadow__wait": 10.0}
CHECKED: dict[str, Any] = SHADOW | {"mode": "rewrite", "shadow__share": 1.0, "shadow__answers": 1000}
OBJECT = "Accept: application/vnd.pgrst.object+json"


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        yield made


@asynccontextmanager
async def watched(url: str, changes: dict[str, Any], **more: Any) -> AsyncIterator[Watch]:
    async with fanin(url, **changes | more) as sidecar:
        yield Watch(sidecar)


def nums(count: int, *lines: str) -> list[bytes]:
    return [get(f"/num?id=eq.{n}", *lines) for n in range(1, count + 1)]


SOUND = [nums(100), nums(40, "Prefer: count=exact"), [get(f"/num?id=eq.{n}", OBJECT) for n in range(990, 1010)]]


# Mode shadow.


@pytest.mark.parametrize("requests", SOUND, ids=["rows", "counted", "objects"])
async def test_in_mode_shadow_callers_get_their_originals_and_merging_is_found_sound(
    odd: Stack, requests: Sequence[bytes]
) -> None:
    direct = await one_by_one(odd.url, requests)
    async with counting(odd.dsn) as counter, watched(odd.url, SHADOW) as watch:
        await together(watch.sidecar.port, requests)  # teaches what a 406 looks like, and that rows are not cut
        await watch.rest()
        watch.said.clear()
        await counter.reset()
        through = await together(watch.sidecar.port, requests)
        await watch.rest()
        taken = await counter.statements()
    assert_all_same(requests, direct, through)
    compared, calls = watch.compared(), watch.calls()
    assert set(compared) == {"match"}
    assert compared["match"] > len(requests) / 2
    assert set(calls) == {"original", "shadow"}
    assert calls["original"] == len(requests)
    assert taken == calls["original"] + calls["shadow"]
    assert watch.saved() == -calls["shadow"]
    assert watch.answered() == {("passed", "mode"): len(requests)}
    assert not watch.warnings()


async def test_metrics_show_what_was_compared_and_what_it_cost(odd: Stack) -> None:
    async with watched(odd.url, SHADOW) as watch:
        metrics = Metrics(200, lambda: readings(SIDECAR, watch.sidecar))
        watch.sidecar._events.subscribe(metrics)
        await together(watch.sidecar.port, nums(50))
        await watch.rest()
        seen = scrape(metrics)
    assert seen["fanin_shadow_total", "match"] == watch.compared()["match"] > 0
    before_the_first_2xx = seen.get(("fanin_upstream_calls_total", "original", "other"), 0)
    assert seen["fanin_upstream_calls_total", "original", "public.num"] + before_the_first_2xx == 50
    shadows = seen["fanin_upstream_calls_total", "shadow", "public.num"]
    assert seen["fanin_calls_saved", "public.num", "FAN001"] == -shadows
    assert seen["fanin_shadow_held_bytes",] == seen["fanin_paused_queries",] == seen["fanin_paused",] == 0


async def test_a_rule_at_a_lower_level_takes_part_in_no_shadow(odd: Stack) -> None:
    async with watched(odd.url, SHADOW, rules__fan001="report") as watch:
        await together(watch.sidecar.port, nums(20))
        assert watch.calls() == {"original": 20}
        assert not watch.compared()


@pytest.mark.parametrize(("plant", "requests"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
async def test_in_mode_shadow_a_planted_fault_is_found_and_reaches_no_caller(
    odd: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any, requests: list[bytes]
) -> None:
    direct = await one_by_one(odd.url, requests)
    plant(monkeypatch)
    async with watched(odd.url, SHADOW) as watch, sockets(watch.sidecar.port, len(requests)) as clients:
        for _ in range(2):
            assert_all_same(requests, direct, await burst(clients, requests))
            await watch.rest()
    assert watch.compared()["mismatch"] > 0
    assert set(watch.compared()) <= {"match", "mismatch", "unusable"}
    assert "mismatch" in watch.pauses()


async def test_what_is_told_of_a_mismatch_is_where_and_never_what(odd: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden_alias_left_in(monkeypatch)
    async with watched(odd.url, SHADOW) as watch:
        await together(watch.sidecar.port, [get(f"/mine?id=eq.{n}", "X-Owner: ann") for n in range(3, 60, 3)])
        await watch.rest()
    (told,) = watch.warnings()
    assert "merged answers differ from PostgREST's: GET mine?id=eq.?: the body from byte 3 on, " in told
    assert "This query is not merged for 60 s, for any client." in told
    assert "ann" not in told
    assert "secret" not in told


async def test_after_a_mismatch_a_query_is_merged_for_nobody_until_the_pause_is_over(
    odd: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        hidden_alias_left_in(planted)
        async with watched(odd.url, CHECKED, merge__pause_first=1e-9, merge__pause_max=1e-9) as watch:
            await together(watch.sidecar.port, nums(20))
            await watch.rest()
            assert gauges(watch.sidecar)["paused_queries"] == 1
            watch.said.clear()
            for lines in ((), ("X-Owner: bob",)):
                await together(watch.sidecar.port, nums(20, *lines))
            assert watch.calls() == {"original": 40}
            assert watch.answered() == {("passed", "mismatch-paused"): 40}
            await together(watch.sidecar.port, [get(f"/doc?n=eq.{n}") for n in range(20)])
            await watch.rest()
            assert watch.calls()["merged"] > 0


async def test_a_query_whose_pause_is_over_is_compared_whatever_the_share(
    odd: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(odd.url, CHECKED, shadow__share=1e-300, shadow__pause_first=1e-6) as watch:
        checker = watch.sidecar.policy.default.comparer
        await together(watch.sidecar.port, nums(20))
        await watch.rest()
        assert not watch.compared()
        monkeypatch.setattr(checker.pauses, "_until", {"GET num?id=eq.?": (0.0, float("inf"))})
        await together(watch.sidecar.port, nums(20))
        await watch.rest()
        assert watch.compared()["match"] > 0


# A share of the batches in mode rewrite.


@pytest.mark.parametrize("requests", SOUND, ids=["rows", "counted", "objects"])
async def test_in_mode_rewrite_originals_are_sent_beside_a_checked_batch(odd: Stack, requests: Sequence[bytes]) -> None:
    direct = await one_by_one(odd.url, requests)
    async with counting(odd.dsn) as counter, watched(odd.url, CHECKED) as watch:
        await together(watch.sidecar.port, requests)
        await watch.rest()
        watch.said.clear()
        await counter.reset()
        through = await together(watch.sidecar.port, requests)
        await watch.rest()
        taken = await counter.statements()
    assert_all_same(requests, direct, through)
    calls, merged = watch.calls(), watch.answered()["merged", ""]
    assert merged > len(requests) / 2
    assert watch.compared() == {"match": merged}
    assert calls["shadow"] == merged
    assert taken == sum(calls.values()) == len(requests) - watch.saved()


async def test_of_a_checked_batch_no_more_originals_are_sent_than_are_wanted(odd: Stack) -> None:
    requests = nums(12)
    async with counting(odd.dsn) as counter, watched(odd.url, CHECKED, shadow__answers=3) as watch:
        await together(watch.sidecar.port, requests)
        await watch.rest()
        watch.said.clear()
        await counter.reset()
        await together(watch.sidecar.port, requests)
        await watch.rest()
        taken, calls = await counter.statements(), watch.calls()
    assert calls["shadow"] == 3 * calls["merged"] == taken - calls["merged"]
    assert watch.compared() == {"match": 3 * calls["merged"]}


async def test_with_share_0_nothing_is_sent_beside(odd: Stack) -> None:
    async with counting(odd.dsn) as counter, watched(odd.url, CHECKED, shadow__share=0) as watch:
        await counter.reset()
        await together(watch.sidecar.port, nums(100))
        await watch.rest()
        assert await counter.statements() == sum(watch.calls().values())
    assert "shadow" not in watch.calls()
    assert not watch.compared()


@pytest.mark.parametrize(("plant", "requests"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
async def test_in_mode_rewrite_a_planted_fault_is_found(
    odd: Stack, monkeypatch: pytest.MonkeyPatch, plant: Any, requests: list[bytes]
) -> None:
    plant(monkeypatch)
    async with watched(odd.url, CHECKED) as watch, sockets(watch.sidecar.port, len(requests)) as clients:
        for _ in range(2):
            await burst(clients, requests)
            await watch.rest()
    assert watch.compared()["mismatch"] > 0
    assert "mismatch" in watch.pauses()


async def test_errors_that_all_share_are_not_asked_for_one_by_one(odd: Stack) -> None:
    async with watched(odd.url, CHECKED) as watch:
        await together(watch.sidecar.port, nums(20, "Authorization: Bearer not.a.token"))
        await watch.rest()
    assert "shadow" not in watch.calls()
    assert not watch.compared()


@pytest.mark.parametrize("changes", [SHADOW, CHECKED], ids=["shadow", "rewrite"])
async def test_rows_in_another_order_are_the_same_where_the_operator_takes_any_order(
    odd: Stack, changes: dict[str, Any]
) -> None:
    requests = [get(f"/msg?room=eq.{n}&select=id") for n in range(1, 21)]
    async with watched(odd.url, changes, merge__ties="any") as watch:
        await together(watch.sidecar.port, requests)
        await watch.rest()
    assert set(watch.compared()) == {"match"}
    assert watch.compared()["match"] > 10


# Tables that are written to.


@asynccontextmanager
async def writing(dsn: str) -> AsyncIterator[None]:
    """A writer that never shows the same rows twice."""

    async def write() -> None:
        for at in range(10**9):
            await connection.execute("update odd.acc set note = $1", str(at))

    connection = await asyncpg.connect(dsn)
    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()


@pytest.mark.parametrize("changes", [SHADOW, CHECKED], ids=["shadow", "rewrite"])
async def test_a_table_with_a_writer_is_moving_and_never_a_mismatch(odd: Stack, changes: dict[str, Any]) -> None:
    requests = [get(f"/acc?select=id,note&id=eq.{n}") for n in range(1, 10)]
    async with writing(odd.dsn), watched(odd.url, changes) as watch, sockets(watch.sidecar.port, 9) as clients:
        for _ in range(200):
            await burst(clients, requests)
            await watch.rest()
            if watch.compared()["unstable"] >= 20:
                break
    assert watch.compared()["unstable"] >= 20
    assert set(watch.compared()) <= {"match", "unstable"}
    assert not watch.pauses()
