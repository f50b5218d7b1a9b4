"""What a page shows stands in its address, so that a link shows it too; traces are zoomed, compared and downloaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.browser import tab
from tests.e2e.support.bursts import get, one_by_one
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK, ScriptedUpstream, answers
from tests.e2e.support.page_helpers import FAN_OUT, ask_until_kept, visible_texts, wait_until_true

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

pytestmark = [pytest.mark.e2e]

EXPORT = "X-Fanin-Route: GET /export"


async def address(page: Page) -> str:
    return str(await page.evaluate("location.hash"))


async def test_filters_of_the_list_stand_in_the_address_and_a_link_with_them_shows_the_same() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, FAN_OUT, "t1", EXPORT)
        await ask_until_kept(seen, ["/creators?id=eq.1"], "t2", "X-Fanin-Route: GET /home")
        await page.get_by_role("link", name="GET /home").wait_for()
        await page.locator("#route").fill("export")
        await page.locator("#finding").select_option("FAN001")
        shared = await address(page)
        assert shared == "#/traces?route=export&finding=FAN001"
        await page.get_by_role("link", name="GET /export").click()
        await page.locator(".waterfall").wait_for()
        await page.keyboard.press("Escape")
        await page.locator("#route").wait_for()
        assert await address(page) == shared
        await page.goto("about:blank")
        await page.goto(f"{seen.url}/{shared}")
        await page.get_by_text("1 of 2 traces").wait_for()
        assert await visible_texts(page, "#traces .pick") == ["GET /export"]
        assert await page.locator("#route").input_value() == "export"
        await page.locator("#route").fill("")
        await page.locator("#finding").select_option("")
        assert await address(page) == "#/traces"


async def test_filter_and_order_of_fingerprints_stand_in_the_address() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, ["/a?offset=1&x=eq.1", *FAN_OUT], "t1")
        await page.goto(f"{seen.url}/#/fingerprints?filter=video&by=rows&ascending=yes")
        await page.get_by_text("1 of 2").wait_for()
        assert await page.locator("th[aria-sort=ascending]").inner_text() == "Rows"
        await page.locator("main input").fill("")
        await page.get_by_text("2 of 2").wait_for()
        await page.get_by_role("button", name="Bytes").click()
        await page.locator("th[aria-sort=descending]", has_text="Bytes").wait_for()
        assert await address(page) == "#/fingerprints?by=bytes"


async def test_a_waterfall_is_zoomed_by_keyboard_and_by_pointer_and_the_link_shows_the_same_part() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        for number in range(3):
            await ask_until_kept(seen, [f"/videos?select=id&id=eq.{number}&offset=1"], "t1", EXPORT)
        await ask_until_kept(seen, FAN_OUT, "t2", EXPORT)
        await page.goto(f"{seen.url}/#/trace/4")
        strip = page.locator(".minimap")
        await strip.wait_for()
        whole = await visible_texts(page, ".axis .last")
        await strip.focus()
        for key in ("+", "+", "ArrowLeft"):
            await page.keyboard.press(key)
        nearer = await visible_texts(page, ".axis .last")
        assert nearer != whole
        shared = await address(page)
        assert {part.partition("=")[0] for part in shared.partition("?")[2].split("&")} == {"from", "to"}
        await page.reload()
        await strip.wait_for()
        assert await visible_texts(page, ".axis .last") == nearer
        await strip.focus()
        await page.keyboard.press("0")
        assert await visible_texts(page, ".axis .last") == whole
        assert "?" not in await address(page)
        box = await strip.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 5)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 5, steps=4)
        await page.mouse.up()
        await wait_until_true(page, "location.hash.includes('from=') && location.hash.includes('to=')")
        await page.get_by_role("button", name="Show the whole trace").click()
        assert await visible_texts(page, ".axis .last") == whole


async def test_the_strip_above_a_waterfall_shows_the_requests_of_a_loop_one_at_a_time() -> None:
    settings = {"trace__quiet_explicit": 600.0, "trace__max_age": 600.0}
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, **settings) as seen,
        tab(seen.url) as one,
    ):
        reads = [get(f"/videos?select=id&id=eq.{n}&offset=1", "X-Fanin-Trace: t1") for n in range(300)]
        await one_by_one(f"http://127.0.0.1:{seen.sidecar.port}", reads)
        seen.sidecar.closer.finish()
        await one.page.goto(f"{seen.url}/#/trace/1")
        await one.page.locator(".minimap i").first.wait_for(state="attached")
        told = await one.page.evaluate(
            "[...document.querySelectorAll('.minimap i')].map((one) => one.title.split(': ')[1])"
        )
        assert set(told) <= {"0 at once", "1 at once"}
        assert len(told) < len(reads), "most slices have more than one request"


async def test_two_traces_of_a_route_are_compared() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, [*FAN_OUT, "/creators?id=eq.1"], "before", EXPORT)
        await ask_until_kept(seen, [FAN_OUT[0], "/rushes?id=eq.1"], "after", EXPORT)
        await ask_until_kept(seen, ["/other?id=eq.1"], "elsewhere", "X-Fanin-Route: GET /home")
        await page.goto(f"{seen.url}/#/trace/2")
        choice = page.get_by_label("Compare with")
        await choice.focus()
        await choice.locator("option").nth(1).wait_for(state="attached")
        assert await choice.locator("option").count() == 2
        await choice.select_option(index=1)
        await page.get_by_text("← Trace").wait_for()
        assert await address(page) == "#/compare/1,2"
        rows = {text.split("\t")[0].partition("?")[0]: text for text in await visible_texts(page, "tbody tr")}
        assert "fewer" in rows["GET videos"]
        assert "6 → 1" in rows["GET videos"]
        assert "gone" in rows["GET creators"]
        assert "new" in rows["GET rushes"]
        assert "7 → 2" in await page.locator(".figures").inner_text()
        assert "gone: FAN001" in await page.locator("main").inner_text()
        await page.get_by_role("link", name="The other way round").click()
        await page.get_by_text("New findings: FAN001").wait_for()


async def test_a_trace_is_downloaded_as_http_archive_and_as_recording(tmp_path: Path) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, ["/creators?id=eq.1"], "t0")
        await ask_until_kept(seen, FAN_OUT, "t1", EXPORT)
        await page.goto(f"{seen.url}/#/trace/2")
        for link, name in (("HAR", "fanin-trace-2.har"), ("recording", "fanin-trace-2.jsonl")):
            async with page.expect_download() as started:
                await page.get_by_role("link", name=link, exact=True).click()
            download = await started.value
            assert download.suggested_filename == name
            await download.save_as(tmp_path / name)
        entries = json.loads((tmp_path / "fanin-trace-2.har").read_text(encoding="utf-8"))["log"]["entries"]
        assert [entry["request"]["method"] for entry in entries] == ["GET"] * 6
        _, recorded = (tmp_path / "fanin-trace-2.jsonl").read_text(encoding="utf-8").splitlines()
        assert json.loads(recorded)["id"] == "t1"


async def test_routes_have_the_times_of_the_last_hour_and_lead_to_their_traces() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await page.keyboard.press("5")
        await page.get_by_text("No trace has closed in the last hour").wait_for()
        await ask_until_kept(seen, FAN_OUT, "t1", EXPORT)
        await ask_until_kept(seen, ["/a?id=eq.1"], "t2")
        await page.reload()
        await page.get_by_role("img", name="GET /export: p95").wait_for()
        assert await page.locator("svg.plot").count() == 2
        await page.get_by_role("link", name="GET /export").click()
        await page.get_by_text("1 of 2 traces").wait_for()
