"""The pages in a real Chromium: live, by keyboard, in the dark, with a thousand spans, deaf to what clients write."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from proxy.findings.ignores import Ignore
from tests.e2e.support.browser import tab
from tests.e2e.support.bursts import get
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK, ScriptedUpstream, answers
from tests.e2e.support.page_helpers import (
    FAN_OUT,
    OPEN_ALL,
    ask_until_kept,
    visible_texts,
    wait_until_absent,
    wait_until_true,
)
from tests.e2e.support.raw_client import RawClient
from tests.hostile_inputs import HOSTILE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.e2e]


async def test_a_trace_appears_when_it_closes_and_its_waterfall_tells_everything() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await page.locator("#empty", has_text="No trace yet").wait_for()
        assert await page.locator("#empty pre").inner_text() == f"http://127.0.0.1:{seen.sidecar.port}"
        await ask_until_kept(seen, FAN_OUT, "t1", "X-Fanin-Route: GET /export", "X-Fanin-Caller: export.ts:12")
        await page.get_by_role("link", name="GET /export").click()
        await page.locator(".waterfall").wait_for()
        assert await page.locator(".row").count() == 6
        assert await page.locator(".bar.client").count() == await page.locator(".bar.call").count() == 6
        assert ": FAN001] 6 reads of videos" in await page.locator(".finding summary").inner_text()
        assert await visible_texts(page, ".row .became .badge") == ["FAN001"] * 6
        assert "6 × offset" in await page.locator(".reasons").inner_text()
        assert "Page by key instead" in await page.locator(".reasons").inner_text()
        await page.locator(".row summary").first.click()
        inside = await page.locator(".inside").inner_text()
        assert "Not merged: offset." in inside
        assert "export.ts:12" in inside
        assert "curl -g 'http://127.0.0.1:" in inside
        assert '.eq("creator_id", creatorId)' in inside
        assert "eq.3" not in await page.content()


async def test_requests_that_shared_a_call_are_one_line_with_the_call_below() -> None:
    same = ["/t?select=id&offset=1"] * 5
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        await ask_until_kept(seen, same, "t1")
        await one.page.get_by_role("link", name="t1").click()
        await one.page.locator(".row").wait_for()
        (told,) = await visible_texts(one.page, ".became")
        assert told.startswith("5 shared into 1")
        await one.page.locator(".row summary").click()
        await one.page.locator(".inside tbody tr").nth(4).wait_for()
        assert await one.page.locator(".inside tbody tr").count() == 5


async def test_code_is_copied() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await ask_until_kept(seen, ["/t?id=eq.1"], "t1")
        await page.get_by_role("link", name="t1").click()
        await page.locator(".row summary").click()
        await page.get_by_role("button", name="Copy").first.click()
        await page.locator(".code [role=status]", has_text="Copied").wait_for()
        assert (await page.evaluate("navigator.clipboard.readText()")).startswith("curl -g 'http://127.0.0.1:")
        assert "Passed on: alone." in await page.locator(".inside").inner_text()


async def test_the_list_is_filtered_by_route_relation_and_finding() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, FAN_OUT, "t1", "X-Fanin-Route: GET /export")
        await ask_until_kept(seen, ["/creators?id=eq.1"], "t2", "X-Fanin-Route: GET /home")
        await page.get_by_role("link", name="GET /home").wait_for()
        assert await visible_texts(page, "#count") == ["2 of 2 traces"]
        for field, text, shown in (("route", "EXPORT", "GET /export"), ("relation", "creators", "GET /home")):
            await page.locator(f"#{field}").fill(text)
            assert await visible_texts(page, "#traces .pick") == [shown]
            await page.locator(f"#{field}").fill("")
        for chosen in ("any", "FAN001"):
            await page.locator("#finding").select_option(chosen)
            assert await visible_texts(page, "#traces .pick") == ["GET /export"]
        await ask_until_kept(seen, ["/creators?id=eq.1"], "t3")
        await page.get_by_text("1 of 3 traces").wait_for()
        await page.locator("#route").fill("nothing has this")
        await page.locator("#empty", has_text="No trace matches the filters").wait_for()
        await page.get_by_role("button", name="Clear the filters").click()
        assert await visible_texts(page, "#count") == ["3 of 3 traces"]


async def test_fingerprints_are_sorted_filtered_and_opened() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page = one.page
        await ask_until_kept(seen, ["/a?offset=1&x=eq.1", *FAN_OUT], "t1")
        await page.keyboard.press("2")
        names = "tbody .name"
        await page.locator("th[aria-sort=descending]").wait_for()
        calls = [text.partition("?")[0] for text in await visible_texts(page, names)]
        assert calls == ["GET videos", "GET a"]
        assert await page.locator("th[aria-sort=descending]").inner_text() == "Calls"
        await page.get_by_role("button", name="Calls").click()
        await page.locator("th[aria-sort=ascending]").wait_for()
        assert [text.partition("?")[0] for text in await visible_texts(page, names)] == ["GET a", "GET videos"]
        await page.get_by_role("button", name="Fingerprint", exact=True).click()
        await page.locator("th[aria-sort=ascending]", has_text="Fingerprint").wait_for()
        assert [text.partition("?")[0] for text in await visible_texts(page, names)] == ["GET a", "GET videos"]
        await page.locator("input").press_sequentially("video")
        await page.get_by_text("1 of 2").wait_for()
        assert await page.locator("input").input_value() == "video"
        assert await page.evaluate("document.activeElement === document.querySelector('main input')")
        await page.locator("tbody button").first.click()
        await page.locator(".inside").wait_for()
        assert "curl -g" in await page.locator(".inside").inner_text()


async def test_a_finding_is_copied_as_a_prompt_without_values_and_stays_when_the_page_is_drawn_again() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        await ask_until_kept(seen, FAN_OUT, "t1", "X-Fanin-Route: GET /export", "X-Fanin-Caller: export.ts:12")
        page = one.page
        await page.goto(f"{seen.url}/#/findings")
        await page.locator(".finding summary").first.click()
        button = page.get_by_role("button", name="Copy as prompt FAN001")
        await button.press("Enter")
        block = page.locator(".finding pre", has_text="# Fix the finding FAN001")
        await block.wait_for()
        text = await block.inner_text()
        assert "## Acceptance check" in text
        assert "export.ts:12" in text
        assert "eq.3" not in text
        await page.get_by_text(re.compile("Copied|Selected: copy it")).first.wait_for()
        await ask_until_kept(seen, FAN_OUT, "t2", "X-Fanin-Route: GET /export")
        await page.goto(f"{seen.url}/#/traces")
        await page.goto(f"{seen.url}/#/findings")
        await page.locator(".finding summary").first.wait_for()
        await page.locator("pre", has_text="# Fix the finding FAN001").first.wait_for(state="attached")


async def test_findings_stand_by_rule_with_its_document_and_ignored_ones_apart() -> None:
    ignore: dict[str, Any] = {"ignore": [{"relation": "known", "reason": "a report"}]}
    targets = [f"/known?id=eq.{n}&offset=1" for n in range(6)]
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, **ignore) as seen,
        tab(seen.url) as one,
    ):
        page = one.page
        await ask_until_kept(seen, FAN_OUT, "t 1/?", "X-Fanin-Route: GET /export")
        await ask_until_kept(seen, targets, "t2")
        await page.keyboard.press("3")
        card = page.locator("section .finding").first
        await card.locator("summary").click()
        told = await card.inner_text()
        names = ("Location", "Current performance", "Problem", "Evidence", "No fix", "Expected improvement", "Risk")
        places = [told.index(f"\n{name}\n") for name in names]
        assert places == sorted(places)
        assert re.match(r"\[[A-Z]+: FAN001\] 6 reads of videos, one for each creator_id\n", told)
        assert "once, first 20" in told
        assert "reads of known" not in told
        await page.get_by_text("About this rule").first.click()
        assert "Why it hurts" in await page.locator(".document pre").first.inner_text()
        await page.get_by_text("1 ignored").click()
        ignored = page.locator(".finding", has_text="6 reads of known")
        await ignored.locator("summary").click()
        assert "a report" in await ignored.inner_text()
        await card.get_by_role("link", name="t 1/?").click()
        await page.locator(".waterfall").wait_for()
        assert "Trace t 1/?, part 1" in await page.locator("main").inner_text()


async def test_health_shows_gauges_with_their_limits_warnings_and_settings() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        await one.page.keyboard.press("4")
        await one.page.get_by_text("upstream is up").wait_for()
        told = await one.page.locator("main").inner_text()
        assert "client_connections" in told
        assert "of 4,096" in told
        await one.page.locator("summary", has_text="defaults").click()
        assert "merge.max_keys" in await one.page.locator("main").inner_text()


async def test_a_thousand_spans_are_folded_and_all_of_them_can_be_seen() -> None:
    targets = [f"/t?select=id&id=eq.{n}&offset=1" for n in range(1000)]
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, trace__quiet_explicit=2.0) as seen,
    ):
        async with RawClient(seen.sidecar.port) as client:
            for target in targets:
                await client.send(get(target, "X-Fanin-Trace: many"))
                await client.answer(b"GET")
        async with tab(seen.url) as one:
            page = one.page
            await page.get_by_role("link", name="many").click()
            await page.get_by_role("button", name="more like these").wait_for()
            assert await page.locator(".row").count() < 20
            await page.get_by_role("button", name="more like these").click()
            assert await page.locator(".row").count() == 1000
            assert await page.evaluate("document.activeElement.matches('.row > summary')")
            wide = await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            assert wide


COUNT_FIRST_LINES = """new MutationObserver(() => {
  window.firstLines ??= document.querySelectorAll(".row").length || undefined;
}).observe(document, { childList: true, subtree: true });"""


async def test_of_a_thousand_different_queries_a_screenful_is_painted_before_the_others_are_drawn(
    tell: Callable[[str], None],
) -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, trace__quiet_explicit=2.0) as seen,
    ):
        async with RawClient(seen.sidecar.port) as client:
            for number in range(1000):
                await client.send(get(f"/t{number}?select=id&offset=1", "X-Fanin-Trace: many"))
                await client.answer(b"GET")
        seen.sidecar.closer.finish()
        async with tab(seen.url) as one:
            page = one.page
            await page.add_init_script(COUNT_FIRST_LINES)
            await page.goto(f"{seen.url}/#/id/many")
            await page.reload()
            await wait_until_true(page, "document.querySelectorAll('.row').length === 1000")
            assert await page.evaluate("window.firstLines") == 60
            paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            tell(f"first paint of a trace of 1,000 different queries: {paint:.0f} ms")
            assert await page.locator(".queries tr").count() == 0
            await page.locator(".queries summary").click()
            await page.locator(".queries tbody tr").nth(999).wait_for(state="attached")
            await page.get_by_label("Filter").fill("t77?")
            await wait_until_true(page, "document.querySelectorAll('.row').length === 1")


async def test_everything_is_reached_by_keyboard() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        page, keys = one.page, one.page.keyboard
        for name in ("t1", "t2"):
            await ask_until_kept(seen, FAN_OUT, name)
            await page.get_by_role("link", name=name).wait_for()
        await keys.press("/")
        assert await page.evaluate("document.activeElement.id") == "route"
        await keys.type("t1 p?")
        assert await page.locator("#pause").get_attribute("aria-pressed") == "false"
        await page.locator("#route").fill("")
        await keys.press("Escape")
        for key in ("j", "j", "k", "j"):
            await keys.press(key)
        await keys.press("Enter")
        await page.locator(".waterfall").wait_for()
        assert await page.locator("h1").inner_text() == "t1"
        for _ in range(3):
            await keys.press("ArrowDown")
        await keys.press("Enter")
        await page.locator(".row[open]").wait_for()
        await keys.press("Escape")
        await page.locator("#traces").wait_for()
        await keys.press("?")
        assert await page.locator("dialog[open]").is_visible()
        await keys.press("Escape")
        assert not await page.locator("dialog").is_visible()


async def test_it_is_dark_where_the_system_is_and_as_chosen_after_that() -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        async with tab(seen.url) as light:
            bright = await light.page.evaluate(background)
        async with tab(seen.url, dark=True) as one:
            dark = await one.page.evaluate(background)
            assert dark != bright
            await one.page.keyboard.press("d")
            assert await one.page.evaluate(background) == bright
            await one.page.reload()
            await one.page.locator("#live", has_text="live").wait_for()
            assert await one.page.evaluate(background) == bright


TURNS = {turn: f"\\u{turn:04x}" for turn in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Characters that turn the direction of what stands around them, and how they are shown."""


