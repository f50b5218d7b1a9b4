"""What the catalog knows to be unsafe is not merged, and where that is unsafe too, equal reads share no call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.commands.main import main
from tests.e2e.support.bursts import get, together
from tests.e2e.support.harness import ask, fanin, until
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import postgrest_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
SQL = Path(__file__).parents[1] / "support" / "hazards.sql"
CHANNEL = "pgrst_hazards"


@pytest.fixture(scope="module")
def hazards(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute(stack.dsn, SQL.read_text(encoding="utf-8")))
    with postgrest_with(stack, db_schemas="hazards", db_channel=CHANNEL) as made:
        yield made
    asyncio.run(execute(stack.dsn, "drop server elsewhere cascade; drop schema hazards cascade"))


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def catalog(stack: Stack) -> dict[str, object]:
    known = {"db_uri": stack.dsn, "catalog__schemas": ["hazards"], "catalog__channel": CHANNEL}
    return {"merge__deadline_floor": 10.0, "headers": "on", **known}


async def reason_of(sidecar: Sidecar, target: str) -> str:
    """Why one request was not merged; empty if it only was alone."""
    (told,) = (await ask(sidecar.port, get(target))).values(b"x-fanin")
    return told.partition(b"reason=")[2].decode()


UNSAFE = {
    "foreign-table": (
        *("/far?id=eq.1", "/far_view?id=eq.1", "/far_twice?id=eq.1", "/far_in_subquery?id=eq.1", "/parted?id=eq.1"),
        *("/parted_far?id=eq.1", "/over_parted?id=eq.1", "/parent?id=eq.1"),
    ),
    "volatile-view": (
        *("/ticket?token=eq.1", "/ticket_view?id=eq.1", "/some_rows?id=eq.1", "/clocked?id=eq.1", "/shuffled?id=eq.1"),
        *("/in_cte?id=eq.1", "/sampled?id=eq.1", "/calls_unmarked?id=eq.1", "/by_operator?id=eq.1"),
        *("/by_aggregate?total=eq.1", "/listed?id=eq.1", "/base_ticket?id=eq.1"),
        "/child?id=eq.1&select=id,tickets(*)",
        "/child?id=eq.1&select=id,t:tickets!inner(*)",
        "/child?id=eq.1&select=id,base_ticket(token)",
        "/child?id=eq.1&select=id,some_rows!child_base(title)",
        "/child?id=eq.1&select=id,child_base(title)",
        "/child?id=eq.1&select=id,b:base_id(title)",
        "/child?id=eq.1&select=id,b:base%5Fid(title)",
    ),
    "volatile-policy": ("/guarded?id=eq.1", "/guarded_view?id=eq.1"),
    "security-barrier": ("/fenced?id=eq.1", "/fenced_view?id=eq.1"),
    "rules": ("/ruled?id=eq.1",),
    "volatile-column": (
        *("/base?id=eq.1&select=id,token", "/base?id=eq.1&order=token", "/base?id=eq.1&select=id,t:token"),
        *(
            "/base?id=eq.1&select=id,%74oken",
            "/child?id=eq.1&select=id,base(token)",
            "/base?id=eq.1&or=(token.is.null)",
        ),
    ),
}
SAFE = (
    *("/base?id=eq.1", "/base?id=eq.1&select=id,tag", "/plain?id=eq.1", "/plain_on_plain?id=eq.1", "/copied?id=eq.1"),
    *("/parted_near?id=eq.1", "/sampled_alike?id=eq.1", "/calls_marked?id=eq.1", "/windowed?id=eq.1"),
    *("/well_guarded?id=eq.1", "/unguarded?id=eq.1", "/ruled_view?id=eq.1", "/open?id=eq.1"),
    *("/child?id=eq.1&select=id,bases(title)", "/child?id=eq.1", "/child?id=eq.1&select=id,base(title,tag)"),
)


async def test_what_the_catalog_knows_to_be_unsafe_is_not_merged_and_its_neighbours_are(hazards: Stack) -> None:
    async with fanin(hazards.url, **catalog(hazards)) as sidecar:
        found = {target: await reason_of(sidecar, target) for targets in UNSAFE.values() for target in targets}
        assert found == {target: reason for reason, targets in UNSAFE.items() for target in targets}
        assert {target: await reason_of(sidecar, target) for target in SAFE} == dict.fromkeys(SAFE, "")


@pytest.mark.parametrize("target", ["/ticket", "/base?select=id,token&id=eq.1", "/child?select=tickets(token)&id=eq.1"])
async def test_no_two_equal_reads_share_what_differs_each_time(hazards: Stack, target: str) -> None:
    async with fanin(hazards.url, **catalog(hazards)) as sidecar:
        bodies = [answer.body for answer in await together(sidecar.port, [get(target)] * 12)]
    assert len(set(bodies)) == 12


async def test_equal_reads_share_what_may_only_not_be_merged(hazards: Stack) -> None:
    async with fanin(hazards.url, **catalog(hazards)) as sidecar:
        seen = SidecarEvents(sidecar)
        await together(sidecar.port, [get("/fenced?id=eq.1")] * 12)
        assert seen.outcomes()["shared", ""] >= 10


async def test_a_view_that_becomes_volatile_is_refused_with_the_schema_and_not_after_it(hazards: Stack) -> None:
    async with fanin(hazards.url, **catalog(hazards)) as sidecar:
        assert await reason_of(sidecar, "/plain?id=eq.1") == ""
        notify = f"notify {CHANNEL}, 'reload schema'"
        reads = sidecar.upstream_state.unsafe_reads

        async def replace(view: str) -> None:
            before = reads._hazards
            await execute(hazards.dsn, f"create or replace view hazards.plain as {view}; {notify}")
            await until(lambda: reads._hazards is not before)

        try:
            await replace("select id, title, kind || random() as kind from hazards.base")
            assert await reason_of(sidecar, "/plain?id=eq.1") == "volatile-view"
            assert await reason_of(sidecar, "/plain_on_plain?id=eq.1") == "volatile-view"
        finally:
            await replace("select * from hazards.base")
        assert await reason_of(sidecar, "/plain?id=eq.1") == ""


async def test_what_is_known_to_be_unsafe_stays_so_while_the_catalog_cannot_be_read(hazards: Stack) -> None:
    async with fanin(hazards.url, **catalog(hazards)) as sidecar:
        seen = SidecarEvents(sidecar)
        end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fanin'"
        await execute(hazards.dsn, end)
        await until(lambda: not sidecar.upstream_state.column_types.columns.known(("hazards.base", ""), 0.0))
        assert await reason_of(sidecar, "/ticket?token=eq.1") == "volatile-view"
        assert seen.outcomes()["passed", "volatile-view"] == 1


@pytest.mark.parametrize(
    ("target", "reason", "detail"),
    [
        (
            "/ticket_view?id=eq.1",
            "volatile-view",
            "reads hazards.ticket, which calls gen_random_uuid, which is volatile",
        ),
        ("/parted?id=eq.1", "foreign-table", "hazards.parted reads hazards.parted_far, which is a foreign table"),
        ("/base?id=eq.1&select=id,token", "volatile-column", "hazards.token(hazards.base) is volatile"),
        ("/guarded?id=eq.1", "volatile-policy", "has a policy that calls hazards.unmarked, which is volatile"),
    ],
)
def test_explain_says_what_the_catalog_knows(
    hazards: Stack, capsys: pytest.CaptureFixture[str], target: str, reason: str, detail: str
) -> None:
    settings = ["--db-uri", hazards.dsn, "--set", "catalog.schemas=hazards"]
    assert main(["explain", *settings, f"GET {target}"]) == 0
    told = capsys.readouterr().out
    assert f"no: {reason}" in told
    assert detail in told
    assert main(["explain", *settings, "GET /base?id=eq.1"]) == 0
    assert "id is integer, and unique" in capsys.readouterr().out
