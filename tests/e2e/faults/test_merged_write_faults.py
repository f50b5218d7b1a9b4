"""Merged writes: each caller is told what became of its row, or that it is unknown; nothing is written twice."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import pytest

from proxy.demo.stack import PostgREST
from tests.conftest import SECRET
from tests.e2e.support.bursts import assert_all_same, burst, one_by_one, sockets
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.held_link import held_link
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import execute_file, postgrest_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack
    from tests.e2e.support.harness import RawAnswer, RawClient
    from tests.e2e.support.held_link import HeldLink

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
ROWS = (3, 12, 7, 30, 4, 9, 16, 2)
UNKNOWN = b'"code":"FANIN511"'
AFRESH = "truncate faulted.row, faulted.log; insert into faulted.row select g, 'old', g from generate_series(1, 40) g"
HOLD = "select pg_advisory_lock(4711)"


@pytest.fixture(scope="module")
def served(stack: Stack) -> Iterator[Stack]:
    asyncio.run(execute_file(stack.dsn, "merged_write_faults"))
    with postgrest_with(stack, db_schemas="faulted") as made:
        yield made


@pytest.fixture
async def tables(served: Stack) -> Stack:
    await execute(served, AFRESH)
    return served


async def execute(tables: Stack, statement: str) -> None:
    connection = await asyncpg.connect(tables.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class Found(NamedTuple):
    """What is in the tables."""

    names: dict[int, str]
    written: list[int]
    """The rows of all writes that were committed, each as often as it was written."""


async def found(tables: Stack) -> Found:
    connection = await asyncpg.connect(tables.dsn)
    try:
        rows = await connection.fetch("select id, name from faulted.row where id = any($1)", list(ROWS))
        log = await connection.fetch("select id from faulted.log order by id")
        return Found({row["id"]: row["name"] for row in rows}, [row["id"] for row in log])
    finally:
        await connection.close()


def patches(tables: Stack, name: str, rows: Sequence[int] = ROWS, prefer: str = "return=minimal") -> list[bytes]:
    body = f'{{"name":"{name}"}}'
    lines = f"Authorization: Bearer {tables.token}\r\nPrefer: {prefer}\r\nContent-Type: application/json"
    head = "PATCH /row?id=eq.{} HTTP/1.1\r\nHost: h\r\n" + f"{lines}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    return [head.replace("{}", str(row), 1).encode() for row in rows]


@asynccontextmanager
async def merging(
    tables: Stack, upstream: str, count: int = len(ROWS)
) -> AsyncIterator[tuple[Sidecar, list[RawClient]]]:
    """A fanin that merges writes, and clients of it."""
    flags = {"db_uri": tables.dsn, "catalog__schemas": ["faulted"], "merge__deadline_floor": 60.0}
    async with (
        fanin(upstream, rules__fan004="rewrite", merge__linger=0.05, **flags) as sidecar,
        sockets(sidecar.port, len(ROWS)) as clients,
    ):
        yield sidecar, clients


@asynccontextmanager
async def locked(tables: Stack) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection that holds the writes of row 4 to the name ``held``."""
    connection = await asyncpg.connect(tables.dsn)
    try:
        await connection.execute(HOLD)
        yield connection
    finally:
        await connection.close()


async def until_waiting(tables: Stack, like: str) -> None:
    """Wait until a statement like that waits for a lock."""
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like $1"
    connection = await asyncpg.connect(tables.dsn)
    try:
        async with asyncio.timeout(60):
            while not await connection.fetchval(query, like):
                pass
    finally:
        await connection.close()


async def answers_of(clients: Sequence[RawClient]) -> list[RawAnswer]:
    return list(await asyncio.gather(*[client.answer(b"PATCH") for client in clients]))


def send(clients: Sequence[RawClient], requests: Sequence[bytes]) -> None:
    for client, request in zip(clients, requests, strict=True):
        client.writer.write(request)


# Refusals.


