"""Loops and writers that race through one fanin, over a link whose delay is drawn at random."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import asyncpg

from proxy.merging.kept import prefetcher
from tests.e2e.support.delayed_link import delayed_link
from tests.e2e.support.harness import RawClient, fanin
from tests.e2e.support.histories import History, Read, Write
from tests.e2e.support.unusual_types import schema_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

OPERATIONS = 1500
"""Of one run, at least."""
MOST_RUNS = 15
"""Runs in which a planted fault has to be found."""
KEYS = 40
READERS, WRITERS = 6, 3
MAX_AGE = 0.3
"""Seconds: short, so that answers become too old in a run of some seconds."""
LONGEST_DELAY, SLOW_SHARE, SLOWER = 0.006, 0.08, 8
"""Seconds of the longest usual delay; a share of the pieces takes up to so many times as long, and others overtake."""
LONGEST_PAUSE = 0.4
"""Seconds between two writes of one writer: they leave room for answers that are used."""
SETTINGS: dict[str, Any] = {
    "rules__fan002": "rewrite",
    "prefetch__max_age": MAX_AGE,
    "catalog__schemas": ["registers"],
    "merge__deadline_floor": 10.0,
    "headers": "on",
}


@contextmanager
def registers(stack: Stack) -> Iterator[Stack]:
    """The registers, made afresh, behind a PostgREST of their own."""
    with schema_of_file(stack, "registers", "registers") as made:
        yield made


class Race:
    """One run: ``operations`` at least, whose history grows while it goes on."""

    def __init__(
        self, stack: Stack, seed: int, operations: int, versions: dict[int, int], writers: int = WRITERS
    ) -> None:
        """``versions`` are the last ones of each key, which go on from run to run; ``writers`` write through fanin."""
        self.history = History(MAX_AGE, writes=[Write(key, last, 0.0, 0.0, True) for key, last in versions.items()])
        self._writers = writers
        self._stack = stack
        self._chance = random.Random(seed)
        self._operations = operations
        self._versions = versions
        self.port = 0
        self.between_writes, self.between_straight_writes = LONGEST_PAUSE, 0.03
        """Seconds at most between two writes of one writer."""

    @property
    def over(self) -> bool:
        """Whether there were enough operations."""
        return len(self.history) >= self._operations

    async def run(self, **changes: Any) -> Sidecar:
        """Let all race; returns the fanin that they raced through."""
        with mock.patch.object(prefetcher, "keys_ahead", _always_some):
            return await self._run(**changes)

    async def _run(self, **changes: Any) -> Sidecar:
        async with (
            delayed_link(self._stack.url, self._delay) as link,
            fanin(link, **(SETTINGS | changes)) as sidecar,
            asyncio.TaskGroup() as tasks,
        ):
            self.port = sidecar.port
            setattr(sidecar.memories.flows, "is_paused", lambda *_: False)  # noqa: B010 – a method's place
            for number in range(READERS):
                tasks.create_task(self._loops(f"reader {number % 2}", f"page {number // 2}"))
            for number in range(self._writers):
                tasks.create_task(self._writes(number))
            tasks.create_task(self._writes_straight(WRITERS))
            self._disturb(sidecar, tasks)
        return sidecar

    def _disturb(self, sidecar: Sidecar, tasks: asyncio.TaskGroup) -> None:
        """Start what else happens in a race."""

    def _delay(self) -> float:
        slower = SLOWER if self._chance.random() < SLOW_SHARE else 1
        return self._chance.random() * LONGEST_DELAY * slower

    # Readers.

    async def _loops(self, reader: str, page: str) -> None:
        """Loop after loop over the list, some of which break off; two readers share each trace."""
        async with RawClient(self.port) as client:
            loop = 0
            while not self.over:
                loop += 1
                lines = (f"X-Reader: {reader}", f"X-Fanin-Trace: {page} {loop // 2}")
                answer = await self._ask(client, "GET", f"/register?select=id&order=id&limit={KEYS}", lines)
                length = KEYS if self._chance.random() < 0.7 else self._chance.randrange(1, KEYS)
                pausing = self._chance.random() < 0.3
                for row in json.loads(answer[1])[:length]:
                    await self._read(client, row["id"], lines, reader)
                    if pausing and self._chance.random() < 0.1:
                        await asyncio.sleep(self._chance.random() * 2 * MAX_AGE)

    async def _read(self, client: RawClient, key: int, lines: tuple[str, ...], reader: str) -> None:
        began = time.monotonic()
        head, body = await self._receive(client, key, lines)
        (row,) = json.loads(body)
        from_memo = b"\r\nX-Fanin: prefetched" in head or b"\r\nX-Fanin: cached" in head
        self.history.reads.append(
            Read(key, row["version"], began, time.monotonic(), reader, row["reader"], row["id"], from_memo)
        )

    async def _receive(self, client: RawClient, key: int, lines: tuple[str, ...]) -> tuple[bytes, bytes]:
        return await self._ask(client, "GET", f"/reading?id=eq.{key}", lines)

    # Writers.

    async def _writes(self, number: int, port: int = 0) -> None:
        """Writes by the table, or by a function, with another identity than the readers', through fanin, or through the
        one at ``port``.
        """
        async with RawClient(port or self.port) as client:
            while not self.over:
                key = self._key_of(number)
                version = self._versions[key] = self._versions[key] + 1
                by_table = self._chance.random() < 0.7
                body = f'{{"version":{version}}}' if by_table else f'{{"id":{key},"version":{version}}}'
                lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", f"X-Reader: writer {number}")
                began = time.monotonic()
                target = f"/register?id=eq.{key}" if by_table else "/rpc/set_version"
                await self._ask(client, "PATCH" if by_table else "POST", target, lines, body)
                self.history.writes.append(Write(key, version, began, time.monotonic(), not port))
                await asyncio.sleep(self._chance.random() * self.between_writes)

    async def _writes_straight(self, number: int) -> None:
        """Writes that do not go through fanin."""
        connection = await asyncpg.connect(self._stack.dsn)
        try:
            while not self.over:
                await self._write_straight(connection, number)
                await asyncio.sleep(self._chance.random() * self.between_straight_writes)
        finally:
            await connection.close()

    async def _write_straight(self, connection: asyncpg.Connection[Any], number: int) -> None:
        key = self._key_of(number)
        version = self._versions[key] = self._versions[key] + 1
        began = time.monotonic()
        await connection.execute("update registers.register set version = $2 where id = $1", key, version)
        self.history.writes.append(Write(key, version, began, time.monotonic(), False))

    def _key_of(self, writer: int) -> int:
        """A key that only this writer writes."""
        return self._chance.randrange(KEYS // (WRITERS + 1)) * (WRITERS + 1) + writer + 1

    async def _ask(
        self, client: RawClient, method: str, target: str, lines: tuple[str, ...], body: str = ""
    ) -> tuple[bytes, bytes]:
        head = (f"{method} {target} HTTP/1.1", "Host: h", f"Authorization: Bearer {self._stack.token}", *lines, "")
        await client.send("".join(f"{line}\r\n" for line in head).encode() + body.encode())
        answer = await client.answer(method.encode())
        assert answer.status in (200, 204, 304), answer
        return answer.head, answer.body


def _always_some(_last: int, _used: int, most: int) -> int:
    """Loops fetch ahead whatever they made of what they fetched before: what is wasted here is not the point."""
    return min(10, most)


def new_versions() -> dict[int, int]:
    """The versions of registers that were made afresh."""
    return dict.fromkeys(range(1, KEYS + 1), 0)
