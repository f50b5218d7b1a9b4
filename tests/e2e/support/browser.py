"""A real Chromium on the admin port's pages."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.programs import driver_environment, find

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""It is root in containers, and has no network."""


def chromium() -> str:
    """The browser's program: what ``FANIN_CHROMIUM`` names, or else what `make test` unpacked, or the one on PATH."""
    found = os.environ.get("FANIN_CHROMIUM") or find("chromium")
    return found or pytest.skip("no Chromium here: install it (apt-get install chromium), or name it in FANIN_CHROMIUM")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Skips the test where there is none."""
    program = chromium()
    playwright = pytest.importorskip("playwright.async_api", reason="Playwright is missing: see requirements/dev.txt")
    os.environ |= driver_environment()
    async with playwright.async_playwright() as driver:
        made = await driver.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield made
        finally:
            await made.close()


class Tab:
    """A page that must stay without errors and without scripts of others."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        page.on("request", self._asked)

    def _asked(self, request: object) -> None:
        """Nothing is loaded from anywhere else."""
        url = str(getattr(request, "url", ""))
        if not url.startswith(self.home):
            self.errors.append(f"asked for {url}")

    home = ""

    async def check(self) -> None:
        assert self.errors == []
        assert await self.page.evaluate("window.hit") is None


@asynccontextmanager
async def tab(url: str, dark: bool = False) -> AsyncIterator[Tab]:
    """The pages, opened at the list of traces; at the end nothing may have gone wrong in them."""
    async with browser() as program:
        page = await program.new_page(color_scheme="dark" if dark else "light", viewport={"width": 1200, "height": 800})
        made = Tab(page)
        made.home = url
        await page.goto(url + "/")
        await page.locator("#live", has_text="live").wait_for()
        yield made
        await made.check()
