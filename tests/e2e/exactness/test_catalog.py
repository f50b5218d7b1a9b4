"""The catalog of a real Postgres: what it says, what merges by it, and what happens when the schema changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.model import Column
from proxy.observe.events import Warned
from tests.e2e.support.bursts import assert_all_same, counting, get, one_by_one, together
from tests.e2e.support.harness import PATIENCE, fanin, until
from tests.e2e.support.unusual_types import odd_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        yield made


def reading(odd: Stack) -> dict[str, object]:
    return {"db_uri": odd.dsn, "catalog__schemas": ["odd"], "merge__deadline_floor": 10.0}


def known(sidecar: Sidecar, relation: str) -> dict[bytes, Column]:
    return dict(sidecar.upstream_state.column_types.columns.known((f"odd.{relation}", ""), 0.0))


async def execute(odd: Stack, statement: str) -> None:
    connection = await asyncpg.connect(odd.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_catalog_knows_types_domains_labels_and_unique_columns(odd: Stack) -> None:
    async with fanin(odd.url, **reading(odd)) as sidecar:
        kinds = known(sidecar, "kinds")
        moods = frozenset((b"sad", b"glad", b"so so", b"Sad", b"1"))
        assert kinds[b"id"] == Column("integer", deterministic=True, unique=True)
        assert kinds[b"t"] == Column("text", deterministic=True)
        assert kinds[b"vc"].type == "character varying"
        assert kinds[b"ch"].type == "character"
        assert kinds[b"qc"].type == '"char"'
        assert kinds[b"en"] == Column("enum", deterministic=True, labels=moods)
        assert kinds[b"dt"] == Column("text", deterministic=True)
        assert kinds[b"di"].type == "integer"
        assert kinds[b"dc"].type == kinds[b"ci"].type == "extensions.citext"
        assert kinds[b"tt"].type == "timestamp with time zone"
        assert not known(sidecar, "pair")[b"a"].unique
        assert known(sidecar, "num")[b"id"].unique
        assert not known(sidecar, "msg")[b"id"].unique, "a view proves nothing"


async def statements(odd: Stack, requests: Sequence[bytes], **changes: object) -> tuple[int, list[str]]:
    """Statements for one burst through a fresh fanin, and the kinds of its upstream calls; all answers the same."""
    direct = await one_by_one(odd.url, requests)
    kinds: list[str] = []
    async with counting(odd.dsn) as counter, fanin(odd.url, **reading(odd), **changes) as sidecar:
        sidecar._events.subscribe(lambda event: kinds.append(event.kind) if hasattr(event, "kind") else None)
        await counter.reset()
        through = await together(sidecar.port, requests)
        assert_all_same(requests, direct, through)
        return await counter.statements(), kinds


async def test_no_question_is_asked_of_upstream(odd: Stack) -> None:
    requests = [get(f"/kinds?select=id&t=eq.{k}&order=nu,id") for k in ("a", "b", "%C3%A9")]
    assert await statements(odd, requests) == (1, ["merged"])


async def test_letters_beyond_ascii_merge_under_a_collation_that_is_known(odd: Stack) -> None:
    requests = [get(f"/kinds?select=id&t=eq.{k}&order=id") for k in ("%C3%A9", "%C3%89", "b")]
    taken, _ = await statements(odd, requests)
    assert taken == 2, "é and É are apart in case some collation holds them equal"


async def test_a_label_that_does_not_exist_goes_alone(odd: Stack) -> None:
    requests = [get(f"/kinds?select=id&en=eq.{k}&order=id") for k in ("sad", "glad", "mad")]
    assert sorted((await statements(odd, requests))[1]) == ["merged", "original"]


async def test_a_unique_key_whose_rows_all_came_back_needs_no_count(odd: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}") for n in range(1, 41)]
    async with fanin(odd.url, **reading(odd)) as sidecar:
        answers = await together(sidecar.port, requests)
    assert all(b"Preference-Applied" not in answer.head for answer in answers)
    assert await statements(odd, requests) == (1, ["merged"])


async def test_a_reload_notice_is_followed(odd: Stack) -> None:
    async with fanin(odd.url, **reading(odd)) as sidecar:
        await execute(odd, "create table odd.newcomer (id int primary key, k text); notify pgrst, 'reload schema'")
        try:
            await until(lambda: known(sidecar, "newcomer"))
        finally:
            await execute(odd, "drop table odd.newcomer; notify pgrst, 'reload schema'")
        await until(lambda: not known(sidecar, "newcomer"))


async def test_a_catalog_that_answers_contradict_is_read_again(odd: Stack) -> None:
    """A column of another type than the catalog says: what comes back shows it, and the originals answer."""
    await execute(odd, "create table odd.turn (id int primary key, k text); notify pgrst, 'reload schema'")
    await execute(odd, "insert into odd.turn values (1, 'Abc'), (2, 'x'); grant all on odd.turn to anon")
    requests = [get(f"/turn?k=eq.{k}&order=id") for k in ("abc", "x", "y")]
    try:
        async with fanin(odd.url, **reading(odd)) as sidecar:
            await until(lambda: known(sidecar, "turn").get(b"k") == Column("text", deterministic=True))
            await execute(odd, "alter table odd.turn alter k type extensions.citext")
            async with asyncio.timeout(PATIENCE):
                while (direct := await one_by_one(odd.url, requests))[0].body == b"" or b"PGRST" in direct[0].body:
                    pass
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await until(lambda: known(sidecar, "turn").get(b"k") == Column("extensions.citext", deterministic=True))
    finally:
        await execute(odd, "drop table odd.turn; notify pgrst, 'reload schema'")


async def test_a_database_that_cannot_be_reached_is_told_without_its_address(odd: Stack) -> None:
    said: list[Warned] = []
    async with fanin(odd.url, db_uri="postgres://someone:secret@127.0.0.1:1/d", timeouts__connect=1.0) as sidecar:
        sidecar._events.subscribe(lambda event: said.append(event) if isinstance(event, Warned) else None)
        requests = [get(f"/kinds?select=id&t=eq.{k}&order=id") for k in ("a", "b")]
        assert_all_same(requests, await one_by_one(odd.url, requests), await together(sidecar.port, requests))
        await until(lambda: said)
    assert "catalog" in said[0].what
    assert "secret" not in repr(said)


async def test_a_change_that_nobody_told_of_is_seen_within_the_catalogs_lifetime(odd: Stack) -> None:
    async with fanin(odd.url, **reading(odd), catalog__lifetime=0.05) as sidecar:
        await execute(odd, "create table odd.newcomer (id int primary key)")
        try:
            await until(lambda: known(sidecar, "newcomer"))
        finally:
            await execute(odd, "drop table odd.newcomer; notify pgrst, 'reload schema'")


async def test_a_catalog_whose_database_cut_the_connection_is_not_believed_until_it_is_read_again(odd: Stack) -> None:
    async with fanin(odd.url, **reading(odd), catalog__lifetime=0.05, timeouts__connect=0.5) as sidecar:
        assert known(sidecar, "num")
        find = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fanin'"
        await execute(odd, find)
        await until(lambda: not known(sidecar, "num"))
        await until(lambda: known(sidecar, "num"))


async def test_a_function_that_the_catalog_knows_to_be_stable_shares_a_call_and_a_volatile_one_does_not(
    odd: Stack,
) -> None:
    async with fanin(odd.url, **reading(odd)) as sidecar:
        titles = await together(sidecar.port, [get("/rpc/titles?upto=5")] * 6)
        tokens = await together(sidecar.port, [get("/rpc/token")] * 6)
    assert len({answer.body for answer in titles}) == 1
    assert len({answer.body for answer in tokens}) == 6
    taken, kinds = await statements(odd, [get("/rpc/titles?upto=5")] * 6)
    assert (taken, len(kinds)) == (1, 1)