@pytest.mark.parametrize("prefer", ["return=minimal", "return=representation"])
async def test_one_member_that_the_database_refuses_fails_as_alone_and_the_others_are_written_once(
    tables: Stack, prefer: str
) -> None:
    requests = patches(tables, "refused", prefer=prefer)
    direct = await one_by_one(tables.url, requests)
    after = await found(tables)
    await execute(tables, AFRESH)
    async with merging(tables, tables.url) as (sidecar, clients):
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, direct, await burst(clients, requests))
        assert (seen.calls_by_kind()["merged"], seen.calls_by_kind()["fallback"]) == (1, len(ROWS))
    assert sorted(answer.status for answer in direct) == [*[200 if "repr" in prefer else 204] * 7, 400]
    assert await found(tables) == after
    assert after.written == sorted(set(ROWS) - {7})


@pytest.mark.parametrize(
    ("name", "prefer"), [("status", "minimal"), ("status", "representation"), ("header", "minimal")]
)
async def test_a_status_or_header_that_a_trigger_sets_is_no_refusal_and_nothing_is_written_twice(
    tables: Stack, name: str, prefer: str
) -> None:
    """PostgREST commits, and answers with the status that SQL has set: 409 here."""
    requests = patches(tables, name, prefer=f"return={prefer}")
    async with merging(tables, tables.url) as (sidecar, clients):
        seen = SidecarEvents(sidecar)
        answers = await burst(clients, requests)
        assert seen.calls_by_kind() == {"merged": 1}
        assert all(UNKNOWN in answer.body for answer in answers)
    assert (await found(tables)).written == sorted(ROWS)


async def test_an_error_5xx_is_told_to_each_and_nothing_is_sent_again(tables: Stack) -> None:
    async with merging(tables, tables.url) as (sidecar, clients):
        seen = SidecarEvents(sidecar)
        answers = await burst(clients, patches(tables, "broken"))
        assert seen.calls_by_kind() == {"merged": 1}
        assert all(UNKNOWN in answer.body for answer in answers)
    assert (await found(tables)).written == []


async def test_a_deadlock_rolls_all_back_and_each_is_told_that_it_is_unknown(tables: Stack) -> None:
    """The call holds rows 2 and 3 and waits for the lock of row 4; another transaction holds row 9 and waits for 2."""
    async with locked(tables) as holder, merging(tables, tables.url) as (sidecar, clients):
        seen = SidecarEvents(sidecar)
        send(clients, patches(tables, "held"))
        await until_waiting(tables, '%"faulted"."row"%')
        other = await asyncpg.connect(tables.dsn)
        try:
            await other.execute("set deadlock_timeout = '1h'; begin; update faulted.row set size = 0 where id = 9")
            blocked = asyncio.create_task(other.execute("update faulted.row set size = 0 where id = 2"))
            await until_waiting(tables, "update faulted.row set size%")
            await holder.execute("select pg_advisory_unlock(4711)")
            answers = await answers_of(clients)
            await blocked
            await other.execute("commit")
        finally:
            await other.close()
        assert all(UNKNOWN in answer.body for answer in answers)
        assert seen.calls_by_kind() == {"merged": 1}
    after = await found(tables)
    assert set(after.names.values()) == {"old"}
    assert after.written == [2, 9]


# Upstream is killed.


@asynccontextmanager
async def killable(tables: Stack) -> AsyncIterator[tuple[PostgREST, HeldLink]]:
    """A PostgREST of its own, and a link to it."""
    settings = {"db-schemas": "faulted", "db-extra-search-path": "public, extensions"}
    postgrest = PostgREST(tables.dsn.replace("//postgres:", "//authenticator:"), secret=SECRET, settings=settings)
    await asyncio.to_thread(postgrest.__enter__)
    try:
        async with held_link(postgrest.url) as link:
            yield postgrest, link
    finally:
        await asyncio.to_thread(postgrest.__exit__, None, None, None)


def kill(postgrest: PostgREST, link: HeldLink) -> None:
    os.kill(postgrest.pid, signal.SIGKILL)
    link.cut()


