"""The pages while time passes: paused, cut off, late, upgraded, and under the eyes of somebody who reads."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from proxy.admin.page_files import page_files
from tests.e2e.support.browser import tab
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK, ScriptedUpstream, answers, until
from tests.e2e.support.page_helpers import FAN_OUT, ask_until_kept, visible_texts, wait_until_true

if TYPE_CHECKING:
    from playwright.async_api import Route

    from proxy.admin.event_stream import EventStream

pytestmark = [pytest.mark.e2e]


async def test_a_pause_holds_the_list_and_tells_how_many_wait() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, ["/t?id=eq.1"], "before")
        await page.get_by_role("link", name="before").wait_for()
        await page.keyboard.press("p")
        await ask_until_kept(seen, ["/t?id=eq.1"], "while")
        await page.locator("#live", has_text="1 waiting").wait_for()
        assert await visible_texts(page, "#traces .pick") == ["before"]
        await page.get_by_role("button", name="Resume").click()
        await page.get_by_role("link", name="while").wait_for()
        assert await visible_texts(page, "#traces .pick") == ["while", "before"]


async def test_what_is_open_stays_open_while_the_page_is_kept_up_to_date() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, FAN_OUT, "t1")
        await page.keyboard.press("3")
        await page.locator("section .finding summary").first.click()
        await ask_until_kept(seen, FAN_OUT, "t2")
        await page.get_by_text("2 times, first 20").wait_for()
        assert await page.locator("section .finding[open]").count() == 1


async def test_the_list_comes_back_after_the_connection_was_lost() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        await one.page.context.set_offline(True)
        seen.console._event_stream.drop_all()
        await ask_until_kept(seen, ["/t?id=eq.1"], "missed")
        await one.page.context.set_offline(False)
        await one.page.get_by_role("link", name="missed").wait_for()
        one.errors.clear()  # Chromium tells of the lost connection


async def test_a_page_that_comes_late_is_not_shown_over_the_next() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page, gone = one.page, asyncio.Event()

        async def late(route: Route) -> None:
            await gone.wait()
            await route.continue_()

        await page.route("**/api/fingerprints", late)
        async with page.expect_response("**/api/fingerprints") as answered:
            await page.keyboard.press("2")
            await wait_until_true(page, "location.hash === '#/fingerprints'")
            await page.keyboard.press("4")
            await page.locator("h1", has_text="fanin").wait_for()
            gone.set()
        await (await answered.value).finished()
        await page.evaluate("new Promise((done) => setTimeout(done))")
        assert (await page.locator("h1").inner_text()).startswith("fanin ")


async def test_what_is_shown_stays_while_fanin_is_away_and_while_somebody_marks_text() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, FAN_OUT, "t1")
        await page.clock.install()
        await page.keyboard.press("2")
        await page.locator("tbody button").wait_for()
        await page.evaluate("getSelection().selectAllChildren(document.querySelector('tbody .num'))")
        await ask_until_kept(seen, FAN_OUT, "t2")
        await page.clock.run_for(10_000)
        assert await page.evaluate("getSelection().toString()") == "6"
        async with page.expect_response("**/api/fingerprints"):
            await page.evaluate("getSelection().removeAllRanges()")
            await page.clock.run_for(4_000)
        await page.locator("tbody .num", has_text=re.compile("^12$")).wait_for()
        await page.context.set_offline(True)
        seen.console._event_stream.drop_all()
        await page.locator("#live.bad", has_text="no connection").wait_for()
        async with page.expect_event("requestfailed"):
            await page.clock.run_for(4_000)
        assert await page.locator("tbody button").count() == 1
        one.errors.clear()  # Chromium tells of the lost connection


def _is_back(feed: EventStream, asked: list[str], documents: int) -> bool:
    return len(feed) == 1 and asked.count("/") == documents


async def test_the_pages_of_another_version_are_loaded_once_and_whole() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page, feed = one.page, seen.console._event_stream
        own = feed._hello
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(seen.url)))
        for version, documents in (("another", 1), ("another", 1), ("a third", 2)):
            feed._hello = re.sub(rb'"pages":"\w+"', b'"pages":"%b"' % version.encode(), own)
            feed.drop_all()
            await until(lambda: len(feed) == 0)
            await until(partial(_is_back, feed, asked, documents))
            await page.locator("#live", has_text="live").wait_for()
            assert asked.count("/") == documents
        assert {path for path in asked if path.startswith("/pages/")} == set(page_files().by_path) - {"/"}
        one.errors.clear()  # Chromium tells of the lost connections
