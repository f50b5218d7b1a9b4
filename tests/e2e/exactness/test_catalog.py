"""The catalog of a real Postgres: what it says, what merges by it, and what happens when the schema changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.model import Column
from proxy.observe.events import Warned
from tests.e2e.support.bursts import assert_all_same, get, one_by_one, statement_counter, together
from tests.e2e.support.harness import TIMEOUT, fanin, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


def catalog_settings(unusual: Stack) -> dict[str, object]:
    return {"db_uri": unusual.dsn, "catalog__schemas": ["unusual"], "merge__deadline_floor": 10.0}


def known_columns(sidecar: Sidecar, relation: str) -> dict[bytes, Column]:
    return dict(sidecar.upstream_state.column_types.columns.known((f"unusual.{relation}", ""), 0.0))


async def execute(unusual: Stack, statement: str) -> None:
    connection = await asyncpg.connect(unusual.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_catalog_knows_types_domains_labels_and_unique_columns(unusual: Stack) -> None:
    async with fanin(unusual.url, **catalog_settings(unusual)) as sidecar:
        kinds = known_columns(sidecar, "kinds")
        moods = frozenset((b"sad", b"glad", b"so so", b"Sad", b"1"))
        assert kinds[b"id"] == Column("integer", deterministic=True, unique=True, not_null=True)
        assert kinds[b"t"] == Column("text", deterministic=True)
        assert kinds[b"vc"].type == "character varying"
        assert kinds[b"ch"].type == "character"
        assert kinds[b"qc"].type == '"char"'
        assert kinds[b"en"] == Column("enum", deterministic=True, labels=moods)
        assert kinds[b"dt"] == Column("text", deterministic=True)
        assert kinds[b"di"].type == "integer"
        assert kinds[b"dc"].type == kinds[b"ci"].type == "extensions.citext"
        assert kinds[b"tt"].type == "timestamp with time zone"
        assert not known_columns(sidecar, "pair")[b"a"].unique
        assert known_columns(sidecar, "num")[b"id"].unique
        view = known_columns(sidecar, "msg")[b"id"]
        assert not view.unique, "a view proves nothing"
        assert not view.not_null


async def statements_of_burst(unusual: Stack, requests: Sequence[bytes], **changes: object) -> tuple[int, list[str]]:
    """Statements for one burst through a fresh fanin, and the kinds of its upstream calls; all answers the same."""
    direct = await one_by_one(unusual.url, requests)
    kinds: list[str] = []
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin(unusual.url, **catalog_settings(unusual), **changes) as sidecar,
    ):
        sidecar._events.subscribe(lambda event: kinds.append(event.kind) if hasattr(event, "kind") else None)
        await counter.reset()
        through = await together(sidecar.port, requests)
        assert_all_same(requests, direct, through)
        return await counter.statements(), kinds


async def test_no_question_is_asked_of_upstream(unusual: Stack) -> None:
    requests = [get(f"/kinds?select=id&t=eq.{k}&order=nu,id") for k in ("a", "b", "%C3%A9")]
    assert await statements_of_burst(unusual, requests) == (1, ["merged"])


async def test_letters_beyond_ascii_merge_under_a_collation_that_is_known(unusual: Stack) -> None:
    requests = [get(f"/kinds?select=id&t=eq.{k}&order=id") for k in ("%C3%A9", "%C3%89", "b")]
    taken, _ = await statements_of_burst(unusual, requests)
    assert taken == 2, "é and É are apart in case some collation holds them equal"


async def test_a_label_that_does_not_exist_goes_alone(unusual: Stack) -> None:
    requests = [get(f"/kinds?select=id&en=eq.{k}&order=id") for k in ("sad", "glad", "mad")]
    assert sorted((await statements_of_burst(unusual, requests))[1]) == ["merged", "original"]


async def test_a_unique_key_whose_rows_all_came_back_needs_no_count(unusual: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}") for n in range(1, 41)]
    async with fanin(unusual.url, **catalog_settings(unusual)) as sidecar:
        answers = await together(sidecar.port, requests)
    assert all(b"Preference-Applied" not in answer.head for answer in answers)
    assert await statements_of_burst(unusual, requests) == (1, ["merged"])


async def test_a_reload_notice_is_followed(unusual: Stack) -> None:
    async with fanin(unusual.url, **catalog_settings(unusual)) as sidecar:
        await execute(
            unusual, "create table unusual.newcomer (id int primary key, k text); notify pgrst, 'reload schema'"
        )
        try:
            await until(lambda: known_columns(sidecar, "newcomer"))
        finally:
            await execute(unusual, "drop table unusual.newcomer; notify pgrst, 'reload schema'")
        await until(lambda: not known_columns(sidecar, "newcomer"))


async def test_a_catalog_that_answers_contradict_is_read_again(unusual: Stack) -> None:
    """A column of another type than the catalog says: what comes back shows it, and the originals answer."""
    await execute(unusual, "create table unusual.turn (id int primary key, k text); notify pgrst, 'reload schema'")
    await execute(unusual, "insert into unusual.turn values (1, 'Abc'), (2, 'x'); grant all on unusual.turn to anon")
    requests = [get(f"/turn?k=eq.{k}&order=id") for k in ("abc", "x", "y")]
    try:
        async with fanin(unusual.url, **catalog_settings(unusual)) as sidecar:
            await until(lambda: known_columns(sidecar, "turn").get(b"k") == Column("text", deterministic=True))
            await execute(unusual, "alter table unusual.turn alter k type extensions.citext")
            async with asyncio.timeout(TIMEOUT):
                while (direct := await one_by_one(unusual.url, requests))[0].body == b"" or b"PGRST" in direct[0].body:
                    pass
            assert_all_same(requests, direct, await together(sidecar.port, requests))
            await until(
                lambda: known_columns(sidecar, "turn").get(b"k") == Column("extensions.citext", deterministic=True)
            )
    finally:
        await execute(unusual, "drop table unusual.turn; notify pgrst, 'reload schema'")


async def test_a_database_that_cannot_be_reached_is_told_without_its_address(unusual: Stack) -> None:
    said: list[Warned] = []
    async with fanin(unusual.url, db_uri="postgres://someone:secret@127.0.0.1:1/d", timeouts__connect=1.0) as sidecar:
        sidecar._events.subscribe(lambda event: said.append(event) if isinstance(event, Warned) else None)
        requests = [get(f"/kinds?select=id&t=eq.{k}&order=id") for k in ("a", "b")]
        assert_all_same(requests, await one_by_one(unusual.url, requests), await together(sidecar.port, requests))
        await until(lambda: said)
    assert "catalog" in said[0].what
    assert "secret" not in repr(said)


async def test_a_change_that_nobody_told_of_is_seen_within_the_catalogs_lifetime(unusual: Stack) -> None:
    async with fanin(unusual.url, **catalog_settings(unusual), catalog__lifetime=0.05) as sidecar:
        await execute(unusual, "create table unusual.newcomer (id int primary key)")
        try:
            await until(lambda: known_columns(sidecar, "newcomer"))
        finally:
            await execute(unusual, "drop table unusual.newcomer; notify pgrst, 'reload schema'")


async def test_a_catalog_whose_database_cut_the_connection_is_not_believed_until_it_is_read_again(
    unusual: Stack,
) -> None:
    async with fanin(unusual.url, **catalog_settings(unusual), catalog__lifetime=0.05) as sidecar:
        await until(lambda: known_columns(sidecar, "num"))
        find = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fanin'"
        await execute(unusual, find)
        await until(lambda: not known_columns(sidecar, "num"))
        await until(lambda: known_columns(sidecar, "num"))


async def test_a_function_that_the_catalog_knows_to_be_stable_shares_a_call_and_a_volatile_one_does_not(
    unusual: Stack,
) -> None:
    async with fanin(unusual.url, **catalog_settings(unusual)) as sidecar:
        titles = await together(sidecar.port, [get("/rpc/titles?upto=5")] * 6)
        tokens = await together(sidecar.port, [get("/rpc/token")] * 6)
    assert len({answer.body for answer in titles}) == 1
    assert len({answer.body for answer in tokens}) == 6
    taken, kinds = await statements_of_burst(unusual, [get("/rpc/titles?upto=5")] * 6)
    assert (taken, len(kinds)) == (1, 1)
