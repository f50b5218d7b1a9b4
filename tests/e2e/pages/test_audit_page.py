"""The page of `fanin audit --format html` in a real browser: hostile names are text, and nothing is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from proxy.audit.formats.as_html import html
from proxy.findings.model import Measured
from tests.audit.factories import PLAIN, report
from tests.e2e.support.browser import Tab, browser
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS

pytestmark = pytest.mark.e2e
SCREENSHOTS = os.environ.get("FANIN_SCREENSHOTS", "")
"""A folder for pictures of the page, to look at."""
SMUGGLED = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'><style>body { display: none }</style>"
"""What a page without escapes would take for its own: the policy stops it."""


async def test_whatever_names_are_nothing_runs_and_nothing_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    async with browser() as program:
        page = await program.new_page()
        seen = Tab(page)
        seen.home = file.as_uri()
        for name in (*HOSTILE_NAMES, *HOSTILE_TEXTS, PLAIN):
            file.write_text(html(report(name)), encoding="utf-8")
            await page.goto(file.as_uri())
            assert await page.locator("section").count() == 3
            await seen.check()
        assert "9 reads of videos" in await page.locator("h3").first.inner_text()


@pytest.mark.parametrize(("dark", "back"), [(False, "rgb(255, 255, 255)"), (True, "rgb(20, 23, 26)")])
async def test_it_is_styled_in_light_and_dark_and_fits_a_narrow_screen(tmp_path: Path, dark: bool, back: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(html(report("x" * 200)), encoding="utf-8")
    async with browser() as program:
        scheme = {True: "dark", False: "light"}[dark]
        page = await program.new_page(color_scheme=scheme, viewport={"width": 390, "height": 800})  # type: ignore[arg-type]
        await page.goto(file.as_uri())
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == back
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= 390


async def test_a_row_of_the_table_leads_to_its_finding(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(html(report(PLAIN)), encoding="utf-8")
    async with browser() as program:
        page = await program.new_page()
        await page.goto(file.as_uri())
        await page.locator("table a").nth(1).click()
        assert page.url.endswith("#finding-2")
        assert "FAN016" in await page.locator(":target h3").inner_text()


async def test_the_policy_stops_what_would_have_slipped_through(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(html(report(PLAIN)).replace("<dl>", f"{SMUGGLED}<dl>", 1), encoding="utf-8")
    async with browser() as program:
        page = await program.new_page()
        seen = Tab(page)
        seen.home = file.as_uri()
        await page.goto(file.as_uri())
        assert await page.evaluate("window.hit") is None
        assert await page.locator("h1").is_visible()
        assert sum("Content Security Policy" in error for error in seen.errors) >= 3


PLANNED = replace(
    report(PLAIN).findings[0].finding,
    evidence=(
        "GET videos?status=eq.?, value: most common: gain 97 %",
        "before: sorts by created_at (12.10 ms)",
        "before:   reads the whole table videos (11.90 ms) ← most expensive",
        "after: reads rows of videos by index videos_status_idx (0.31 ms)",
        "runner-up: (status, id), which is larger",
    ),
    measured=(
        Measured("GET videos?status=eq.?, value: most common", "ms", 12.1, 0.31),
        Measured("GET videos?status=eq.?, value: absent", "cost", 0, 0),
    ),
)


def page_with_plans() -> str:
    made = report(PLAIN)
    first, *others = made.findings
    return html(replace(made, findings=(replace(first, finding=PLANNED), *others)))


async def test_a_click_or_a_key_on_the_head_of_a_column_sorts_the_table_by_number_and_by_impact(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(html(report(PLAIN)), encoding="utf-8")
    async with browser() as program:
        page = await program.new_page()
        await page.goto(file.as_uri())
        impacts, times = page.locator("table").first.locator("td:first-child"), page.locator("th button").nth(2)
        await page.locator("th button").first.click()
        assert await impacts.all_inner_texts() == ["HIGH", "HIGH", "LOW"]
        await page.locator("th button").first.press("Enter")
        assert await impacts.all_inner_texts() == ["LOW", "HIGH", "HIGH"]
        await times.click()
        assert await page.locator("table").first.locator("td:nth-child(3)").all_inner_texts() == ["2", "1", "1"]
        assert await page.locator("th[aria-sort]").count() == 1


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_plans_are_trees_and_costs_are_bars_that_fit_a_phone(tmp_path: Path, scheme: str, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(page_with_plans(), encoding="utf-8")
    async with browser() as program:
        page = await program.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
        seen = Tab(page)
        seen.home = file.as_uri()
        await page.goto(file.as_uri())
        before, after = await page.locator("figure pre.plan").all_inner_texts()
        assert before.split("\n")[1].startswith("  reads the whole table videos")
        assert after.startswith("reads rows of videos by index")
        assert await page.locator("progress.before").first.get_attribute("value") == "12.1"
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= width
        await seen.check()
        if SCREENSHOTS:
            await page.screenshot(path=Path(SCREENSHOTS) / f"{scheme}-{width}.png", full_page=True)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert page_with_plans() == page_with_plans()
