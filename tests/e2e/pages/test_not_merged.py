"""What is not merged because its answers differ is shown with the findings, and by `fanin explain`."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.commands.main import main
from tests.e2e.support.browser import tab
from tests.e2e.support.bursts import get, together
from tests.e2e.support.fanin_with_admin import FaninWithAdmin, fanin_with_admin
from tests.e2e.support.harness import until
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SQL = Path(__file__).parents[1] / "support" / "untrusted.sql"


@pytest.fixture(scope="module")
def untrusted(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute(stack.dsn, SQL.read_text(encoding="utf-8")))
    with postgrest_with(stack, db_schemas="untrusted") as made:
        yield made


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def find_mismatches(seen: FaninWithAdmin) -> None:
    """Bursts until a view that answers merged calls wrong and one that differs each time are found."""
    trust = seen.sidecar.upstream_state.trust
    lines = ("X-Fanin-Trace: t",)
    for _ in range(8):
        await together(seen.sidecar.port, [get(f"/only_equal?id=eq.{n}", *lines) for n in range(1, 21)])
        await together(seen.sidecar.port, [get("/ticket", *lines)] * 6)
    await until(lambda: len(trust.mismatches) == 2 and not len(seen.sidecar.traces))


def explained(*arguments: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["explain", *arguments]) == 0
    return out.getvalue()


async def test_what_differs_is_listed_with_the_findings_and_explained(untrusted: Stack) -> None:
    settings = {"catalog__schemas": ["untrusted"], "merge__probation": 5, "merge__pause_first": 0.001}
    async with fanin_with_admin(untrusted.url, merge__deadline_floor=10.0, **settings) as seen, tab(seen.url) as one:
        await find_mismatches(seen)
        rows = (await seen.api("/api/findings"))["not_merged"]
        assert {(row["relation"], row["column"], row["reason"]) for row in rows} == {
            ("untrusted.only_equal", "id", "mismatched"),
            ("untrusted.ticket", "", "mismatched"),
        }
        await one.page.keyboard.press("3")
        await one.page.get_by_text("Not merged: answers differ").wait_for()
        assert "untrusted.only_equal by id: mismatched" in await one.page.locator("main").inner_text()
        common = ("--admin", seen.url, "--set", "catalog.schemas=untrusted")
        told = await asyncio.to_thread(explained, *common, "GET /only_equal?id=eq.1")
        assert "no: mismatched" in told
        assert "Found by comparison: Merged answers differed from PostgREST's: " in told
        told = await asyncio.to_thread(explained, *common, "GET /ticket")
        assert "Byte-equal requests share no call" in told
        assert "mismatched" not in await asyncio.to_thread(explained, *common, "GET /item?id=eq.1")


async def test_what_the_catalog_knows_is_listed_apart(untrusted: Stack) -> None:
    settings = {"catalog__schemas": ["untrusted"], "db_uri": untrusted.dsn}
    async with fanin_with_admin(untrusted.url, **settings) as seen, tab(seen.url) as one:
        rows = (await seen.api("/api/findings"))["not_merged"]
        assert ("untrusted.ticket", "volatile-view", None) in {
            (row["relation"], row["reason"], row["since"]) for row in rows
        }
        await one.page.keyboard.press("3")
        await one.page.get_by_text("relations not merged, by the catalog").click()
        await one.page.get_by_text("untrusted.ticket calls gen_random_uuid, which is volatile").wait_for()


def test_an_admin_port_that_cannot_be_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--admin", "http://127.0.0.1:1", "GET /t?id=eq.1"]) == 75
    assert "is it the admin port of a fanin?" in capsys.readouterr().err
