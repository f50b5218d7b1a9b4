"""A burst through fanin compared with the same requests sent alone to PostgREST; Postgres counts the statements."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import asyncpg

from proxy.observe.events import Event, UpstreamCalled
from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets, statement_counter
from tests.e2e.support.harness import ask, fanin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Stack
    from tests.e2e.support.raw_client import RawAnswer

NO_PAUSES = {"merge__deadline_floor": 10.0, "merge__pause_first": 1e-6, "merge__pause_max": 1e-6}
"""No deadline, and no pause after a failure: each burst is merged again if it can be."""


class Comparison(NamedTuple):
    """PostgREST's answers, which are fanin's too, and the statements that each burst through fanin took."""

    answers: list[RawAnswer]
    statements: list[int]


def reads_of(table: str, literals: Sequence[str], *lines: str, key: str = "k") -> list[bytes]:
    """A request for each literal of the column ``key``."""
    return [get(f"/{table}?{key}=eq.{quote(literal, safe='')}", *lines) for literal in literals]


def reads_of_num(numbers: Sequence[int], more: str = "", *lines: str) -> list[bytes]:
    """A request for each number of `num`."""
    return [get(f"/num?id=eq.{n}{more}", *lines) for n in numbers]


def row_count(answer: RawAnswer) -> int:
    """How many rows it has."""
    return len(json.loads(answer.body))


async def compare_with_direct(
    stack: Stack, requests: Sequence[bytes], rounds: int = 3, **changes: object
) -> Comparison:
    """``requests`` in ``rounds`` bursts through one fanin, which may have learnt something after the first."""
    direct = [await ask(stack.url, request) for request in requests]  # after a HEAD PostgREST closes
    taken = []
    async with (
        statement_counter(stack.dsn) as counter,
        fanin(stack.url, **(NO_PAUSES | changes)) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        for _ in range(rounds):
            await counter.reset()
            through = await burst(clients, requests)
            taken.append(await counter.statements())
            assert_all_same(requests, direct, through)
    return Comparison(direct, taken)


def write_request(method: str, target: str, body: str, *lines: str) -> bytes:
    """The bytes of a request with a JSON body."""
    sent = body.encode()
    head = (f"{method} {target} HTTP/1.1", "Host: h", "Content-Type: application/json", f"Content-Length: {len(sent)}")
    return "".join(f"{line}\r\n" for line in (*head, *lines, "")).encode() + sent


async def compare_writes_with_direct(stack: Stack, requests: Sequence[bytes], fill: str, table: str) -> list[RawAnswer]:
    """PostgREST's answers to writes, each of which went through fanin as it came and left the same rows behind.

    ``fill`` is run before each of the two times; ``table`` is what they change.
    """
    calls: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, UpstreamCalled):
            calls.append(event.kind)

    async with statement_counter(stack.dsn) as counter, fanin(stack.url, **NO_PAUSES) as sidecar:
        sidecar._events.subscribe(watch)
        await _execute(stack, fill)
        await counter.reset()
        direct = await one_by_one(stack.url, requests)
        alone, left = await counter.writes(), await _rows(stack, table)
        await _execute(stack, fill)
        await counter.reset()
        async with sockets(sidecar.port, len(requests)) as clients:
            through = await burst(clients, requests)
        assert await counter.writes() == alone
        assert await _rows(stack, table) == left
    assert_all_same(requests, direct, through)
    assert calls == ["original"] * len(requests)
    return direct


async def _execute(stack: Stack, sql: str) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _rows(stack: Stack, table: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(stack.dsn)
    try:
        return list(await connection.fetch(f"select * from {table} order by 1"))
    finally:
        await connection.close()