async def no_statement_runs(tables: Stack) -> None:
    query = "select count(*) from pg_stat_activity where state <> 'idle' and query like '%\"faulted\".\"row\"%'"
    connection = await asyncpg.connect(tables.dsn)
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval(query + " and pid <> pg_backend_pid()"):
                pass
    finally:
        await connection.close()


async def test_upstream_killed_before_it_got_the_call(tables: Stack) -> None:
    async with killable(tables) as (postgrest, link), merging(tables, link.url) as (sidecar, clients):
        seen = SidecarEvents(sidecar)
        link.requests.clear()
        send(clients, patches(tables, "new"))
        await until(lambda: link.held_requests)
        kill(postgrest, link)
        answers = await answers_of(clients)
        assert all(UNKNOWN in answer.body or answer.status == 502 for answer in answers)
        assert seen.calls_by_kind()["fallback"] == 0
    assert (await found(tables)).written == []


async def test_upstream_killed_while_the_statement_runs(tables: Stack) -> None:
    async with (
        locked(tables) as holder,
        killable(tables) as (postgrest, link),
        merging(tables, link.url) as (sidecar, clients),
    ):
        seen = SidecarEvents(sidecar)
        send(clients, patches(tables, "held"))
        await until_waiting(tables, '%"faulted"."row"%')
        kill(postgrest, link)
        answers = await answers_of(clients)
        assert sum(UNKNOWN in answer.body for answer in answers) >= len(ROWS) - 1
        assert seen.calls_by_kind()["fallback"] == 0
        await holder.execute("select pg_advisory_unlock(4711)")
        await no_statement_runs(tables)
    after = await found(tables)
    assert len(after.written) == len(set(after.written))
    assert {row for row, name in after.names.items() if name == "held"} == set(after.written)
    assert len(after.written) in (0, len(ROWS)), "one transaction: all, or none"


async def test_upstream_killed_after_the_commit(tables: Stack) -> None:
    async with killable(tables) as (postgrest, link), merging(tables, link.url) as (sidecar, clients):
        seen = SidecarEvents(sidecar)
        link.answers.clear()
        send(clients, patches(tables, "new"))
        await until(lambda: link.held_answers)
        kill(postgrest, link)
        answers = await answers_of(clients)
        assert sum(UNKNOWN in answer.body for answer in answers) >= len(ROWS) - 1
        assert seen.calls_by_kind()["fallback"] == 0
    after = await found(tables)
    assert len(after.written) == len(set(after.written))


# Clients leave.


async def test_clients_that_leave_while_the_call_is_in_flight_change_nothing_for_the_others(tables: Stack) -> None:
    async with locked(tables) as holder, merging(tables, tables.url) as (sidecar, clients):
        seen = SidecarEvents(sidecar)
        send(clients, patches(tables, "held"))
        await until_waiting(tables, '%"faulted"."row"%')
        for client in clients[::2]:
            client.writer.transport.abort()
        await until(lambda: sidecar.server.open <= len(ROWS) // 2)
        await holder.execute("select pg_advisory_unlock(4711)")
        answers = await answers_of(clients[1::2])
        assert {answer.status for answer in answers} == {204}
        assert seen.calls_by_kind()["fallback"] == 0
    assert (await found(tables)).written == sorted(ROWS)


async def test_when_all_clients_leave_no_row_is_written_twice(tables: Stack) -> None:
    async with locked(tables) as holder, merging(tables, tables.url) as (sidecar, clients):
        send(clients, patches(tables, "held"))
        await until_waiting(tables, '%"faulted"."row"%')
        for client in clients:
            client.writer.transport.abort()
        await until(lambda: not sidecar.server.open)
        await holder.execute("select pg_advisory_unlock(4711)")
        await no_statement_runs(tables)
        drops = sidecar.upstream_state.drops
        assert not drops.is_current(None, drops.reading, sidecar._clock()), "their writes may still take effect"
    after = await found(tables)
    assert after.written == sorted(set(after.written))
    assert {row for row, name in after.names.items() if name == "held"} == set(after.written)
