"""Keys and orders of every type on the real servers: what is asked, what is merged, and that nobody can tell."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.e2e.support.bursts import assert_all_same, get, one_by_one, statement_counter, together
from tests.e2e.support.faulty_upstream import postgrest_answer
from tests.e2e.support.harness import TIMEOUT, ScriptedUpstream, fanin
from tests.e2e.support.literals import KINDS
from tests.e2e.support.sidecar_events import SidecarEvents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Stack
    from tests.e2e.support.harness import ScriptedConnection

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
ROUNDS = 3


async def statements_of_bursts(unusual: Stack, requests: Sequence[bytes], **changes: object) -> list[int]:
    """Statements for each of three equal bursts through one fanin, whose answers are all PostgREST's own."""
    direct = await one_by_one(unusual.url, requests)
    taken = []
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin(unusual.url, **{"merge__deadline_floor": 10.0, **changes}) as sidecar,
    ):
        for _ in range(ROUNDS):
            await counter.reset()
            through = await together(sidecar.port, requests)
            taken.append(await counter.statements())
            assert_all_same(requests, direct, through)
    return taken


TOLD = {
    "t": ["a", "b", "ab", "x%0Ay", "null", "1", "nobody"],
    "vc": ["a", "a%20b", "b"],
    "nm": ["a", "%C3%A9", "b"],
    "ch": ["a", "b", "ab"],
    "en": ["sad", "glad", "so%20so"],
    "bo": ["true", "false"],
    "da": ["2024-02-27", "2024-02-29", "1999-12-31"],
    "jb-%3E%3Et": ["a", "%C3%A9", "b", "a%2Cb"],
    "di": ["1", "2", "3"],
}
"""Columns of `kinds` with literals that are all canonical under their types."""


@pytest.mark.parametrize("name", TOLD)
async def test_keys_of_a_type_that_can_be_told_share_one_statement(unusual: Stack, name: str) -> None:
    requests = [get(f"/kinds?select=id&{name}=eq.{literal}&order=id") for literal in TOLD[name]]
    assert await statements_of_bursts(unusual, requests) == [1] * ROUNDS


@pytest.mark.parametrize("name", ["ci", "dc", "nu", "dp", "iv", "tt", "ip", "jb->n", "df"])
async def test_texts_of_any_other_type_go_alone(unusual: Stack, name: str) -> None:
    literals = [text for text in KINDS[name] if not text.isdigit() and text[:1] != "-" and text.isalnum()][:3]
    requests = [get(f"/kinds?select=id&{name}=eq.{literal}") for literal in (*literals, "a", "A")]
    direct = await one_by_one(unusual.url, requests)
    async with fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        assert_all_same(requests, direct, await together(sidecar.port, requests))


async def test_a_type_is_asked_for_once_and_nothing_is_asked_for_what_needs_none(unusual: Stack) -> None:
    kinds: list[str] = []
    async with fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        sidecar._events.subscribe(lambda event: kinds.append(event.kind) if hasattr(event, "kind") else None)
        await together(sidecar.port, [get(f"/num?id=eq.{n}") for n in range(5)])
        assert kinds == ["merged"]
        for _ in range(3):
            await together(sidecar.port, [get(f"/kinds?t=eq.{k}&order=id") for k in ("a", "b", "ab")])
        assert kinds[:3] == ["merged", "types", "types"]
        assert set(kinds[3:]) == {"merged"}


async def test_a_type_is_asked_for_where_the_only_rows_could_be_those_of_several_keys(unusual: Stack) -> None:
    row = UUID(hashlib.md5(b"event:1").hexdigest())
    requests = [get(f"/event?select=id,k&k=eq.{k}&id=eq.{row}") for k in (1, 10, 12, 2)]
    direct = await one_by_one(unusual.url, requests)
    assert [answer.body == b"[]" for answer in direct] == [False, True, True, True]
    async with fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        seen = SidecarEvents(sidecar)
        for _ in range(ROUNDS):
            assert_all_same(requests, direct, await together(sidecar.port, requests))
    assert seen.calls_by_kind() == {"types": 1, "merged": 1 + ROUNDS}
    assert seen.outcomes() == {("merged", ""): len(requests) * ROUNDS}


async def test_nobody_is_asked_where_the_operator_forbids_it(unusual: Stack) -> None:
    requests = [get(f"/kinds?select=id&t=eq.{k}&order=id") for k in ("a", "b", "ab")]
    assert await statements_of_bursts(unusual, requests, merge__ask_types=False) == [3] * ROUNDS


