"""One table has one name, whether a request names its schema or not; tables of two schemas have two."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.observe.events import Warned
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, statement_counter, together
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proxy.observe.events import Event
    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

LOAD = """
create schema twin;
grant usage on schema twin to anon;
create table public.shelf (id int primary key, k text);
create table twin.shelf (id int primary key, k numeric(5, 2));
insert into public.shelf select n, n || '.00' from generate_series(1, 50) n;
insert into twin.shelf select n, n from generate_series(1, 50) n;
grant all on public.shelf, twin.shelf to anon;
"""
DROP = "drop schema if exists twin cascade; drop table if exists public.shelf"
FIRST, PUBLIC, TWIN = (), ("Accept-Profile: public",), ("Accept-Profile: twin",)


@pytest.fixture(scope="module")
def two_schemas(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute(stack.dsn, DROP + ";" + LOAD))
    try:
        with postgrest_with(stack, db_schemas="public, twin") as made:
            yield made
    finally:
        asyncio.run(execute(stack.dsn, DROP))


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def reads(count: int, trace: str, *lines: str) -> list[bytes]:
    """Requests of one trace that differ in their key."""
    more = (f"X-Fanin-Trace: {trace}", "X-Fanin-Route: GET /shelves")
    return [get(f"/shelf?id=eq.{n}", *lines, *more) for n in range(1, count + 1)]


class FaninViews:
    """What one fanin tells of itself."""

    def __init__(self, admin: str, session: aiohttp.ClientSession) -> None:
        self._admin = admin
        self._session = session

    async def closed(self, trace: str) -> None:
        async with self._session.post(f"{self._admin}/api/traces/{trace}/close", json={}) as answer:
            assert (await answer.json())["open"] is False

    async def relations(self, series: str) -> Counter[str]:
        """What was counted, by relation."""
        found: Counter[str] = Counter()
        async with self._session.get(f"{self._admin}/metrics") as answer:
            families = list(text_string_to_metric_families(await answer.text()))
        for sample in (sample for family in families for sample in family.samples if sample.name == series):
            found[sample.labels["relation"]] += int(sample.value)
        return found

    async def told(self, what: str) -> list[dict[str, Any]]:
        async with self._session.get(f"{self._admin}/api/{what}") as answer:
            found: list[dict[str, Any]] = (await answer.json())[what]
            return found


@asynccontextmanager
async def fanin_with_views(upstream: str) -> AsyncIterator[tuple[int, FaninViews]]:
    with Fanin(upstream, settings={"mount": "/", "merge.deadline_floor": "10", **NO_CHECKS}) as program:
        async with aiohttp.ClientSession() as session:
            yield program.port, FaninViews(program.admin_url, session)


async def test_a_table_read_with_and_without_its_profile_is_one_series_one_finding_and_one_fingerprint(
    two_schemas: Stack,
) -> None:
    async with statement_counter(two_schemas.dsn) as counter, fanin_with_views(two_schemas.url) as (port, seen):
        await counter.reset()
        for trace, lines in {"t1": FIRST, "t2": PUBLIC, "t3": TWIN}.items():
            await one_by_one(f"http://127.0.0.1:{port}", reads(5, trace, *lines))
            await together(port, reads(4, f"merged-{trace}", *lines))
            await seen.closed(trace)
            await seen.closed(f"merged-{trace}")
        assert await seen.relations("fanin_requests_total") == {"public.shelf": 18, "twin.shelf": 9}
        calls = await seen.relations("fanin_upstream_calls_total")
        assert calls.keys() == {"public.shelf", "twin.shelf"}
        assert calls.total() == await counter.statements()
        assert await seen.relations("fanin_findings_total") == {"public.shelf": 2, "twin.shelf": 1}
        assert {known["key"]: known["count"] for known in await seen.told("findings")} == {
            "FAN002:public.shelf:GET /shelves:GET shelf?id=eq.?": 2,
            "FAN002:twin.shelf:GET /shelves:GET twin.shelf?id=eq.?": 1,
        }
        usages = await seen.told("fingerprints")
        assert {(usage["fingerprint"], usage["relation"]): usage["calls"] for usage in usages} == {
            ("GET shelf?id=eq.?", "public.shelf"): 18,
            ("GET twin.shelf?id=eq.?", "twin.shelf"): 9,
        }
        fixes = {known["finding"]["relation"]: known["finding"]["fix"] for known in await seen.told("findings")}
    assert '.from("shelf")' in fixes["public.shelf"]["supabase_js"]
    assert "schema" not in fixes["public.shelf"]["supabase_js"]
    assert '.schema("twin").from("shelf")' in fixes["twin.shelf"]["supabase_js"].replace("\n    ", "")
    assert "from twin.shelf" in fixes["twin.shelf"]["sql"]


async def test_a_write_is_of_the_table_that_its_content_profile_names(two_schemas: Stack) -> None:
    async with fanin_with_views(two_schemas.url) as (port, seen):
        for lines in ((), ("Content-Profile: public",), ("Content-Profile: twin", "Accept-Profile: public")):
            head = ["PATCH /shelf?id=eq.50 HTTP/1.1", "Host: h", "Content-Type: application/json", *lines]
            body = '{"k": "9.5"}'
            request = "\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode()
            (answer,) = await together(port, [request])
            assert answer.status == 204
        assert await seen.relations("fanin_requests_total") == {"public.shelf": 2, "twin.shelf": 1}


@pytest.mark.parametrize("first", ["public", "twin"])
async def test_types_that_are_learnt_of_one_table_are_not_believed_of_another(two_schemas: Stack, first: str) -> None:
    """Whether ``catalog.schemas`` are PostgREST's own or not: 1.0 and 1.00 are one number, and two texts."""
    keys = [f"/shelf?select=id&k=eq.{number}" for n in range(1, 5) for number in (f"{n}.0", f"{n}.00", f"{n}.000")]
    known = {"catalog__schemas": [first], "merge__deadline_floor": 10.0}
    async with statement_counter(two_schemas.dsn) as counter, fanin(two_schemas.url, **known) as sidecar:
        for lines in (FIRST, PUBLIC, TWIN, FIRST):
            requests = [get(key, *lines) for key in keys]
            direct = await one_by_one(two_schemas.url, requests)
            await counter.reset()
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            assert (await counter.statements() < len(requests)) == (lines is not TWIN), "numbers have many spellings"


@pytest.mark.parametrize(("first", "warned"), [("public", 0), ("twin", 1)])
async def test_settings_that_name_another_first_schema_are_warned_of_once(
    two_schemas: Stack, first: str, warned: int
) -> None:
    said: list[str] = []

    def hear(event: Event) -> None:
        said.append(event.what) if isinstance(event, Warned) else None

    changes: dict[str, Any] = {"catalog__schemas": (first,)}
    async with fanin(two_schemas.url, **changes) as sidecar:
        sidecar.health._events.subscribe(hear)
        for _ in range(2):
            await together(sidecar.port, [get("/shelf?id=eq.1"), get("/shelf?limit=2", *TWIN)])
            await wait_for_ticks(sidecar, sidecar.closer._rounds + 2)
    assert len([what for what in said if "first schema is public" in what]) == warned == len(said)


async def wait_for_ticks(sidecar: Sidecar, ticks: int) -> None:
    await until(lambda: sidecar.closer._rounds >= ticks)
