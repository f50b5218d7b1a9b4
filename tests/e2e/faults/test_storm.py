"""Under faults of every kind nothing hangs, no rows reach a stranger, no write is made twice, nothing is left over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.admin.gauges import gauges
from proxy.demo.stack import PostgREST
from tests.conftest import SECRET
from tests.e2e.support.faulty_network import Chaos
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.storm_clients import HUNG, Storm
from tests.e2e.support.unusual_types import odd_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

SECONDS = float(os.environ.get("STORM_SECONDS", "15"))
SEED = int(os.environ.get("STORM_SEED", "0")) or secrets.randbelow(10**9)
CLIENTS = 24
TABLE = """
drop table if exists odd.storm;
create table odd.storm (id uuid not null, owner text not null);
grant insert on odd.storm to anon;
"""


class Mortal:
    """A PostgREST behind a bad network, which is killed and started again from time to time."""

    def __init__(self, dsn: str, chaos: Chaos) -> None:
        self.deaths = 0
        self.over = asyncio.Event()
        self._dsn = dsn.replace("//postgres:", "//authenticator:")
        self._chaos = chaos
        self._server: PostgREST | None = None

    async def live(self) -> None:
        made = PostgREST(self._dsn, secret=SECRET, settings={"db-schemas": "odd"})
        self._server = await asyncio.to_thread(made.__enter__)
        await self._chaos.begin(self._server.port)

    async def die(self) -> None:
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGKILL)
        self._chaos.end()
        await asyncio.to_thread(self._server.__exit__, None, None, None)
        self.deaths += 1

    async def life(self) -> None:
        """Up for a while, then down for less; until the storm is over."""
        while not self.over.is_set():
            await self.live()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), SECONDS / 4)
            await self.die()
            await asyncio.sleep(0.3)


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        yield made


async def test_a_storm_is_weathered(odd: Stack, tell: Callable[[str], None]) -> None:
    connection = await asyncpg.connect(odd.dsn)
    try:
        await connection.execute(TABLE)
        await weather(connection, odd.dsn, tell)
    finally:
        await connection.close()


async def weather(connection: asyncpg.Connection[asyncpg.Record], dsn: str, tell: Callable[[str], None]) -> None:
    rows: dict[str, dict[int, str]] = {}
    for row in await connection.fetch("select id, owner, secret from odd.mine"):
        rows.setdefault(row["owner"], {})[row["id"]] = row["secret"]
    tasks = len(asyncio.all_tasks())
    patience = {"timeouts__connect": 1.0, "timeouts__upstream_head": 1.0, "timeouts__upstream_idle": 1.0}
    async with Chaos(SEED) as chaos:
        mortal = Mortal(dsn, chaos)
        async with fanin(chaos.url, drain__timeout=HUNG, **patience) as sidecar:
            storm, life = Storm(sidecar.port, rows, SEED), asyncio.create_task(mortal.life())
            await storm.run(CLIENTS, SECONDS)
            mortal.over.set()
            await life
            await until(lambda: not gauges(sidecar)["client_connections"])
            held = {name: gauges(sidecar)[name] for name in ("requests_in_flight", "open_windows", "waiting")}
    told = f"STORM_SEED={SEED}: {dict(storm.answers)}, faults {dict(chaos.done)}, {mortal.deaths} deaths"
    tell(told)
    found = await connection.fetch("select id::text, count(*) from odd.storm group by id")
    assert storm.hung == [], told
    assert storm.wrong == [], told
    assert storm.books({row["id"]: row["count"] for row in found}) == [], told
    assert set(held.values()) == {0}, told
    assert len(asyncio.all_tasks()) <= tasks, told
    for kind in ("200", "502", "write done", "write unknown", "write never sent", "left", "slowly read"):
        assert storm.answers[kind], f"{kind} never came: {told}"
