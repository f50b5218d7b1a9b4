"""Merging on the real servers: the same answers, and as many statements as Postgres itself counts."""

from __future__ import annotations

import json
import os
import platform
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.demo.stack import service_token
from tests.conftest import SECRET
from tests.demo.processes import eventually
from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets, statement_counter, together
from tests.e2e.support.harness import Program, RawAnswer, RawClient, fanin, fanin_program
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.merged_burst import calls_of, reads_of_num, statements_of_burst
from tests.e2e.support.unusual_types import postgrest_with
from tests.e2e.support.write_between_reads import read_around_a_write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
NEEDS_LINUX = pytest.mark.skipif(platform.system() != "Linux", reason="needs /proc")
PATIENT = ("--set", "merge.deadline_floor=10")
"""No deadline in tests that count: a busy machine is not what they are about."""


def reads_of_doc(numbers: Sequence[int]) -> list[bytes]:
    return [get(f"/doc?select=id,n,price,at&id=eq.{uuid_of(f'doc:{n}')}") for n in numbers]


def wait_until_stopped(pid: int) -> None:
    eventually(lambda: "\nState:\tT" in Path(f"/proc/{pid}/status").read_text(), f"{pid} was stopped")


async def wait_until_accepted(clients: Sequence[RawClient]) -> None:
    """Wait until fanin reads from every connection: one that the kernel alone has taken is not readable yet."""
    await burst(clients, [get("/small?id=gt.0&limit=1")] * len(clients))


async def readable_at_once(
    sidecar: Program, clients: Sequence[RawClient], requests: Sequence[bytes]
) -> list[RawAnswer]:
    """The answers to requests that are all there when fanin looks: it is stopped while they are written."""
    os.kill(sidecar.pid, signal.SIGSTOP)
    try:
        wait_until_stopped(sidecar.pid)
        for client, request in zip(clients, requests, strict=True):
            await client.send(request)
    finally:
        os.kill(sidecar.pid, signal.SIGCONT)
    return [await client.answer() for client in clients]


@pytest.mark.parametrize("size", [1, 2, 10, 100])
@pytest.mark.parametrize("kind", [reads_of_num, reads_of_doc])
async def test_a_fan_out_takes_one_statement(unusual: Stack, kind: object, size: int) -> None:
    requests = (reads_of_num if kind is reads_of_num else reads_of_doc)(range(1, size + 1))
    assert await statements_of_burst(unusual, requests, 1) == 1


@NEEDS_LINUX
@pytest.mark.parametrize("kind", [reads_of_num, reads_of_doc])
async def test_500_requests_that_are_readable_at_once_take_at_most_4_statements(unusual: Stack, kind: object) -> None:
    requests = (reads_of_num if kind is reads_of_num else reads_of_doc)(range(1, 501))
    direct = await one_by_one(unusual.url, requests)
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin_program(unusual.url, *PATIENT) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        await wait_until_accepted(clients)
        await counter.reset()
        through = await readable_at_once(sidecar, clients, requests)
        assert await counter.statements() <= 4
    assert_all_same(requests, direct, through)


@NEEDS_LINUX
async def test_100_keys_in_20_bursts_take_at_most_5_statements_a_burst_from_the_first_on(unusual: Stack) -> None:
    requests = reads_of_num(range(1, 101))
    direct = await one_by_one(unusual.url, requests)
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin_program(unusual.url, *PATIENT) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        await wait_until_accepted(clients)
        taken = []
        for _ in range(20):
            await counter.reset()
            through = await readable_at_once(sidecar, clients, requests)
            taken.append(await counter.statements())
            assert_all_same(requests, direct, through)
    assert max(taken) <= 5, taken


async def test_of_two_filters_either_may_vary(unusual: Stack) -> None:
    varying_a = [get(f"/pair?a=eq.{a}&b=eq.7&select=v") for a in range(1, 9)]
    varying_b = [get(f"/pair?a=eq.9&b=eq.{b}&select=v") for b in range(1, 7)]
    assert await statements_of_burst(unusual, varying_a + varying_b, 2) == 2


def token(owner: str) -> str:
    return "Authorization: Bearer " + service_token(SECRET, {"role": "anon", "sub": owner})


@pytest.mark.parametrize(
    "lines",
    [
        {"ann": token("ann"), "bob": token("bob")},
        {"ann": "Cookie: owner=ann", "bob": "Cookie: owner=bob"},
        {"ann": "X-Owner: ann", "bob": "X-Owner: bob"},
    ],
    ids=["token", "cookie", "header"],
)
async def test_two_identities_never_share_a_statement_and_see_their_own_rows(
    unusual: Stack, lines: dict[str, str]
) -> None:
    owners = [("ann", "bob")[n % 2] for n in range(1, 31)]
    requests = [get(f"/mine?id=eq.{n}", lines[owner]) for n, owner in enumerate(owners, 1)]
    assert await statements_of_burst(unusual, requests, 2) == 2
    async with fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        answers = await together(sidecar.port, requests)
    rows = [(owner, row) for owner, answer in zip(owners, answers, strict=True) for row in json.loads(answer.body)]
    assert rows
    assert all(row["owner"] == owner for owner, row in rows)


async def test_tokens_cookies_and_headers_in_one_burst_are_kept_apart(unusual: Stack) -> None:
    heads = [
        token("ann"),
        token("bob"),
        "Cookie: owner=ann",
        "Cookie: owner=bob",
        "X-Owner: ann",
        "X-Owner: cid",
        "A: b",
    ]
    requests = [get(f"/mine?id=eq.{n}", heads[n % len(heads)]) for n in range(1, 57)]
    assert await statements_of_burst(unusual, requests, len(heads)) == len(heads)


