"""Several rows of one key without an order, while rows are updated in place (HOT): nobody gets another order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.e2e.support.bursts import assert_all_same, get, one_by_one, together
from tests.e2e.support.harness import fanin
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Stack
    from tests.e2e.support.harness import RawAnswer

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SQL = Path(__file__).parents[1] / "support" / "row_order.sql"
PATIENT: dict[str, object] = {"merge__deadline_floor": 10.0, "merge__pause_first": 0.001, "merge__pause_max": 0.001}
PHYSICAL = PATIENT | {"merge__ties": "physical"}
LISTS = [get(f"/changing?post_id=eq.{key}&select=id") for key in range(60)]
CHANGED = 3


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
def tables(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute(stack.dsn, SQL.read_text(encoding="utf-8")))
    with postgrest_with(stack, db_schemas="row_order") as made:
        yield made


def write(key: int, how: str) -> bytes:
    """A write that updates the first row of a key in place: by itself, by an upsert, or by a function."""
    method, target, body, more = {
        "PATCH": ("PATCH", f"/changing?id=eq.{key}", f'{{"body":"changed {key}"}}', ""),
        "PUT": ("PUT", f"/changing?id=eq.{key}", f'{{"id":{key},"post_id":{key},"body":"put"}}', ""),
        "POST": (
            "POST",
            "/changing",
            f'{{"id":{key},"post_id":{key},"body":"upserted"}}',
            "Prefer: resolution=merge-duplicates\r\n",
        ),
        "function": ("POST", "/rpc/change", f'{{"post":{key}}}', ""),
    }[how]
    head = f"{method} {target} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def warm(port: int, direct: Sequence[RawAnswer]) -> None:
    """Three bursts of all keys, whose merged call reads the whole table: their order is trusted then."""
    for _ in range(3):
        assert_all_same(LISTS, direct, await together(port, LISTS))


def assert_trap(direct: Sequence[RawAnswer]) -> None:
    body = direct[CHANGED].body
    assert body.index(b":3}") < body.index(b":63}"), "the trap: an index finds it where it was"


@pytest.mark.parametrize("how", ["PATCH", "PUT", "POST", "function"])
async def test_a_row_that_a_client_updated_in_place_is_never_served_in_another_order(tables: Stack, how: str) -> None:
    async with fanin(tables.url, **PHYSICAL, shadow__share=0.0) as sidecar:
        seen = SidecarEvents(sidecar)
        await warm(sidecar.port, await one_by_one(tables.url, LISTS))
        assert seen.outcomes()["merged", ""] >= 20
        (answer,) = await together(sidecar.port, [write(CHANGED, how)])
        assert answer.status in (200, 201, 204)
        direct = await one_by_one(tables.url, LISTS)
        assert_trap(direct)
        for _ in range(3):
            assert_all_same(LISTS, direct, await together(sidecar.port, LISTS))
            await seen.wait_until_idle()


async def test_after_a_write_lists_that_were_compared_again_take_one_call(tables: Stack) -> None:
    async with fanin(tables.url, **PHYSICAL, shadow__share=0.0) as sidecar:
        seen = SidecarEvents(sidecar)
        direct = await one_by_one(tables.url, LISTS)
        await warm(sidecar.port, direct)
        await together(sidecar.port, [write(CHANGED, "PATCH")])
        calls = []
        for _ in range(2):
            before = seen.calls_by_kind()
            assert_all_same(LISTS[20:40], direct[20:40], await together(sidecar.port, LISTS[20:40]))
            calls.append(seen.calls_by_kind() - before)
    assert calls == [{"merged": 1, "probation": 20}, {"merged": 1}]


async def test_a_steady_mix_of_writes_and_reads_ends_in_originals_with_a_reason(tables: Stack) -> None:
    reads, rounds = LISTS[20:32], 30
    async with fanin(tables.url, **PHYSICAL, shadow__share=0.0) as sidecar:
        seen = SidecarEvents(sidecar)
        direct = await one_by_one(tables.url, LISTS)
        await warm(sidecar.port, direct)
        before = seen.calls_by_kind()
        for _ in range(rounds):
            await together(sidecar.port, [write(CHANGED, "PATCH")])
            assert_all_same(reads, direct[20:32], await together(sidecar.port, reads))
    calls = seen.calls_by_kind() - before
    assert seen.outcomes()["passed", "recent-writes"] >= len(reads) * (rounds - 5)
    assert calls["merged"] <= 5
