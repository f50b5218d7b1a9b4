"""While the network and upstream fail nothing hangs, nobody gets another caller's rows, and no write is made twice."""

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
from tests.e2e.support.faulty_network import FaultyNetwork
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.stress_clients import HANG_TIMEOUT, StressClients

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

SECONDS = float(os.environ.get("FAULT_SECONDS", "15"))
SEED = int(os.environ.get("FAULT_SEED", "0")) or secrets.randbelow(10**9)
CLIENTS = 24
TABLE = """
drop table if exists unusual.stress_writes;
create table unusual.stress_writes (id uuid not null, owner text not null);
grant insert on unusual.stress_writes to anon;
"""


class RestartedPostgREST:
    """A PostgREST behind a bad network, which is killed and started again from time to time."""

    def __init__(self, dsn: str, network: FaultyNetwork) -> None:
        self.kills = 0
        self.over = asyncio.Event()
        self._dsn = dsn.replace("//postgres:", "//authenticator:")
        self._network = network
        self._server: PostgREST | None = None

    async def start(self) -> None:
        made = PostgREST(self._dsn, secret=SECRET, settings={"db-schemas": "unusual"})
        self._server = await asyncio.to_thread(made.__enter__)
        await self._network.start(self._server.port)

    async def kill(self) -> None:
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGKILL)
        self._network.stop()
        await asyncio.to_thread(self._server.__exit__, None, None, None)
        self.kills += 1

    async def restart_until_over(self) -> None:
        """Up for a while, then down for less; until the test is over."""
        while not self.over.is_set():
            await self.start()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), SECONDS / 4)
            await self.kill()
            await asyncio.sleep(0.3)


async def test_while_the_network_and_upstream_fail_every_answer_is_right_and_nothing_hangs(
    unusual: Stack, tell: Callable[[str], None]
) -> None:
    connection = await asyncpg.connect(unusual.dsn)
    try:
        await connection.execute(TABLE)
        await send_through_faults(connection, unusual.dsn, tell)
    finally:
        await connection.close()


async def send_through_faults(
    connection: asyncpg.Connection[asyncpg.Record], dsn: str, tell: Callable[[str], None]
) -> None:
    rows: dict[str, dict[int, str]] = {}
    for row in await connection.fetch("select id, owner, secret from unusual.mine"):
        rows.setdefault(row["owner"], {})[row["id"]] = row["secret"]
    tasks = len(asyncio.all_tasks())
    short_timeouts = {"timeouts__connect": 1.0, "timeouts__upstream_head": 1.0, "timeouts__upstream_idle": 1.0}
    async with FaultyNetwork(SEED) as network:
        upstream = RestartedPostgREST(dsn, network)
        async with fanin(network.url, drain__timeout=HANG_TIMEOUT, **short_timeouts) as sidecar:
            clients, restarts = (
                StressClients(sidecar.port, rows, SEED),
                asyncio.create_task(upstream.restart_until_over()),
            )
            await clients.run(CLIENTS, SECONDS)
            upstream.over.set()
            await restarts
            await until(lambda: not gauges(sidecar)["client_connections"])
            held = {name: gauges(sidecar)[name] for name in ("requests_in_flight", "open_windows", "waiting")}
    report = f"FAULT_SEED={SEED}: {dict(clients.answers)}, faults {dict(network.faults)}, {upstream.kills} kills"
    tell(report)
    found = await connection.fetch("select id::text, count(*) from unusual.stress_writes group by id")
    assert clients.hung == [], report
    assert clients.wrong == [], report
    assert clients.wrong_writes({row["id"]: row["count"] for row in found}) == [], report
    assert set(held.values()) == {0}, report
    assert len(asyncio.all_tasks()) <= tasks, report
    for kind in ("200", "502", "write done", "write unknown", "write never sent", "left", "slowly read"):
        assert clients.answers[kind], f"{kind} never came: {report}"
