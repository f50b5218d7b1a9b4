"""The page of `fanin audit --format html` in a real browser: hostile names are text, and nothing is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.audit.as_html import html
from tests.audit.factories import PLAIN, report
from tests.e2e.support.browser import Tab, browser
from tests.hostile_inputs import HOSTILE_NAMES, HOSTILE_TEXTS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e
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
