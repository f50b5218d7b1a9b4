"""Loops that await each read: the same answers as without fanin, and a few calls upstream."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.e2e.support.gzip_gateway import gzip_gateway
from tests.e2e.support.loops import PROFILE, RUSHES, SINGULAR, TRACKINGS, VIDEOS, application

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def test_a_loop_of_fifty_after_its_list_is_four_calls_and_two_once_it_is_known(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for number in range(5):
            app.trace = f"trace {number}"
            for row in await app.rows(TRACKINGS.format(50)):
                await app.get(PROFILE.format(row["creator_id"]))
            calls = watch.calls
            assert calls == (4 if number < 3 else 2), watch.calls_by_kind()
            watch.reset()
            watch.sidecar.closer.finish()
        assert not await app.differences()


async def test_two_calls_an_iteration_are_two_loops_over_one_list(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for row in await app.rows(TRACKINGS.format(50)):
            await app.get(VIDEOS.format(row["id"]))
            await app.get(RUSHES.format(row["id"]))
        assert watch.calls == 7
        assert watch.outcomes() == {"passed": 3, "merged": 4, "prefetched": 94}
        assert not await app.differences()


async def test_a_loop_that_breaks_off_after_three_of_a_thousand_has_fetched_eight_ahead(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        rows = await app.rows("/videos?select=id,creator_id&order=id&limit=1000")
        assert len(rows) >= 300
        for row in rows[:3]:
            await app.get("/videos?select=*&id=eq." + row["id"], SINGULAR)
        assert watch.calls == 3
        assert watch.keys() == {"used": 1, "unused": 7}
        assert not await app.differences()


async def test_each_answer_of_single_is_the_one_that_postgrest_gives_with_its_406(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        rows = await app.rows(TRACKINGS.format(30))
        missing = [*rows[:20], {"id": "00000000-0000-4000-8000-000000000000"}, *rows[20:]]
        for row in missing:
            await app.get("/monthly_tracking?select=id,month,quotas&id=eq." + row["id"], SINGULAR)
            await app.get("/videos?select=id&monthly_tracking_id=eq." + row["id"], SINGULAR)
        assert watch.outcomes()["prefetched"] > 40
        assert not await app.differences()


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        (VIDEOS + "&limit=50", ()),
        (VIDEOS + "&limit=50", ("Prefer: count=exact",)),
        (VIDEOS, ("Range: 0-49",)),
        (VIDEOS, ("Prefer: count=exact",)),
        ("/videos?select=id,creators(handle,status)&monthly_tracking_id=eq.{}&order=id", ()),
        ("/videos?monthly_tracking_id=eq.{}&status=eq.approved&select=id,file_url&order=created_at,id", ()),
        ("/monthly_tracking?select=id,videos(id,status),creators!inner(handle)&id=eq.{}&videos.order=id", ()),
        ("/monthly_tracking?select=*&id=eq.{}", ("Accept: application/json;nulls=stripped",)),
        ("/videos?select=*&status=eq.rejected&monthly_tracking_id=eq.{}&order=id.desc", ()),
    ],
)
async def test_limits_counts_embeds_and_many_rows_a_key_are_answered_as_postgrest_does(
    stack: Stack, target: str, lines: tuple[str, ...]
) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for row in await app.rows(TRACKINGS.format(40)):
            await app.get(target.format(row["id"]), *lines)
        assert watch.outcomes()["prefetched"] > 20, watch.outcomes()
        assert watch.calls <= 8
        assert not await app.differences()


async def test_the_rows_of_each_step_are_looped_over_in_turn(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        requests = 1
        for row in await app.rows(TRACKINGS.format(30)):
            requests += 1
            for video in await app.rows(VIDEOS.format(row["id"])):
                requests += 1
                await app.get("/videos?select=status&id=eq." + video["id"], SINGULAR)
        assert requests > 150
        assert watch.calls <= 10, (requests, watch.outcomes())
        assert not await app.differences()


async def test_keys_with_more_rows_than_their_limit_are_answered_by_their_originals(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for row in await app.rows(TRACKINGS.format(20)):
            await app.get(VIDEOS.format(row["id"]) + "&limit=1")
        assert watch.calls_by_kind()["original"] + watch.calls_by_kind()["fallback"] == 21
        assert watch.calls_by_kind()["merged"] == 1
        assert not await app.differences()


async def test_a_chain_of_reads_in_each_iteration_is_one_loop_a_step(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for row in await app.rows("/creator_payout_profiles?select=creator_id&order=creator_id&limit=50"):
            creator = (await app.rows("/creators?select=id,default_mix&id=eq." + row["creator_id"]))[0]
            await app.get("/monthly_tracking?select=id,month&order=id&creator_id=eq." + creator["id"])
        assert watch.calls <= 7, watch.outcomes()
        assert not await app.differences()


async def test_values_that_urls_escape_are_fetched_ahead_as_clients_write_them(unusual: Stack) -> None:
    async with application(unusual.url, unusual.url, unusual.token, catalog__schemas=["unusual"]) as (app, watch):
        notes = [row["k"] for row in await app.rows("/phrase?select=k&order=id&limit=40")]
        assert any(not note.isalnum() for note in notes)
        for note in notes:
            await app.get("/phrase?select=*&k=eq." + quote(note, safe="") + "&order=id")
        assert watch.outcomes()["prefetched"] > 5, watch.outcomes()
        assert not await app.differences()


async def test_counts_by_head_are_fetched_ahead(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        for row in await app.rows(TRACKINGS.format(30)):
            await app.get(f"/videos?select=id&monthly_tracking_id=eq.{row['id']}", "Prefer: count=exact", method="HEAD")
        assert watch.outcomes()["prefetched"] > 20, watch.outcomes()
        assert not await app.differences()


async def test_a_column_with_repeated_values_is_fetched_once_for_each_value(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        rows = await app.rows("/videos?select=creator_id&order=created_at,id&limit=60")
        for row in rows:
            await app.get(PROFILE.format(row["creator_id"]))
        assert watch.outcomes()["prefetched"] > 40, watch.outcomes()
        assert not await app.differences()


async def test_a_list_that_a_gateway_compressed_feeds_a_loop(stack: Stack) -> None:
    async with gzip_gateway(stack.url) as gateway, application(gateway, stack.url, stack.token) as (app, watch):
        listed = await app.get(TRACKINGS.format(20), "Accept-Encoding: gzip")
        assert b"gzip" in listed.head
        for row in json.loads(gzip.decompress(listed.body)):
            await app.get(PROFILE.format(row["creator_id"]))
        assert watch.outcomes()["prefetched"] > 12, watch.outcomes()


async def test_a_relation_on_probation_is_compared_with_originals_first(stack: Stack) -> None:
    changes = {"merge__probation": 5}
    async with application(stack.url, stack.url, stack.token, **changes) as (app, watch):
        for row in await app.rows(TRACKINGS.format(40)):
            await app.get(PROFILE.format(row["creator_id"]))
        assert watch.calls_by_kind()["probation"] >= 5
        assert watch.outcomes()["prefetched"] > 30, watch.outcomes()
        assert not await app.differences()


async def test_another_identity_in_the_same_trace_gets_nothing_of_it(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        rows = await app.rows(TRACKINGS.format(12))
        for row in rows[:3]:
            await app.get(PROFILE.format(row["creator_id"]))
        for row in rows[3:6]:
            await app.get(PROFILE.format(row["creator_id"]), "X-Tenant: b")
        assert watch.outcomes() == {"passed": 5, "merged": 1, "prefetched": 1}


async def test_a_write_of_the_trace_is_seen_by_the_reads_after_it(unusual: Stack) -> None:
    async with application(unusual.url, unusual.url, unusual.token, catalog__schemas=["unusual"]) as (app, watch):
        for row in (await app.rows("/num?select=id&order=id&limit=10"))[:4]:
            await app.get(f"/num?select=id&id=eq.{row['id']}")
        assert watch.outcomes()["prefetched"] == 2
        await app.send("DELETE", "/num?id=eq.-1", "")
        await app.get("/num?select=id&id=eq.5")
        assert watch.outcomes()["prefetched"] == 2


async def test_a_loop_goes_on_fetching_ahead_after_a_write_and_stops_if_each_iteration_writes(unusual: Stack) -> None:
    for every, calls in ((15, 10), (1, 40)):
        async with application(unusual.url, unusual.url, unusual.token, catalog__schemas=["unusual"]) as (app, watch):
            writes = 0
            for number, row in enumerate(await app.rows("/num?select=id&order=id&limit=40")):
                await app.get(f"/num?select=title&id=eq.{row['id']}")
                if number % every == every - 1:
                    writes += 1
                    await app.send("DELETE", "/num?id=eq.-1", "")
            assert watch.calls - writes <= calls + 1, watch.outcomes()
            if every == 1:
                assert watch.keys() == {"unused": 8}
            assert not await app.differences()


async def test_numbers_that_stand_in_several_columns_are_fetched_from_the_one_that_is_looped_over(
    unusual: Stack,
) -> None:
    async with application(unusual.url, unusual.url, unusual.token, catalog__schemas=["unusual"]) as (app, watch):
        rows = await app.rows("/kid?select=id,film:num_id&order=num_id.desc,id&limit=120")
        films = list(dict.fromkeys(row["film"] for row in rows))
        assert len(films) > 25
        assert {row["id"] for row in rows} & set(films)
        for film in films[2:]:  # these are ids of rows of the list, too, in the same order
            await app.get(f"/num?select=title&id=eq.{film}", SINGULAR)
        assert watch.calls <= 5, watch.outcomes()
        assert watch.keys()["unused"] == 0
        assert not await app.differences()


async def test_the_rows_of_an_embed_feed_a_loop(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        listed = await app.rows(
            "/monthly_tracking?select=id,videos(id)&month=eq.2025-06&order=id&limit=20&videos.order=id"
        )
        videos = [video["id"] for row in listed for video in row["videos"]]
        assert len(videos) > 40
        for video in videos:
            await app.get("/videos?select=status&id=eq." + video, SINGULAR)
        assert watch.calls <= 6, watch.outcomes()
        assert not await app.differences()


async def test_the_list_of_another_trace_feeds_no_loop(stack: Stack) -> None:
    async with application(stack.url, stack.url, stack.token) as (app, watch):
        rows = await app.rows(TRACKINGS.format(20))
        app.trace = "another"
        for row in rows:
            await app.get(PROFILE.format(row["creator_id"]))
        assert watch.outcomes() == {"passed": 21}, "the list is not of this trace"
