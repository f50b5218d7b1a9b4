"""The page of flows shows which list feeds which loop, and the waterfall which writes were merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.e2e.pages.test_accessibility import check_page
from tests.e2e.support.browser import tab
from tests.e2e.support.bursts import together
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import RawClient, until
from tests.e2e.support.loops import PREFETCH, PROFILE, TRACKINGS, Application
from tests.e2e.support.page_helpers import wait_until_true

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
BODY = '{"status":"approved"}'


async def test_a_loop_is_shown_with_its_list_its_column_and_its_hit_ratio(stack: Stack) -> None:
    async with (
        fanin_with_admin(stack.url, **PREFETCH) as seen,
        RawClient(seen.sidecar.port) as through,
        tab(seen.url) as one,
    ):
        await one.page.keyboard.press("6")
        await one.page.get_by_text("No flow has been learned.").wait_for()
        app = Application(through, stack.url, stack.token)
        for row in await app.rows(TRACKINGS.format(20)):
            await app.get(PROFILE.format(row["creator_id"]))
        seen.sidecar.closer.finish()
        (flow,) = (await seen.api("/api/flows"))["flows"]
        assert flow["list"].startswith("GET monthly_tracking?")
        assert flow["loop"] == "GET creator_payout_profiles?select=*&creator_id=eq.?"
        assert (flow["column"], flow["key"], flow["held"], flow["state"]) == ("creator_id", "creator_id", 1, "learning")
        assert (flow["fetched"], flow["used"], flow["hit_ratio"]) == (17, 17, 1.0)
        await one.page.locator("svg.flows text").first.wait_for()
        told = await one.page.locator("svg.flows").get_attribute("aria-label")
        assert told == "monthly_tracking.creator_id feeds creator_payout_profiles.creator_id: 100 %"
        assert "100 %" in await one.page.locator("main table").inner_text()
        for dark, width in ((False, 1200), (True, 390)):
            await one.page.emulate_media(color_scheme="dark" if dark else "light")
            await one.page.set_viewport_size({"width": width, "height": 800})
            await check_page(one.page, "flows")
        box = one.page.get_by_role("region", name="Graph of flows")
        await box.focus()
        await one.page.keyboard.press("ArrowRight")
        await wait_until_true(one.page, "document.querySelector('.wide:has(svg)').scrollLeft > 0")


async def test_without_fan002_the_page_says_what_turns_it_on(stack: Stack) -> None:
    async with fanin_with_admin(stack.url) as seen, tab(seen.url) as one:
        await one.page.goto(f"{seen.url}/#/flows")
        await one.page.get_by_text("rules.fan002 is report").wait_for()
        assert await seen.api("/api/flows") == {"flows": [], "level": "report"}


async def test_merged_writes_are_called_that_in_the_waterfall(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        ids = [row["id"] for row in await connection.fetch("select id from videos where status = 'approved' limit 10")]
    finally:
        await connection.close()
    head = f"HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {stack.token}\r\nX-Fanin-Trace: review"
    head += f"\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
    requests = [f"PATCH /videos?id=eq.{video} {head}".encode() for video in ids]
    settings = {"rules__fan004": "rewrite", "db_uri": stack.dsn, "merge__deadline_floor": 10.0}
    async with fanin_with_admin(stack.url, **settings) as seen, tab(seen.url) as one:
        await together(seen.sidecar.port, requests)
        await until(lambda: not len(seen.sidecar.traces))
        spans = (await seen.api("/api/traces/review"))["spans"]
        merged = [span for span in spans if span["outcome"] == "merged"]
        assert len(merged) >= 9
        assert not any(span.get("bypass_reason") for span in merged)
        await one.page.goto(f"{seen.url}/#/trace/review")
        await one.page.get_by_text(f"{len(merged)} writes merged into 1 PATCH (FAN004)").wait_for()
