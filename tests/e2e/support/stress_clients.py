"""Clients of several kinds that know what each answer has to be, and record what each write was answered."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from proxy.demo.stack import service_token
from proxy.errors.codes import NOT_SENT_CODES
from tests.conftest import SECRET
from tests.e2e.support.bursts import get
from tests.e2e.support.raw_client import RawAnswer, RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OWNERS = ("ann", "bob", "cid")
TOKENS = {owner: service_token(SECRET, {"role": "anon", "sub": owner}) for owner in OWNERS}
HANG_TIMEOUT = 15.0
"""Seconds after which a request is taken to hang: fanin's own timeouts are shorter, fallbacks included."""
IDS = range(1, 61)
MERGED = "/mine?select=id,owner,secret&id=eq.{}"


class StressClients:
    """What came of all requests. ``rows`` has each owner's secrets by id."""

    def __init__(self, port: int, rows: Mapping[str, Mapping[int, str]], seed: int) -> None:
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.hung: list[str] = []
        self.written: dict[str, str] = {}
        """By the id of a write, what its writer was told: ``done``, ``never sent`` or ``unknown``."""
        self.stopping = False
        self._port = port
        self._rows = rows
        self._chance = random.Random(seed)

    async def run(self, clients: int, seconds: float) -> None:
        """``clients`` at once, for so long."""
        tasks = [asyncio.create_task(self._client()) for _ in range(clients)]
        await asyncio.sleep(seconds)
        self.stopping = True
        await asyncio.gather(*tasks)

    async def _client(self) -> None:
        kinds = (self._fan_out, self._read, self._write, self._slow_reader, self._gone)
        while not self.stopping:
            kind = self._chance.choices(kinds, (3, 2, 6, 1, 1))[0]
            try:
                async with asyncio.timeout(HANG_TIMEOUT):
                    await kind(self._chance.choice(OWNERS))
            except TimeoutError:
                self.hung.append(kind.__name__)
            except OSError:
                self.answers["no connection"] += 1

    # Reads.

    async def _fan_out(self, owner: str) -> None:
        ids = self._chance.sample(IDS, self._chance.randint(2, 20))
        await asyncio.gather(*(self._ask(owner, id_) for id_ in ids))

    async def _read(self, owner: str) -> None:
        await self._ask(owner, self._chance.choice(IDS))

    async def _ask(self, owner: str, id_: int) -> None:
        async with RawClient(self._port) as client:
            await client.send(_request(owner, id_))
            self._judge(owner, [id_], await _answer(client))

    async def _slow_reader(self, owner: str) -> None:
        """Reads a large answer a little at a time."""
        async with RawClient(self._port) as client:
            lines = (f"Authorization: Bearer {TOKENS[owner]}", "Connection: close")
            await client.send(get("/large?select=id,body&order=id", *lines))
            while await client.reader.read(20_000):  # noqa: ASYNC110 – slowly
                await asyncio.sleep(0.005)
            self.answers["slowly read"] += 1

    async def _gone(self, owner: str) -> None:
        """Leaves before the answer comes."""
        async with RawClient(self._port) as client:
            await client.send(_request(owner, self._chance.choice(IDS)))
            await asyncio.sleep(self._chance.uniform(0, 0.01))
            client.abort()
            self.answers["left"] += 1

    def _judge(self, owner: str, ids: Sequence[int], answer: RawAnswer | None) -> None:
        if answer is None or not answer.complete:
            self.answers["broken off"] += 1
            return
        self.answers[str(answer.status)] += 1
        if answer.status != 200:
            if answer.status not in (500, 502, 503, 504):
                self.wrong.append(f"{answer.status}: {answer.body[:200]!r}")
            return
        mine = self._rows[owner]
        expected = [{"id": id_, "owner": owner, "secret": mine[id_]} for id_ in ids if id_ in mine]
        if json.loads(answer.body) != expected:
            self.wrong.append(f"{owner} asked for {ids} and got {answer.body[:200]!r}")

    # Writes.

    async def _write(self, owner: str) -> None:
        id_ = str(uuid.uuid4())
        self.written[id_] = "unknown"
        body = json.dumps({"id": id_, "owner": owner}).encode()
        head = f"POST /stress_writes HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {TOKENS[owner]}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        async with RawClient(self._port) as client:
            await client.send(head.encode() + body)
            answer = await _answer(client)
        if answer is not None and answer.complete:
            self.written[id_] = _result_of_write(answer)
        self.answers[f"write {self.written[id_]}"] += 1

    def wrong_writes(self, found: Mapping[str, int]) -> list[str]:
        """What is wrong with the writes, by how often Postgres has each."""
        by_result: dict[str, set[str]] = defaultdict(set)
        for id_, what in self.written.items():
            by_result[what].add(id_)
        twice = [id_ for id_, count in found.items() if count > 1]
        return [
            *(f"written twice: {id_}" for id_ in twice),
            *(f"acknowledged and not written: {id_}" for id_ in by_result["done"] - set(found)),
            *(f"said never to be sent, and written: {id_}" for id_ in by_result["never sent"] & set(found)),
            *(f"written and not asked for: {id_}" for id_ in set(found) - set(self.written)),
        ]


def _result_of_write(answer: RawAnswer) -> str:
    if answer.status == 201:
        return "done"
    problem = json.loads(answer.body) if answer.body else {}
    return "never sent" if problem.get("code") in NOT_SENT_CODES else "unknown"


def _request(owner: str, id_: int) -> bytes:
    return get(MERGED.format(id_), f"Authorization: Bearer {TOKENS[owner]}")


async def _answer(client: RawClient) -> RawAnswer | None:
    try:
        return await client.answer()
    except AssertionError:  # the connection closed without an answer
        return None
