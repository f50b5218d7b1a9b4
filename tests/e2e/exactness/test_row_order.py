"""Several rows of one key without an order: merged where originals have the order of the table, exact everywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SQL = Path(__file__).parents[1] / "support" / "row_order.sql"
PATIENT: dict[str, object] = {"merge__deadline_floor": 10.0, "merge__pause_first": 0.001, "merge__pause_max": 0.001}
CATALOGS = pytest.mark.parametrize("catalog", [False, True], ids=["no catalog", "catalog"])


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def tables(stack: Stack) -> Iterator[Stack]:
    asyncio.run(_execute(stack.dsn, SQL.read_text(encoding="utf-8")))
    with postgrest_with(stack, db_schemas="row_order") as made:
        yield made


def settings(stack: Stack, catalog: bool) -> dict[str, object]:
    return PATIENT | ({"db_uri": stack.dsn, "catalog__schemas": ["row_order"]} if catalog else {})


def lists(relation: str, keys: Sequence[int], more: str = "", *lines: str, key: str = "post_id") -> list[bytes]:
    return [get(f"/{relation}?{key}=eq.{value}{more}", *lines) for value in keys]


async def calls_of_last_burst(
    stack: Stack, requests: Sequence[bytes], catalog: bool, bursts: int = 4, **changes: object
) -> dict[str, int]:
    """Upstream calls by kind of the last of several bursts, each of which is compared with direct answers."""
    direct = await one_by_one(stack.url, requests)
    async with fanin(stack.url, **(settings(stack, catalog) | changes)) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(bursts):
            before = seen.calls_by_kind()
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await seen.wait_until_idle()
    return dict(seen.calls_by_kind() - before)


@CATALOGS
@pytest.mark.parametrize("relation", ["comment", "plain", "kept", "hashed", "owned"])
@pytest.mark.parametrize("more", ["", "&select=id", "&select=*&id=lt.900", "&limit=40"])
async def test_12_child_lists_of_a_table_take_one_call_after_probation(
    tables: Stack, relation: str, more: str, catalog: bool
) -> None:
    assert await calls_of_last_burst(tables, lists(relation, range(12), more), catalog) == {"merged": 1}


@CATALOGS
@pytest.mark.parametrize("relation", ["seen", "with_ctid", "part", "narrow"])
async def test_where_no_address_tells_the_order_the_originals_are_sent(
    tables: Stack, relation: str, catalog: bool
) -> None:
    calls = await calls_of_last_burst(tables, lists(relation, range(12), "&select=id"), catalog)
    assert calls["fallback"] == 12
    assert "probation" not in calls


async def test_a_caller_who_may_read_the_whole_table_is_merged_though_another_may_not(tables: Stack) -> None:
    narrow, whole = (
        lists("narrow", range(12), "&select=id", *lines) for lines in ((), (f"Authorization: Bearer {tables.token}",))
    )
    direct = await one_by_one(tables.url, narrow + whole)
    async with fanin(tables.url, **PATIENT) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(4):
            assert_all_same(narrow, direct[:12], await together(sidecar.port, narrow))
            before = seen.calls_by_kind()
            assert_all_same(whole, direct[12:], await together(sidecar.port, whole))
    assert seen.calls_by_kind() - before == {"merged": 1}


@CATALOGS
@pytest.mark.parametrize("size", [2, 12, 60, 200])
async def test_trap_10_with_an_index_that_orders_by_another_column(tables: Stack, size: int, catalog: bool) -> None:
    alone = (await one_by_one(tables.url, lists("msg", [7], "&select=id", key="room")))[0].body
    assert alone.index(b":31") < alone.index(b":28"), "the trap: the index returns the last row first"
    await calls_of_last_burst(tables, lists("msg", range(7, 7 + size), "&select=id", key="room"), catalog)


@pytest.mark.parametrize("size", [12, 60])
async def test_an_index_that_orders_few_keys_in_another_way_is_found_by_the_sample(tables: Stack, size: int) -> None:
    same, other = (lists("late", range(first, first + size), "&select=id", key="room") for first in (100, 600))
    direct = await one_by_one(tables.url, same + other)
    async with fanin(tables.url, **PATIENT, shadow__share=0.1) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(3):
            assert_all_same(same, direct[:size], await together(sidecar.port, same))
            await seen.wait_until_idle()
        await together(sidecar.port, other)
        await seen.wait_until_idle()
        assert_all_same(same + other, direct, await together(sidecar.port, same + other))
    told = [what for what in seen.warnings() if "not in the order in which they are stored" in what]
    assert len(told) == (1 if size == 60 else 0), "of few keys the index shows it, and they are sent alone"


@pytest.mark.parametrize("size", [12, 40])
async def test_keys_whose_rows_an_index_finds_in_another_order_are_sent_alone(tables: Stack, size: int) -> None:
    requests = lists("edited", range(1, 1 + size), "&select=id")
    calls = await calls_of_last_burst(tables, requests, False)
    assert calls["merged"] == 1
    assert 0 < calls["fallback"] < size / 2


async def test_where_the_catalog_knows_of_updates_in_place_each_request_proves_its_order(tables: Stack) -> None:
    edited = {row % 60 for row in range(3, 3001, 97)}
    kept = lists("edited_few", [key for key in range(60) if key not in edited], "&select=id")
    every = lists("edited_few", range(60), "&select=id")
    direct, calls = await one_by_one(tables.url, kept), []
    async with fanin(tables.url, **settings(tables, True)) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(3):
            before = seen.calls_by_kind()
            assert_all_same(kept, direct, await together(sidecar.port, kept))
            calls.append(seen.calls_by_kind() - before)
        assert_all_same(every, await one_by_one(tables.url, every), await together(sidecar.port, every))
    assert calls[0]["probation"] == len(kept), "of other relations a part would do"
    assert calls[1:] == [{"merged": 1}] * 2


async def test_more_updates_in_place_past_fanin_take_the_proofs_of_their_relation_away(tables: Stack) -> None:
    requests, others = lists("edited", [21, 31, 41, 51, 61], "&select=id"), lists("comment", range(12))
    async with fanin(tables.url, **settings(tables, True), catalog__lifetime=0.05) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(3):
            await together(sidecar.port, requests)
            await together(sidecar.port, others)
        assert seen.calls_by_kind()["merged"] >= 6
        state = sidecar.upstream_state
        before = state.updated_in_place["row_order.edited"]
        await _execute(tables.dsn, "update row_order.edited set body = body || '!' where id in (211, 311)")
        await until(lambda: state.updated_in_place["row_order.edited"] > before)
        direct, calls = await one_by_one(tables.url, requests), seen.calls_by_kind()
        assert direct[0].body.startswith(b'[{"id":210}, \n {"id":211}'), "an index finds it where it was"
        assert_all_same(requests, direct, await together(sidecar.port, requests))
        assert seen.calls_by_kind()["probation"] > calls["probation"]
        before_others = seen.calls_by_kind()
        await together(sidecar.port, others)
        assert seen.calls_by_kind() - before_others == {"merged": 1}


async def test_a_single_key_in_another_order_is_found_before_anybody_is_answered(tables: Stack) -> None:
    requests = lists("edited_few", range(50), "&select=id")
    direct = await one_by_one(tables.url, requests)
    assert direct[3].body.index(b":3}") < direct[3].body.index(b":63}"), "the trap: an index finds it where it was"
    calls = await calls_of_last_burst(tables, requests, False)
    assert calls["fallback"] == len(requests)


async def test_other_merging_by_the_key_goes_on_where_the_order_was_found_wrong(tables: Stack) -> None:
    unordered, ordered = (lists("msg", range(100, 160), f"&select=id{more}", key="room") for more in ("", "&order=id"))
    direct = await one_by_one(tables.url, unordered + ordered)
    async with fanin(tables.url, **PATIENT, merge__probation=5) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(3):
            assert_all_same(unordered, direct[:60], await together(sidecar.port, unordered))
            await seen.wait_until_idle()
            before = seen.calls_by_kind()
            assert_all_same(ordered, direct[60:], await together(sidecar.port, ordered))
            await seen.wait_until_idle()
    assert seen.calls_by_kind() - before == {"merged": 1}
    assert [what for what in seen.warnings() if "not in the order in which they are stored" in what]


async def test_rows_that_move_while_they_are_read_are_those_of_one_moment(tables: Stack) -> None:
    requests = lists("kept", range(12))
    moving = lists("comment", range(20, 32))
    async with fanin(tables.url, **PATIENT) as sidecar:
        assert_all_same(requests, await one_by_one(tables.url, requests), await together(sidecar.port, requests))
        for _ in range(8):
            await _execute(tables.dsn, "update row_order.comment set score = score + 1 where post_id % 3 = 2")
            assert_all_same(moving, await one_by_one(tables.url, moving), await together(sidecar.port, moving))


@pytest.mark.parametrize("ties", ["none", "physical", "any"])
async def test_the_setting_decides(tables: Stack, ties: str) -> None:
    calls = await calls_of_last_burst(tables, lists("plain", range(12)), False, merge__ties=ties)
    assert ("fallback" in calls) == (ties == "none")


async def test_keys_with_one_row_each_cost_no_address(tables: Stack) -> None:
    requests = lists("comment", range(1, 13), key="id")
    direct = await one_by_one(tables.url, requests)
    async with fanin(tables.url, **PATIENT) as sidecar:
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, direct, await together(sidecar.port, requests))
    assert seen.calls_by_kind() == {"merged": 1}


def heads(relation: str, keys: Sequence[int], more: str = "", *lines: str) -> list[bytes]:
    return [b"HEAD" + one[3:] for one in lists(relation, keys, more, "Prefer: count=exact", *lines)]


@CATALOGS
@pytest.mark.parametrize(
    ("relation", "more"),
    [
        *(
            (name, more)
            for name in ("comment", "part", "owned")
            for more in ("", "&select=*", "&id=lt.900&order=id.desc")
        ),
        *(("plain", ""), ("kept", ""), ("comment", "&select=id"), ("seen", "&select=id"), ("narrow", "&select=id")),
    ],
)
async def test_12_counts_of_children_take_one_call(tables: Stack, relation: str, more: str, catalog: bool) -> None:
    requests = heads(relation, [*range(9), 900, 901, 902], more)
    direct = [(await one_by_one(tables.url, [request]))[0] for request in requests]
    async with fanin(tables.url, **settings(tables, catalog)) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(3):
            before = seen.calls_by_kind()
            assert_all_same(requests, direct, await together(sidecar.port, requests))
    assert seen.calls_by_kind() - before == {"merged": 1}


@pytest.mark.parametrize(
    ("relation", "more", "lines", "reason"),
    [
        ("seen", "", (), "head"),
        ("comment", "&select=id,body", (), "head"),
        ("comment", "&select=id,post(id)", (), "head"),
        ("comment", "&limit=3", (), "head"),
        ("comment", "&offset=3", (), "offset"),
        ("comment", "", ("Range: 0-0",), "head"),
        ("comment", "", ("Accept: application/vnd.pgrst.object+json",), "head"),
    ],
)
async def test_other_counts_are_sent_alone_with_their_reason(
    tables: Stack, relation: str, more: str, lines: tuple[str, ...], reason: str
) -> None:
    requests = heads(relation, range(12), more, *lines)
    direct = [(await one_by_one(tables.url, [request]))[0] for request in requests]
    async with fanin(tables.url, **PATIENT) as sidecar:
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, direct, await together(sidecar.port, requests))
    assert seen.outcomes() == {("passed", reason): 12}


@pytest.mark.parametrize("relation", ["narrow", "crowded"])
async def test_counts_that_no_call_can_make_are_made_by_the_originals(tables: Stack, relation: str) -> None:
    requests = heads(relation, range(3))
    direct = [(await one_by_one(tables.url, [request]))[0] for request in requests]
    async with fanin(tables.url, **PATIENT) as sidecar:
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, direct, await together(sidecar.port, requests))
    assert seen.calls_by_kind() == {"types": 1, "merged": 1, "fallback": 3}


async def test_in_mode_shadow_unordered_lists_and_counts_match_their_originals(tables: Stack) -> None:
    requests = lists("comment", range(12)) + heads("comment", range(12))
    direct = [(await one_by_one(tables.url, [request]))[0] for request in requests]
    async with fanin(tables.url, **PATIENT, mode="shadow") as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(2):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await seen.wait_until_idle()
    assert seen.comparisons() == {"match": 48}


async def test_counts_of_rows_that_depend_on_the_method_are_never_wrong(tables: Stack) -> None:
    requests, reads = heads("by_method", range(12)), lists("by_method", range(12), "&order=id")
    direct = [(await one_by_one(tables.url, [request]))[0] for request in requests + reads]
    async with fanin(tables.url, **PATIENT, merge__probation=5) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(3):
            assert_all_same(reads, direct[12:], await together(sidecar.port, reads))
            assert_all_same(requests, direct[:12], await together(sidecar.port, requests))
            await seen.wait_until_idle()
    assert seen.outcomes()["merged", ""] == 36
    assert seen.outcomes()["passed", "mismatched"] == 24
