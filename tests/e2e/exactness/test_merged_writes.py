"""Writes that share a call (FAN004 at level rewrite): each caller's answer, and the table, are as if it were alone."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.demo.stack import service_token
from proxy.observe.events import RequestAnswered
from tests.conftest import SECRET
from tests.e2e.support.bursts import assert_all_same, burst, one_by_one, sockets, statement_counter
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.sidecar_events import SidecarEvents
from tests.e2e.support.unusual_types import execute_file, schema_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Stack
    from tests.e2e.support.harness import RawAnswer

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
TABLES = ("thing", "log", "watched", "fed", "own")
ROWS = (3, 1, 12, 7, 30, 25, 9, 4, 16, 2)
BODY = '{"name":"changed","size":7}'


async def rows_of(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    connection = await asyncpg.connect(dsn)
    try:
        found = {name: await connection.fetch(f"select * from written.{name} order by 1, 2") for name in TABLES}
        return {name: [tuple(row.values()) for row in rows] for name, rows in found.items()}
    finally:
        await connection.close()


@pytest.fixture
def tables(stack: Stack) -> Iterator[Stack]:
    with schema_of_file(stack, "merged_writes", "written") as made:
        yield made


def write(method: str, target: str, caller: str, body: str = "", *lines: str) -> bytes:
    own = [f"{method} {target} HTTP/1.1", "Host: h", f"Authorization: Bearer {caller}", *lines]
    if body:
        own += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(own) + "\r\n\r\n" + body).encode()


def settings(tables: Stack, **more: object) -> dict[str, object]:
    return {
        "rules__fan004": "rewrite",
        "db_uri": tables.dsn,
        "catalog__schemas": ["written"],
        "merge__deadline_floor": 10.0,
        **more,
    }


async def direct(
    tables: Stack, requests: Sequence[bytes]
) -> tuple[list[RawAnswer], dict[str, list[tuple[object, ...]]]]:
    """Answers one by one without fanin, and the tables after them; then the tables are as before."""
    answers = await one_by_one(tables.url, requests)
    after = await rows_of(tables.dsn)
    await execute_file(tables.dsn, "merged_writes")
    return answers, after


PROFILE = "Content-Profile: written"
"""As supabase-js sends it, always; PostgREST then names the schema in answers that have a body."""
OBJECT, REPRESENTATION, MINIMAL = (
    "Accept: application/vnd.pgrst.object+json",
    "Prefer: return=representation",
    "Prefer: return=minimal",
)


@pytest.mark.parametrize(
    ("method", "target", "body", "lines"),
    [
        ("PATCH", "/thing?id=eq.{}", BODY, ()),
        ("PATCH", "/thing?id=eq.{}", BODY, (MINIMAL,)),
        ("PATCH", "/thing?id=eq.{}", BODY, (REPRESENTATION,)),
        ("PATCH", "/thing?id=eq.{}&select=name,id", BODY, (REPRESENTATION,)),
        ("PATCH", "/thing?select=name&id=eq.{}&team=eq.1", BODY, (REPRESENTATION,)),
        ("PATCH", "/thing?id=eq.{}&name=like.name*", BODY, (MINIMAL,)),
        ("PATCH", "/thing?id=eq.{}&select=*", BODY, (REPRESENTATION, OBJECT)),
        ("PATCH", "/thing?select=size&id=eq.{}&team=eq.1", BODY, (REPRESENTATION, OBJECT)),
        ("PATCH", "/thing?id=eq.{}", BODY, (PROFILE,)),
        ("PATCH", "/thing?id=eq.{}", BODY, (MINIMAL, PROFILE)),
        ("PATCH", "/thing?id=eq.{}", BODY, (REPRESENTATION, PROFILE)),
        ("DELETE", "/thing?id=eq.{}&team=eq.0", "", (MINIMAL, PROFILE)),
        ("DELETE", "/thing?id=eq.{}&team=eq.0", "", (REPRESENTATION, PROFILE)),
        ("PATCH", "/thing?big=eq.900000000{}", BODY, (REPRESENTATION,)),
        ("PATCH", "/thing?code=eq.{code}", BODY, (REPRESENTATION, "Accept: application/json")),
        ("DELETE", "/thing?id=eq.{}", "", ()),
        ("DELETE", "/thing?id=eq.{}&team=eq.0", "", (MINIMAL,)),
        ("DELETE", "/thing?id=eq.{}&team=eq.0", "", (REPRESENTATION,)),
        ("DELETE", "/thing?id=eq.{}&select=id", "", (REPRESENTATION,)),
    ],
)
async def test_answers_and_tables_are_those_of_writes_alone_and_they_take_two_calls(
    tables: Stack, method: str, target: str, body: str, lines: tuple[str, ...]
) -> None:
    filled = [target.format(row, code=uuid.UUID(hashlib.md5(str(row).encode()).hexdigest())) for row in (*ROWS, 99)]
    requests = [write(method, each, tables.token, body, *lines) for each in filled]
    answers, after = await direct(tables, requests)
    async with (
        statement_counter(tables.dsn) as counter,
        fanin(tables.url, **settings(tables)) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        seen = SidecarEvents(sidecar)
        await counter.reset()
        assert_all_same(requests, answers, await burst(clients, requests))
        assert await rows_of(tables.dsn) == after
        kinds, missing = seen.calls_by_kind(), [answer.status for answer in answers].count(406)
        assert (kinds["merged"], kinds["fallback"]) == (1, missing)
        assert kinds["original"] <= 1


async def test_without_the_level_each_write_is_sent_alone(tables: Stack) -> None:
    requests = [write("PATCH", f"/thing?id=eq.{row}", tables.token, BODY) for row in ROWS]
    async with (
        fanin(tables.url, **settings(tables, rules__fan004="report")) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        seen = SidecarEvents(sidecar)
        await burst(clients, requests)
        assert seen.calls_by_kind() == {"original": len(ROWS)}


@pytest.mark.parametrize(
    ("target", "body", "lines", "reason"),
    [
        ("/thing?id=eq.{}", '{"id":5}', (), "write-key"),
        ("/thing?id=eq.{}", '{"\\u0069d":5}', (), "write-key"),
        ("/thing?team=eq.{}", BODY, (), "write-key"),
        ("/thing?name=eq.{}", BODY, (), "write-key"),
        ("/thing?id=gt.{}", BODY, (), "write-key"),
        ("/thing?id=in.({})", BODY, (), "write-key"),
        ("/thing?id=eq.{}&order=id&limit=1", BODY, (), "write-form"),
        ("/thing?id=eq.{}&columns=name", BODY, (), "write-form"),
        ("/thing?id=eq.{}&or=(size.gt.1,team.eq.1)", BODY, (), "write-form"),
        ("/thing?id=eq.{}", "[]", (), "write-form"),
        ("/thing?id=eq.{}", "{}", (), "write-form"),
        ("/thing?id=eq.{}", '[{"name":"x"}]', (), "write-form"),
        ("/thing?id=eq.{}", '{"name":', (), "write-form"),
        ("/thing?id=eq.{}", BODY, ("Prefer: return=headers-only",), "write-form"),
        ("/thing?id=eq.{}", BODY, ("Prefer: count=exact",), "write-form"),
        ("/thing?id=eq.{}", BODY, ("Prefer: tx=rollback",), "write-form"),
        ("/thing?id=eq.{}", BODY, ("Accept: text/csv",), "write-form"),
        ("/watched?id=eq.{}", '{"name":"x"}', (), "write-table"),
        ("/seen?id=eq.{}", BODY, (), "write-table"),
        ("/thing?id=eq.{}", BODY, ("X-Fanin: off",), "off"),
    ],
)
async def test_what_cannot_be_attributed_is_sent_alone_with_its_reason(
    tables: Stack, target: str, body: str, lines: tuple[str, ...], reason: str
) -> None:
    requests = [write("PATCH", target.format(row), tables.token, body, *lines) for row in (1, 2, 3)]
    answers, after = await direct(tables, requests)
    async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, 3) as clients:
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, answers, await burst(clients, requests))
        assert seen.calls_by_kind() == {"original": 3}
        assert seen.outcomes() == {("passed", reason): 3}
    assert await rows_of(tables.dsn) == after


async def test_without_a_catalog_no_write_shares_a_call(tables: Stack) -> None:
    requests = [write("PATCH", f"/thing?id=eq.{row}", tables.token, BODY) for row in ROWS]
    async with fanin(tables.url, rules__fan004="rewrite") as sidecar, sockets(sidecar.port, 10) as clients:
        seen = SidecarEvents(sidecar)
        await burst(clients, requests)
        assert seen.outcomes() == {("passed", "write-table"): 10}


async def test_different_bodies_share_no_call(tables: Stack) -> None:
    requests = [write("PATCH", f"/thing?id=eq.{row}", tables.token, f'{{"name":"n{row % 2}"}}') for row in ROWS]
    answers, after = await direct(tables, requests)
    async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, 10) as clients:
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, answers, await burst(clients, requests))
        assert seen.calls_by_kind()["merged"] <= 2
    assert (await rows_of(tables.dsn))["thing"] == after["thing"]


async def test_each_identity_writes_its_own_rows(tables: Stack) -> None:
    tokens = {name: service_token(SECRET, {"role": "authenticated", "sub": name}) for name in ("odd", "even")}
    requests = [
        write("PATCH", f"/own?id=eq.{row}", tokens[name], '{"name":"mine"}', REPRESENTATION)
        for row in range(1, 13)
        for name in ("odd", "even")
    ]
    answers, after = await direct(tables, requests)
    async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, len(requests)) as clients:
        seen = SidecarEvents(sidecar)
        assert_all_same(requests, answers, await burst(clients, requests))
        assert seen.calls_by_kind()["merged"] == 2
    assert await rows_of(tables.dsn) == after


async def test_rows_that_a_write_hides_from_its_own_caller_are_answered_as_alone(tables: Stack) -> None:
    caller = service_token(SECRET, {"role": "authenticated", "sub": "odd"})
    for line in (MINIMAL, REPRESENTATION):
        requests = [write("PATCH", f"/own?id=eq.{row}", caller, '{"owner":"even"}', line) for row in range(1, 9)]
        answers, after = await direct(tables, requests)
        async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, len(requests)) as clients:
            assert_all_same(requests, answers, await burst(clients, requests))
        assert await rows_of(tables.dsn) == after
        await execute_file(tables.dsn, "merged_writes")


async def test_one_member_that_violates_a_constraint_fails_alone(tables: Stack) -> None:
    requests = [write("PATCH", f"/thing?id=eq.{row}", tables.token, f'{{"code":"{uuid.UUID(int=7)}"}}') for row in ROWS]
    async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, len(requests)) as clients:
        seen = SidecarEvents(sidecar)
        found = await burst(clients, requests)
        assert sorted(answer.status for answer in found) == [204] + [409] * 9
        answered = [event.span for event in seen.events if isinstance(event, RequestAnswered)]
        assert [span.fallback_reason for span in answered].count("write-refused") >= 9
    things = (await rows_of(tables.dsn))["thing"]
    assert [row[1] for row in things].count(uuid.UUID(int=7)) == 1


async def test_a_row_that_is_written_twice_at_once_is_written_twice(tables: Stack) -> None:
    requests = [write("PATCH", "/thing?id=eq.1", tables.token, BODY) for _ in range(4)]
    async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, 4) as clients:
        found = await burst(clients, requests)
        assert [answer.status for answer in found] == [204] * 4
    assert (await rows_of(tables.dsn))["log"] == [(1, "changed")] * 4


async def test_when_upstream_is_lost_every_caller_is_told_that_the_outcome_is_unknown(tables: Stack) -> None:
    requests = [write("PATCH", f"/fed?id=eq.{row}", tables.token, '{"name":"late"}') for row in ROWS]
    others = "query like '%\"fed\"%' and pid <> pg_backend_pid()"
    async with (
        fanin(tables.url, **settings(tables, timeouts__upstream_head=1.0)) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        seen = SidecarEvents(sidecar)
        found = await burst(clients, requests)
        codes = {answer.body.partition(b'"code":"')[2][:8] for answer in found}
        assert b"FANIN511" in codes
        assert codes <= {b"FANIN511", b"FANIN504"}
        kinds = seen.calls_by_kind()
        assert (kinds["merged"], kinds["fallback"]) == (1, 0)
    connection = await asyncpg.connect(tables.dsn)
    await connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")
    await connection.close()
    assert {row[1] for row in (await rows_of(tables.dsn))["fed"]} == {"f"}


async def test_a_client_that_leaves_does_not_keep_the_others_from_their_answers(tables: Stack) -> None:
    requests = [write("PATCH", f"/fed?id=eq.{row}", tables.token, '{"name":"soon"}', REPRESENTATION) for row in ROWS]
    async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, len(requests)) as clients:
        seen = SidecarEvents(sidecar)
        for client, request in zip(clients, requests, strict=True):
            client.writer.write(request)
        writes = sidecar.policy.default.writes
        assert writes is not None
        await until(lambda: writes.batcher.waiting >= 8)
        clients[5].writer.transport.abort()
        others = [client for at, client in enumerate(clients) if at != 5]
        found = await asyncio.gather(*[client.answer(b"PATCH") for client in others])
        assert [answer.status for answer in found] == [200] * 9
        assert seen.calls_by_kind()["merged"] == 1
    changed = {row[0] for row in (await rows_of(tables.dsn))["fed"] if row[1] == "soon"}
    assert changed >= {row for at, row in enumerate(ROWS) if at != 5}


async def test_two_batches_that_cross_each_other_wait_for_no_lock_in_a_circle(tables: Stack) -> None:
    there = [write("PATCH", f"/thing?id=eq.{row}", tables.token, '{"name":"a"}') for row in range(1, 31)]
    back = [write("PATCH", f"/thing?id=eq.{row}", tables.token, '{"name":"b"}') for row in range(30, 0, -1)]
    async with fanin(tables.url, **settings(tables)) as sidecar, sockets(sidecar.port, 60) as clients:
        for _ in range(5):
            found = await burst(clients, [*there, *back])
            assert {answer.status for answer in found} == {204}
