"""What is kept can be seen: over the API, in a waterfall, and in the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.observe.metrics import Metrics
from tests.e2e.support.browser import tab
from tests.e2e.support.cached import CACHE, PACKAGES, RATES
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import RawClient
from tests.e2e.support.loops import Application

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


async def test_the_api_shows_what_is_kept_of_each_relation_in_pages(stack: Stack) -> None:
    async with fanin_with_admin(stack.url, **CACHE) as seen, RawClient(seen.sidecar.port) as through:
        app = Application(through, stack.url, stack.token)
        for target in (RATES, RATES, RATES, PACKAGES):
            await app.get(target)
        shown = await seen.api("/api/cache")
        by_name = {row["relation"]: row for row in shown["relations"]}
        assert by_name.keys() == {"public.video_rates", "public.package_definitions"}
        rates = by_name["public.video_rates"]
        assert (rates["answers"], rates["uses"], rates["seconds"]) == (1, 2, 60.0)
        assert sum(row["bytes"] for row in shown["relations"]) == shown["bytes"] <= shown["max_bytes"]
        assert (shown["total"], shown["answers"]) == (2, 2)
        assert shown["requests"] == {"filled": 2, "served": 2}
        (first,) = (await seen.api("/api/cache?limit=1"))["relations"]
        (second,) = (await seen.api("/api/cache?limit=1&offset=1"))["relations"]
        assert [first, second] == shown["relations"]
        assert (await seen.api("/api/cache?offset=2"))["relations"] == []


async def test_what_is_removed_is_not_shown(stack: Stack) -> None:
    async with fanin_with_admin(stack.url, **CACHE) as seen, RawClient(seen.sidecar.port) as through:
        app = Application(through, stack.url, stack.token)
        await app.get(RATES)
        seen.sidecar.cached.purge("video_rates", "public")
        shown = await seen.api("/api/cache")
        assert (shown["relations"], shown["removed"], shown["wasted"]) == ([], {"purged": 1}, {"purged": 1})


async def test_a_waterfall_draws_kept_answers_as_what_they_are(stack: Stack) -> None:
    async with (
        fanin_with_admin(stack.url, **CACHE, trace__quiet_explicit=60) as seen,
        RawClient(seen.sidecar.port) as through,
        tab(seen.url) as one,
    ):
        app = Application(through, stack.url, stack.token)
        for _ in range(2):
            await app.get(RATES)
        (tag,) = (await app.get(RATES)).values(b"etag")
        await app.get(RATES, f"If-None-Match: {tag.decode()}")
        seen.sidecar.closer.finish()
        await one.page.goto(f"{seen.url}/#/trace/t1")
        await one.page.locator(".waterfall .bar.kept").nth(2).wait_for(state="attached")
        assert await one.page.locator(".waterfall .bar.kept").count() == 3
        told = await one.page.locator(".waterfall").inner_text()
        assert "cached: not modified" in told


async def test_the_age_of_kept_answers_is_a_histogram(stack: Stack) -> None:
    async with fanin_with_admin(stack.url, **CACHE) as seen, RawClient(seen.sidecar.port) as through:
        metrics = Metrics(100, list)
        seen.sidecar._events.subscribe(metrics)
        app = Application(through, stack.url, stack.token)
        for _ in range(3):
            await app.get(RATES)
        (buckets,) = metrics._buckets["cache_age_seconds"].values()
        assert sum(buckets.counts) == 2
