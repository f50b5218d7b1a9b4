"""Races in which Postgres notifies of writes by others, while PostgREST stalls, connections are lost and settings read
again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import defaultdict
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import asyncpg

from proxy.demo.stack import PostgREST
from proxy.upstream.facts import catalog, write_notifications
from proxy.upstream.facts.write_notifications import WriteListener
from tests.conftest import SECRET, Stack
from tests.e2e.support.harness import fanin
from tests.e2e.support.histories import Notified
from tests.e2e.support.notified import CONNECTIONS, notifying
from tests.e2e.support.racing_loops import SETTINGS, Race
from tests.e2e.support.racing_reads import CACHE, CacheRace
from tests.e2e.support.unusual_types import execute_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proxy.sidecar.sidecar import Sidecar

MARKS = """
create function registers.mark(id integer, version bigint) returns boolean language sql volatile as
  $$ select pg_notify('marks', $1 || ' ' || $2) is not null $$;
grant execute on function registers.mark(integer, bigint) to service_role;
alter table registers.register add constraint marked check (registers.mark(id, version)) not valid;
"""
"""Each version is notified too, in the transaction that writes it: so it is known when fanin was told of the write."""
AGE, LONGEST_STALL, LOSS = 1.0, 0.1, 0.02
"""Seconds: to that age answers are used, so that what came before a loss of the connection is young enough after it."""
BETWEEN_WRITES, BETWEEN_LOSSES = 1.0, 0.6
"""Seconds at most between two writes straight in SQL, and two losses: they leave room for answers that are used."""


class Disturbed(NamedTuple):
    """Registers with triggers, behind a PostgREST that can be stopped."""

    stack: Stack
    postgrest: PostgREST


@contextmanager
def disturbed_registers(stack: Stack) -> Iterator[Disturbed]:
    """The registers, made afresh."""
    asyncio.run(execute_file(stack.dsn, "registers"))
    settings = {"db-schemas": "registers", "db-extra-search-path": "public, extensions"}
    with PostgREST(stack.dsn.replace("//postgres:", "//authenticator:"), secret=SECRET, settings=settings) as postgrest:
        yield Disturbed(Stack(stack.dsn, postgrest.url, stack.token), postgrest)


class NotifiedRace(Race):
    """One run. Those who write are a second fanin's clients and SQL, both seen by notifications only, and clients of
    the fanin that is looked at.
    """

    def __init__(self, disturbed: Disturbed, seed: int, operations: int, versions: dict[int, int]) -> None:
        super().__init__(disturbed.stack, seed, operations, versions, writers=1)
        self.history.max_age = AGE
        self.between_writes = self.between_straight_writes = BETWEEN_WRITES
        self._postgrest = disturbed.postgrest
        self._looked_at: WriteListener | None = None
        self._unstamped: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        """Marks of transactions of whose write fanin was not told yet, by connection."""

    @property
    def over(self) -> bool:
        """Whether enough has happened of everything."""
        history = self.history
        happened = len(history.back) > 1 and history.notified and any(read.from_memo for read in history.reads)
        return super().over and bool(happened)

    async def run(self, **changes: Any) -> Sidecar:
        """Let all race; returns the fanin that was looked at."""
        with ExitStack() as patches:
            self._watch(patches)
            async with self._notified():
                young = {"prefetch__max_age": AGE, "cache__fresh": AGE}
                return await super().run(**(changes | young), db_uri=self._stack.dsn)

    @asynccontextmanager
    async def _notified(self) -> AsyncIterator[None]:
        connection = await asyncpg.connect(self._stack.dsn)
        try:
            await connection.execute(MARKS)
            async with notifying(self._stack.dsn, "registers.register"):
                yield
        finally:
            await connection.execute(
                "alter table registers.register drop constraint marked; drop function registers.mark(integer, bigint)"
            )
            await connection.close()

    def _disturb(self, sidecar: Sidecar, tasks: asyncio.TaskGroup) -> None:
        self._looked_at = sidecar.write_listener
        tasks.create_task(self._other_fanin())
        tasks.create_task(self._stalls())
        tasks.create_task(self._loses_connections())
        tasks.create_task(self._reloads(sidecar))

    async def _other_fanin(self) -> None:
        """Another fanin, and who writes through it."""
        async with fanin(self._stack.url, **(SETTINGS | CACHE | {"db_uri": self._stack.dsn})) as other:
            await self._writes(1, other.port)

    # Disturbances.

    async def _stalls(self) -> None:
        """PostgREST is stopped in the middle of reads."""
        while not self.over:
            await asyncio.sleep(self._chance.random() * 0.5)
            os.kill(self._postgrest.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(self._chance.random() * LONGEST_STALL)
            finally:
                os.kill(self._postgrest.pid, signal.SIGCONT)

    async def _loses_connections(self) -> None:
        connection = await asyncpg.connect(self._stack.dsn)
        try:
            while not self.over:
                await asyncio.sleep(self._chance.random() * BETWEEN_LOSSES)
                await connection.execute(f"select pg_terminate_backend(pid) {CONNECTIONS}")
                await self._write_straight(connection, 2)  # of which nobody is notified
        finally:
            await connection.close()

    async def _reloads(self, sidecar: Sidecar) -> None:
        while not self.over:
            await asyncio.sleep(self._chance.random() * 0.8)
            sidecar.apply_settings(sidecar.settings)

    # What fanin was told, and when.

    def _watch(self, patches: ExitStack) -> None:
        """Record when the fanin that is looked at has dropped for a notification, lost them, and got them again."""
        names = {
            "_on_notification": self._record_notification,
            "_lose": self._record_loss,
            "_resume": self._record_back,
        }
        for name, record in names.items():
            followed = _followed_by(getattr(WriteListener, name), record)
            patches.enter_context(mock.patch.object(WriteListener, name, followed))
        patches.enter_context(mock.patch.object(write_notifications, "FIRST_RETRY", LOSS))
        patches.enter_context(mock.patch.object(write_notifications, "connect", self._connect))

    async def _connect(self, uri: str, seconds: float, name: str) -> Any:
        connection = await catalog.connect(uri, seconds, name)
        try:
            await connection.add_listener("marks", self._on_mark)
        except BaseException:
            connection.terminate()  # it was closed meanwhile, or fanin stops
            raise
        return connection

    def _on_mark(self, connection: object, _pid: int, _channel: str, payload: object) -> None:
        key, version = map(int, str(payload).split())
        self._unstamped[id(connection)].append((key, version))

    def _record_notification(self, listener: WriteListener, connection: object, *_: object) -> None:
        """The marks of a transaction come before the notification of its write, on the same connection."""
        now, marks = time.monotonic(), self._unstamped.pop(id(connection), [])
        if listener is self._looked_at:
            self.history.notified += [Notified(key, version, now) for key, version in marks]

    def _record_loss(self, listener: WriteListener) -> None:
        if listener is self._looked_at and len(self.history.lost) == len(self.history.back):
            self.history.lost.append(time.monotonic())

    def _record_back(self, listener: WriteListener) -> None:
        if listener is self._looked_at and len(self.history.lost) > len(self.history.back):
            self.history.back.append(time.monotonic())


class NotifiedCacheRace(NotifiedRace, CacheRace):
    """The same with reads of a few rows, whose answers are kept."""


def _followed_by(original: Any, record: Any) -> Any:
    def both(self: WriteListener, *arguments: Any) -> None:
        original(self, *arguments)
        record(self, *arguments)

    return both
