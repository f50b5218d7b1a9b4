"""What tests of the pages share: requests until a trace is kept, visible texts, and waits for a state of the page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.e2e.support.bursts import get, together
from tests.e2e.support.harness import TIMEOUT, until

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.support.fanin_with_admin import FaninWithAdmin

OPEN_ALL = """() => {
  for (const one of document.querySelectorAll("main details")) one.open = true;
  for (const one of document.querySelectorAll("main button[aria-expanded=false]")) one.click();
}"""
FAN_OUT = [f"/videos?select=id&creator_id=eq.{n}&offset=1" for n in range(6)]


async def ask_until_kept(seen: FaninWithAdmin, targets: list[str], trace: str, *lines: str) -> None:
    """Requests of one trace, until it is kept."""
    number = _traces_closed(seen)
    await together(seen.sidecar.port, [get(target, f"X-Fanin-Trace: {trace}", *lines) for target in targets])
    await seen.close(trace)
    await until(lambda: _traces_closed(seen) > number)


def _traces_closed(seen: FaninWithAdmin) -> float:
    found = seen.kept
    return found["kept_traces"] + found["kept_traces_dropped"]


async def visible_texts(page: Page, selector: str) -> list[str]:
    return [
        text
        for one in await page.locator(selector).all()
        if await one.is_visible() and (text := await one.inner_text())
    ]


async def wait_until_true(page: Page, expression: str) -> None:
    """Wait until it is so. Playwright's own waiting takes eval, which the pages' policy forbids."""
    async with asyncio.timeout(TIMEOUT):
        while not await page.evaluate(expression):  # noqa: ASYNC110 – a browser sends no word
            await asyncio.sleep(0.01)


async def wait_until_absent(page: Page, selector: str) -> None:
    """Wait until there is no such element."""
    async with asyncio.timeout(TIMEOUT):
        while await page.locator(selector).count():  # noqa: ASYNC110 – a browser sends no word
            await asyncio.sleep(0.01)
