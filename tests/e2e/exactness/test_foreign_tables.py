"""A real foreign data wrapper in C that answers `column = value` and not `column = ANY (…)`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.demo.postgres import installed_binaries
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.foreign_tables import build_wrapper, wrapper_sql
from tests.e2e.support.harness import fanin
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SINGLE = "Accept: application/vnd.pgrst.object+json"


@pytest.fixture(scope="module")
def foreign(stack: Stack) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="fanin-eqfdw-") as directory:  # where Postgres' own user can read it
        library = build_wrapper(installed_binaries(), Path(directory))
        asyncio.run(execute(stack.dsn, wrapper_sql(library, "searched")))
        with postgrest_with(stack, db_schemas="searched") as made:
            yield made
    asyncio.run(execute(stack.dsn, "drop foreign data wrapper eq_fdw cascade; drop schema searched cascade"))


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.mark.parametrize("catalog", [False, True], ids=["no catalog", "catalog"])
@pytest.mark.parametrize("lines", [(), (SINGLE,)], ids=["array", "single"])
@pytest.mark.parametrize("relation", ["articles_es", "github_issue", "search_results"])
async def test_12_concurrent_reads_each_get_their_row(
    foreign: Stack, relation: str, lines: tuple[str, ...], catalog: bool
) -> None:
    requests = [get(f"/{relation}?select=title,query&query=eq.word{n}", *lines) for n in range(12)]
    direct = await one_by_one(foreign.url, requests)
    assert all(answer.status == 200 and b"hit 1 for word" in answer.body for answer in direct)
    known = {"db_uri": foreign.dsn, "catalog__schemas": ["searched"]} if catalog else {}
    probation = {"merge__probation": 5, "merge__deadline_floor": 10.0, "merge__pause_first": 0.001}
    async with fanin(foreign.url, **probation, **known) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(4):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await seen.wait_until_idle()
        assert seen.outcomes()["merged", ""] == 0
        if catalog:
            assert seen.calls_by_kind()["merged"] == 0
            assert seen.outcomes()["passed", "foreign-table"] == 48
