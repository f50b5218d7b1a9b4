"""What the pages look like to those who cannot see all of it: narrow, in either light, by keyboard, read aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.browser import tab
from tests.e2e.support.bursts import get
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK, ScriptedUpstream, answers
from tests.e2e.support.page_helpers import FAN_OUT, OPEN_ALL, ask_until_kept, wait_until_absent, wait_until_true
from tests.e2e.support.raw_client import RawClient

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.support.fanin_with_admin import FaninWithAdmin

pytestmark = [pytest.mark.e2e]
ENOUGH = 4.5
"""Contrast of text: https://www.w3.org/TR/WCAG22/#contrast-minimum."""
LONG = "a_relation_of_which_the_name_is_as_long_as_postgres_lets_it_be_x"
PAGES = (("traces", "#traces tr"), ("trace/1", ".row"), ("fingerprints", "tbody [aria-expanded]"))
MORE = (
    *(("findings", ".finding"), ("health", "meter"), ("routes", ".plot"), ("compare/1,1", "tbody tr")),
    ("flows", "main h1"),
)

FAINT = """(enough) => {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = color;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => rgba(color).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
    return "white";
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  let seen = 0;
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !one.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen += 1;
    if (contrast < enough) faint.push(`${contrast.toFixed(2)} ${texts.currentNode.data}`);
  }
  return { seen, faint };
}"""
STICKING_OUT = """() => {
  const edge = document.body.getBoundingClientRect().right;
  const holds = (one) => getComputedStyle(one).overflowX !== "visible";
  const held = (one) => one !== document.body && (holds(one) || held(one.parentElement));
  return [...document.body.querySelectorAll("*")]
    .filter((one) => one.checkVisibility() && !held(one.parentElement))
    .filter((one) => one.getBoundingClientRect().right > edge + 0.5)
    .map((one) => one.outerHTML.slice(0, 100));
}"""
NAMELESS = """() => [...document.querySelectorAll("button, a, input, select, summary, meter, [role=region], dialog")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.ariaLabel || one.labels?.[0]?.innerText || one.innerText.trim()))
  .map((one) => one.outerHTML.slice(0, 100))"""


async def fill_pages(seen: FaninWithAdmin) -> None:
    """A trace with a bit of all, and ignored findings."""
    targets = [f"/{LONG}?select=id&{LONG}=eq.{n}&offset=1" for n in range(20)]
    lines = ("X-Fanin-Route: GET /" + "long" * 40, "X-Fanin-Caller: src/" + "deep/" * 30 + "file.ts:1")
    await ask_until_kept(seen, [*FAN_OUT, *targets, "/videos?id=eq.1"], "t" * 150, *lines)


async def visit(page: Page, url: str) -> None:
    """Each page with all that is to be opened open; checked for what must hold on every one."""
    for name, there in (*PAGES, *MORE):
        await page.goto(f"{url}/#/{name}")
        await page.locator(there).first.wait_for(state="attached")
        await page.evaluate(OPEN_ALL)
        await wait_until_absent(page, "main button[aria-expanded=false]")
        await wait_until_absent(page, ".row[open]:not(:has(.inside))")
        await check_page(page, name, 10 if name == "flows" else 20)


async def check_page(page: Page, name: str, least: int = 20) -> None:
    """What must hold on every page as it is drawn, with more texts than ``least``."""
    told = await page.evaluate(FAINT, ENOUGH)
    assert told["seen"] > least, name
    assert told["faint"] == [], name
    assert await page.evaluate(STICKING_OUT) == [], name
    assert await page.evaluate(NAMELESS) == [], name
    assert await page.locator("h1").count() == 1, name


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 800, 390])
async def test_text_is_readable_everything_has_a_name_and_nothing_sticks_out(dark: bool, width: int) -> None:
    ignore = {"ignore": [{"relation": LONG, "reason": "it is " + "long" * 40}]}
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url, **ignore) as seen:
        await fill_pages(seen)
        async with tab(seen.url, dark=dark) as one:
            await one.page.set_viewport_size({"width": width, "height": 800})
            await visit(one.page, seen.url)
            await one.page.keyboard.press("?")
            assert (await one.page.evaluate(FAINT, ENOUGH))["faint"] == []


async def test_a_wide_table_scrolls_by_keyboard_in_its_own_box() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        await fill_pages(seen)
        async with tab(seen.url) as one:
            page = one.page
            await page.set_viewport_size({"width": 390, "height": 800})
            await page.goto(f"{seen.url}/#/fingerprints")
            box = page.get_by_role("region", name="Fingerprints")
            await box.focus()
            await page.keyboard.press("ArrowRight")
            await wait_until_true(page, "document.querySelector('.wide').scrollLeft > 0")


async def test_on_a_phone_the_list_of_traces_shows_findings_without_scrolling() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        await ask_until_kept(seen, FAN_OUT, "t1", "X-Fanin-Route: GET /export")
        async with tab(seen.url) as one:
            page = one.page
            await page.set_viewport_size({"width": 390, "height": 800})
            badge = page.locator("#traces .badge", has_text="FAN001")
            await badge.wait_for()
            box = await badge.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390
            assert not await page.get_by_text("Relations").is_visible()
            await page.set_viewport_size({"width": 1200, "height": 800})
            assert await page.get_by_text("Relations").is_visible()


async def test_the_focus_goes_to_the_page_that_is_opened_and_back_to_the_line_that_was_left() -> None:
    focused = "document.activeElement.id || document.activeElement.textContent"
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        for name in ("t1", "t2", "t3"):
            await ask_until_kept(seen, ["/t?id=eq.1"], name)
            await page.get_by_role("link", name=name).wait_for()
        for _ in range(2):
            await page.keyboard.press("j")
        assert await page.evaluate(focused) == "t2"
        await page.keyboard.press("Enter")
        await page.locator(".waterfall").wait_for()
        assert await page.evaluate(focused) == "main"
        assert await page.title() == "t2 – fanin"
        await page.keyboard.press("Escape")
        await page.locator("#traces").wait_for()
        await wait_until_true(page, "document.activeElement.matches('.pick')")
        assert await page.evaluate(focused) == "t2"
        assert await page.title() == "traces – fanin"


async def test_what_the_keyboard_is_on_is_not_under_the_header() -> None:
    under = """() => {
      const { top, bottom } = document.activeElement.getBoundingClientRect();
      const [header, axis] = ["header", ".axis"].map((name) => document.querySelector(name).getBoundingClientRect());
      return top < Math.max(header.bottom, axis.bottom) || bottom > innerHeight;
    }"""
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, trace__quiet_explicit=0.3) as seen,
    ):
        async with RawClient(seen.sidecar.port) as client:
            for target in [f"/t{n}?select=id&offset=1" for n in range(60)]:
                await client.send(get(target, "X-Fanin-Trace: many"))
                await client.answer(b"GET")
        async with tab(seen.url) as one:
            page = one.page
            await page.get_by_role("link", name="many").click()
            await page.locator(".row").nth(59).locator("summary").focus()
            for _ in range(40):
                await page.keyboard.press("k")
                assert not await page.evaluate(under)