ORDERS = {
    "at.desc": 1,
    "seen.desc.nullslast,at": 1,
    "mood,at": 1,
    "price,id": 30,
    "price": 30,
    "room": 30,
    "": 30,
}
"""Orders of `event`, and whether 30 keys with ten rows each then take one statement, or at least one a key."""


@pytest.mark.parametrize("order", ORDERS)
async def test_several_rows_a_key_share_a_statement_where_their_order_leaves_no_tie(unusual: Stack, order: str) -> None:
    ordered = f"&order={order}" if order else ""
    requests = [get(f"/event?select=id,k&k=eq.{k}{ordered}") for k in range(30)]
    taken = await statements_of_bursts(unusual, requests, merge__ties="none" if not order else "physical")
    assert taken == [1] * ROUNDS if ORDERS[order] == 1 else min(taken) >= 30


async def test_lists_under_a_certain_order_share_a_statement(unusual: Stack) -> None:
    requests = [get(f"/event?select=id,k&k=in.({k},{k + 1},{k + 5})&order=at.desc") for k in range(20)]
    assert await statements_of_bursts(unusual, requests) == [1] * ROUNDS


async def test_a_limit_below_the_rows_of_a_key_shares_a_statement_where_the_order_leaves_no_tie(unusual: Stack) -> None:
    requests = [get(f"/event?select=id&k=eq.{k}&order=at.desc&limit=20") for k in range(10)]
    assert await statements_of_bursts(unusual, requests) == [1] * ROUNDS


async def test_retromuscles_lists_by_tracking_share_a_statement(stack: Stack) -> None:
    auth = f"Authorization: Bearer {stack.token}"
    async with statement_counter(stack.dsn) as counter, fanin(stack.url, merge__deadline_floor=10.0) as sidecar:
        ids = await counter._connection.fetch("select id from public.monthly_tracking order by id limit 40")
        requests = [
            get(f"/videos?select=*&monthly_tracking_id=eq.{row['id']}&order=created_at.desc", auth) for row in ids
        ]
        direct = await one_by_one(stack.url, requests)
        await counter.reset()
        assert_all_same(requests, direct, await together(sidecar.port, requests))
        assert await counter.statements() == 1


async def test_an_unknown_label_spoils_no_merged_call_twice(unusual: Stack) -> None:
    """Postgres refuses it before it counts a statement."""
    requests = [get(f"/kinds?select=id&en=eq.{k}&order=id") for k in ("sad", "glad", "mad", "so%20so")]
    assert await statements_of_bursts(unusual, requests) == [1] * ROUNDS


async def test_a_question_that_upstream_does_not_answer_holds_nobody_longer_than_a_merged_call_would() -> None:
    """What the answer would have told stays unknown for a while, and the originals are sent."""

    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            if b"=adj.x" in request:
                await connection.gone()
            await connection.send(postgrest_answer("/t?k=eq.a", "[]", 0, "*"))

    targets = [get(f"/t?k=eq.{k}") for k in ("a", "b", "c")]
    async with (
        ScriptedUpstream(*[script] * 9) as upstream,
        fanin(upstream.url, merge__deadline_floor=0.05, timeouts__connect=10 * TIMEOUT) as sidecar,
        asyncio.timeout(TIMEOUT),
    ):
        for _ in range(2):
            assert [found.body for found in await together(sidecar.port, targets)] == [b"[]"] * 3
    assert sum(b"=adj.x" in request for request in upstream.requests) == 1


@pytest.mark.parametrize("table", ["chr", "chd"])
@pytest.mark.parametrize("first", [(), ("Authorization: Bearer nonsense",)], ids=["anybody", "a bad token"])
async def test_a_char_is_compared_by_its_first_byte_whoever_asked_for_its_type_and_whatever_was_told(
    unusual: Stack, table: str, first: tuple[str, ...]
) -> None:
    texts = [get(f"/{table}?k=eq.{k}&order=id", *first) for k in ("a", "b", "c")]
    numbers = [get(f"/{table}?select=id&k=eq.{k}&order=id") for k in ("1", "12", "17", "2")]
    direct = [await one_by_one(unusual.url, requests) for requests in (texts, numbers)]
    async with fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        for _ in range(ROUNDS):
            assert_all_same(texts, direct[0], await together(sidecar.port, texts))
            assert_all_same(numbers, direct[1], await together(sidecar.port, numbers))