async def test_missing_and_equal_keys_share_the_call(unusual: Stack) -> None:
    requests = reads_of_num([1, 2, 2, 2, 5000, 5001, 5001])
    assert await statements_of_burst(unusual, requests, 1) == 1


async def test_a_number_out_of_range_is_answered_alone_and_the_rest_is_merged(unusual: Stack) -> None:
    requests = reads_of_num([1, 2, 99_999_999_999, 3, -99_999_999_999, 4])
    assert (
        await statements_of_burst(unusual, requests, 1) == 1
    )  # those that fail at the literal are not counted as executed


async def test_uuids_for_a_number_are_answered_alone_and_the_numbers_are_merged(unusual: Stack) -> None:
    requests = reads_of_num([1, 2, 3]) + [get(f"/num?id=eq.{uuid_of(str(n))}") for n in range(3)]
    assert await statements_of_burst(unusual, requests, 1) == 1


async def test_poison_is_learnt_so_that_the_next_burst_takes_no_detour(unusual: Stack) -> None:
    requests = reads_of_num([1, 2, 99_999_999_999, 3])
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        called = calls_of(sidecar)
        await together(sidecar.port, requests)
        called.clear()
        await counter.reset()
        await together(sidecar.port, requests)
        assert await counter.statements() == 1
        assert sorted(called) == ["merged", "original"]


async def test_keys_with_several_rows_are_asked_for_one_by_one_where_they_need_a_total_order(unusual: Stack) -> None:
    requests = [get(f"/many?k=eq.{k}&select=id,note") for k in range(8)]
    assert await statements_of_burst(unusual, requests, 9, merge__ties="none") == 9


async def test_keys_with_one_row_or_none_are_merged_whatever_their_column_is(unusual: Stack) -> None:
    requests = [get(f"/kid?num_id=eq.{n}&note=eq.kid%20{n}") for n in range(1, 9)]
    assert await statements_of_burst(unusual, requests, 8) == 8  # their other filter differs
    requests = [get(f"/kid?num_id=eq.{n}&id=lt.50&order=id") for n in range(1, 9)]
    assert await statements_of_burst(unusual, requests, 1) == 1


@pytest.mark.parametrize(
    "query",
    [
        "id=eq.{}&select=id,kid(id,note)&kid.order=id.desc&kid.limit=2",
        "id=eq.{}&select=kid(note),title,j",
        "id=eq.{}&%73elect=id,title",
        "id=eq.{}&select=%20id,title",
        "id=eq.{}&select=*,j->0,b->n",
        "id=eq.{}&select=id)junk",
        "&&id=eq.{}&",
        "or=(title.like.film*,j.is.null)&id=eq.{}&order=title.desc",
        "id=eq.{}&select=x:id,id::text,title",
        "title=neq.%C3%A9;x&id=eq.{}",
        "id=eq.{}&id+=gt.0",
    ],
)
async def test_whatever_else_a_query_says_the_answers_are_the_same(unusual: Stack, query: str) -> None:
    requests = [get(f"/num?{query.format(n)}") for n in (1, 4, 5, 9, 20, 4000)]
    await statements_of_burst(unusual, requests, 7)


async def test_a_relations_name_may_hold_a_question_mark(unusual: Stack) -> None:
    assert await statements_of_burst(unusual, [get(f"/we%3Fird?id=eq.{n}") for n in range(1, 6)], 1) == 1


async def test_what_other_preferences_apply_is_said_as_postgrest_says_it(unusual: Stack) -> None:
    for prefer in ("handling=lenient", "tx=rollback", "handling=strict, timezone=UTC", "return=minimal"):
        await statements_of_burst(unusual, reads_of_num(range(1, 6), f"Prefer: {prefer}"), 1)


async def test_the_schema_that_was_asked_for_and_the_origin_are_answered(unusual: Stack) -> None:
    assert (
        await statements_of_burst(
            unusual, reads_of_num(range(1, 6), "Accept-Profile: unusual", "Origin: http://a.example"), 1
        )
        == 1
    )


async def test_rows_beyond_max_rows_are_never_missing_and_max_rows_is_learnt(unusual: Stack) -> None:
    requests = reads_of_num(range(1, 11))
    with postgrest_with(unusual, db_max_rows="3") as cut:
        direct = await one_by_one(cut.url, requests)
        async with (
            statement_counter(cut.dsn) as counter,
            fanin(cut.url, merge__deadline_floor=10.0, merge__pause_first=1e-6, merge__pause_max=1e-6) as sidecar,
            sockets(sidecar.port, len(requests)) as clients,
        ):
            taken = []
            for _ in range(3):
                await counter.reset()
                assert_all_same(requests, direct, await burst(clients, requests))
                taken.append(await counter.statements())
    assert taken == [1 + 10, 5, 5]


async def test_1000_concurrent_callers_are_all_answered_as_if_alone(unusual: Stack) -> None:
    requests = reads_of_num(range(1, 1001))
    assert await statements_of_burst(unusual, requests, 8) >= 5


async def test_a_merged_call_slower_than_its_deadline_gives_way_to_the_originals(unusual: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}&select=id,doze") for n in range(1, 7)]
    await statements_of_burst(unusual, requests, 7, merge__deadline_floor=0.1)


async def test_a_read_after_an_acknowledged_write_sees_it_though_the_same_read_is_in_flight(unusual: Stack) -> None:
    before, after = await read_around_a_write(unusual, 5)
    assert b'"note":"before"' in before.body
    assert b'"note":"after"' in after.body
