"""What tests of the pages do again and again: ask until a trace is kept, read what is seen, wait for what is so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.e2e.support.bursts import get, together
from tests.e2e.support.harness import PATIENCE, until

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.support.fanin_with_admin import Watched

OPEN_ALL = """() => {
  for (const one of document.querySelectorAll("main details")) one.open = true;
  for (const one of document.querySelectorAll("main button[aria-expanded=false]")) one.click();
}"""
FAN_OUT = [f"/videos?select=id&creator_id=eq.{n}&offset=1" for n in range(6)]


async def ask(seen: Watched, targets: list[str], trace: str, *lines: str) -> None:
    """Requests of one trace, until it is kept."""
    number = _traces_closed(seen)
    await together(seen.sidecar.port, [get(target, f"X-Fanin-Trace: {trace}", *lines) for target in targets])
    await until(lambda: _traces_closed(seen) > number)


def _traces_closed(seen: Watched) -> float:
    found = seen.kept
    return found["kept_traces"] + found["kept_traces_dropped"]


async def texts(page: Page, selector: str) -> list[str]:
    return [
        text
        for one in await page.locator(selector).all()
        if await one.is_visible() and (text := await one.inner_text())
    ]


async def true(page: Page, expression: str) -> None:
    """Wait until it is so. Playwright's own waiting takes eval, which the pages' policy forbids."""
    async with asyncio.timeout(PATIENCE):
        while not await page.evaluate(expression):  # noqa: ASYNC110 – a browser sends no word
            await asyncio.sleep(0.01)


async def none(page: Page, selector: str) -> None:
    """Wait until there is no such element."""
    async with asyncio.timeout(PATIENCE):
        while await page.locator(selector).count():  # noqa: ASYNC110 – a browser sends no word
            await asyncio.sleep(0.01)