@pytest.mark.parametrize("values", [False, True])
async def test_what_clients_write_is_text(values: bool) -> None:
    """In every field that they control: trace id, route, caller, path, parameter names, select lists, relation."""
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url, show_values=values) as seen:
        for number, text in enumerate(HOSTILE_NAMES):
            raw = "".join(f"%{byte:02X}" for byte in text.encode())
            lines = (f"X-Fanin-Route: {text}", f"X-Fanin-Caller: {text}", f"Accept-Profile: {text}")
            forms = [f"/{raw}", f"/{raw}?id=eq.{number}", f"/t?{raw}=eq.{raw}", f"/t?select={raw}", f"/t?order={raw}"]
            fan_out = [f"/{raw}?select={raw}&{raw}=eq.{n}&offset=1" for n in range(6)]
            await ask_until_kept(seen, [*forms, *fan_out], text, *lines)
        async with tab(seen.url) as one:
            page = one.page
            await page.get_by_text(f"{len(HOSTILE_NAMES)} of {len(HOSTILE_NAMES)} traces").wait_for()
            shown = await page.locator("#traces .pick").all_inner_texts()
            written = {text.translate(TURNS) for text in HOSTILE_NAMES}
            assert {" ".join(text.split()) for text in written} <= {" ".join(text.split()) for text in shown}
            for link in await page.locator("#traces .pick").evaluate_all("(all) => all.map((one) => one.hash)"):
                await page.goto(f"{seen.url}/?{link[8:]}{link}")
                await page.locator(".waterfall").wait_for()
                await page.evaluate(OPEN_ALL)
                await wait_until_absent(page, ".row:not(:has(.inside))")
                await one.check()
            for name, there in (("fingerprints", "tbody button"), ("findings", ".finding"), ("health", "meter")):
                await page.goto(f"{seen.url}/?{name}#/{name}")
                await page.locator(there).first.wait_for(state="attached")
                await page.evaluate(OPEN_ALL)
                await wait_until_absent(page, "button[aria-expanded=false]")
                await one.check()
            assert await page.locator("main script, main img, main svg, main b b, main iframe").count() == 0


