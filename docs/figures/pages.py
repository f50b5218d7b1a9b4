"""Takes pictures of the pages, for docs/how-to/debug.md, from a real run of RetroMuscle's cases.

`.venv/bin/python docs/figures/pages.py` starts Postgres, PostgREST, fanin with --debug, and Chromium, runs the payment
export and an admin page on it, and takes pictures of what fanin shows.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from proxy.demo.data import load
from proxy.demo.payment_export import export
from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.demo.stack import Postgres, PostgREST, service_token

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.e2e.support.browser import browser  # noqa: E402 – the tests are no package that is installed

if TYPE_CHECKING:
    from playwright.async_api import Page

SECRET = "the figure's own secret, of no use elsewhere"  # noqa: S105
CREATORS = 1200
SHOWN = {"width": 1100, "height": 560}


async def admin_page(url: str, token: str, number: int) -> None:
    """A list of creators, the open videos of each together, then the month of some one after another."""
    names = {"X-Fanin-Trace": f"admin-{number}", "X-Fanin-Route": "GET /admin/creators"}
    headers = {"Authorization": f"Bearer {token}", **names}
    async with aiohttp.ClientSession(url, headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def get(target: str, caller: str) -> Any:
            async with session.get(target, headers={"X-Fanin-Caller": caller}) as answer:
                return await answer.json()

        creators = await get("/creators?select=id,handle&order=handle&limit=24", "creators.ts:18")
        ids = [creator["id"] for creator in creators]
        profile = "/creator_payout_profiles?select=method&creator_id=eq."
        await asyncio.gather(*(get(profile + one, "creators.ts:27") for one in ids))
        for one in ids[:6]:
            await get(f"/monthly_tracking?select=month,payment_status&creator_id=eq.{one}&offset=0", "creators.ts:41")


async def _run(fanin: Fanin, token: str) -> None:
    for number in range(3):
        await admin_page(fanin.url, token, number)
        await export(fanin.url, token, f"payment-export-{number}")


async def _take(page: Page, name: str) -> None:
    await page.screenshot(path=HERE / f"{name}.png")
    print(HERE / f"{name}.png")


async def _look(url: str) -> None:
    async with browser() as program:
        page = await program.new_page(viewport=SHOWN)
        await page.goto(url + "/")
        await page.get_by_text("6 of 6 traces").wait_for()
        await _take(page, "traces")
        await page.get_by_role("link", name="GET /admin/creators").first.click()
        await page.locator(".row").first.wait_for()
        await page.locator("h2", has_text="Waterfall").evaluate("(one) => scrollTo(0, one.offsetTop - 60)")
        await _take(page, "trace")
        await page.goto(url + "/#/findings")
        await page.locator(".finding > summary").first.click()
        await _take(page, "findings")
        await page.emulate_media(color_scheme="dark")
        await page.goto(url + "/#/fingerprints")
        await page.locator("tbody button").first.click()
        await page.locator(".inside").wait_for()
        await _take(page, "fingerprints")


def main() -> None:
    """Everything, once."""
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, CREATORS))
        with (
            PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest,
            Fanin(postgrest.url, settings={"debug": "true", **NO_CHECKS}) as fanin,
        ):
            asyncio.run(_run(fanin, service_token(SECRET)))
            asyncio.run(_look(fanin.admin_url))


if __name__ == "__main__":
    main()