async def test_a_trace_of_two_loops_is_folded_by_query_and_each_query_can_be_seen_alone() -> None:
    targets = [f"/{name}?select=id&id=eq.{n}&offset=1" for n in range(30) for name in ("one", "other")]
    refused = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
    async with (
        ScriptedUpstream(answers(*[OK] * 60, refused)) as upstream,
        fanin_with_admin(upstream.url, trace__quiet_explicit=2.0) as seen,
    ):
        async with RawClient(seen.sidecar.port) as client:
            for target in [*targets, "/one?select=id&id=eq.404&offset=1"]:
                await client.send(get(target, "X-Fanin-Trace: loops", "X-Fanin-Caller: loops.ts:7"))
                await client.answer(b"GET")
        async with tab(seen.url) as one:
            page = one.page
            await page.get_by_role("link", name="loops").click()
            await page.locator(".rest button").first.wait_for()
            assert await visible_texts(page, ".rest button") == ["24 more like these"] * 2
            query = page.locator(".queries tr", has_text="GET one?")
            assert (await query.inner_text()).split("\t")[1:3] == ["31", "31"]
            assert (await query.inner_text()).split("\t")[5:] == ["1", "loops.ts:7"]
            await query.get_by_role("button").click()
            assert await visible_texts(page, ".lines .rest .what") == [
                "24 more like these GET one?select=id&id=eq.?&offset=?"
            ]
            await query.get_by_role("button").click()
            await page.locator("select").last.select_option("failed")
            assert len(failed := await visible_texts(page, ".row .became")) == 1
            assert failed[0].startswith("404 passed: offset, ")
            assert await visible_texts(page, ".tools [role=status]") == ["1 of 61 lines"]
            await page.locator("select").last.select_option("finding")
            assert len(await visible_texts(page, ".rest")) == 2
            await page.locator("input").fill("nothing is so")
            assert await visible_texts(page, ".lines") == ["No line matches the filter."]


async def test_a_finding_tells_how_to_mute_it_as_the_configuration_has_it() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen, tab(seen.url) as one:
        targets = [f"/a%7Fb?select=id&id=eq.{n}&offset=1" for n in range(6)]
        await ask_until_kept(seen, targets, "t1", 'X-Fanin-Route: GET /"quoted"\\')
        await one.page.keyboard.press("3")
        await one.page.locator("section .finding summary").first.click()
        text = await one.page.locator(".finding .code", has_text="fanin.toml").locator("pre").text_content()
        (found,) = (known for known in (await seen.api("/api/findings"))["findings"])
        (told,) = tomllib.loads(text or "")["ignore"]
        assert Ignore(**told).finding == found["key"]
        assert {'"', "\\", "\x7f"} <= set(found["key"])
