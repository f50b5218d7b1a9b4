"""Merging on the real servers: the same answers, and as many statements as Postgres itself counts."""

from __future__ import annotations

import json
import os
import platform
import signal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from proxy.demo.stack import service_token
from proxy.observe.events import Event, UpstreamCalled
from tests.conftest import SECRET
from tests.e2e.support.bursts import assert_all_same, burst, counting, get, one_by_one, sockets, together
from tests.e2e.support.harness import Program, RawAnswer, RawClient, fanin, program
from tests.e2e.support.unusual_types import another, odd_tables
from tests.e2e.support.write_between_reads import read_around_a_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
NEEDS_LINUX = pytest.mark.skipif(platform.system() != "Linux", reason="needs /proc")
PATIENT = ("--set", "merge.deadline_floor=10")
"""No deadline in tests that count: a busy machine is not what they are about."""


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Iterator[Stack]:
    with odd_tables(stack) as made:
        yield made


def uuid_of(what: str) -> str:
    """The uuid that the tables' SQL makes of ``what``."""
    from hashlib import md5

    return str(UUID(md5(what.encode(), usedforsecurity=False).hexdigest()))


def docs(numbers: Sequence[int]) -> list[bytes]:
    return [get(f"/doc?select=id,n,price,at&id=eq.{uuid_of(f'doc:{n}')}") for n in numbers]


def nums(numbers: Sequence[int], *lines: str) -> list[bytes]:
    return [get(f"/num?id=eq.{n}", *lines) for n in numbers]


def calls_of(sidecar: Sidecar) -> list[str]:
    """The kinds of the upstream calls that it makes from now on."""
    kinds: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, UpstreamCalled):
            kinds.append(event.kind)

    sidecar._events.subscribe(watch)
    return kinds


async def check(odd: Stack, requests: Sequence[bytes], at_most: int, **changes: object) -> int:
    """All answers through a fresh fanin are PostgREST's own; how many statements it took."""
    direct = await one_by_one(odd.url, requests)
    changes = {"merge__deadline_floor": 10.0} | changes
    async with counting(odd.dsn) as counter, fanin(odd.url, **changes) as sidecar:
        await counter.reset()
        through = await together(sidecar.port, requests)
        taken = await counter.statements()
        assert sidecar.policy.default.merger.batcher.waiting == 0
    assert_all_same(requests, direct, through)
    assert taken <= at_most
    return taken


def wait_until_stopped(pid: int) -> None:
    while "\nState:\tT" not in Path(f"/proc/{pid}/status").read_text():
        pass


async def accepted(clients: Sequence[RawClient]) -> None:
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
@pytest.mark.parametrize("kind", [nums, docs])
async def test_a_fan_out_takes_one_statement(odd: Stack, kind: object, size: int) -> None:
    requests = (nums if kind is nums else docs)(range(1, size + 1))
    assert await check(odd, requests, 1) == 1


@NEEDS_LINUX
@pytest.mark.parametrize("kind", [nums, docs])
async def test_500_requests_that_are_readable_at_once_take_at_most_4_statements(odd: Stack, kind: object) -> None:
    requests = (nums if kind is nums else docs)(range(1, 501))
    direct = await one_by_one(odd.url, requests)
    async with (
        counting(odd.dsn) as counter,
        program(odd.url, *PATIENT) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        await accepted(clients)
        await counter.reset()
        through = await readable_at_once(sidecar, clients, requests)
        assert await counter.statements() <= 4
    assert_all_same(requests, direct, through)


@NEEDS_LINUX
async def test_100_keys_in_20_bursts_take_at_most_5_statements_a_burst_from_the_first_on(odd: Stack) -> None:
    requests = nums(range(1, 101))
    direct = await one_by_one(odd.url, requests)
    async with (
        counting(odd.dsn) as counter,
        program(odd.url, *PATIENT) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        await accepted(clients)
        taken = []
        for _ in range(20):
            await counter.reset()
            through = await readable_at_once(sidecar, clients, requests)
            taken.append(await counter.statements())
            assert_all_same(requests, direct, through)
    assert max(taken) <= 5, taken


async def test_of_two_filters_either_may_vary(odd: Stack) -> None:
    varying_a = [get(f"/pair?a=eq.{a}&b=eq.7&select=v") for a in range(1, 9)]
    varying_b = [get(f"/pair?a=eq.9&b=eq.{b}&select=v") for b in range(1, 7)]
    assert await check(odd, varying_a + varying_b, 2) == 2


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
async def test_two_identities_never_share_a_statement_and_see_their_own_rows(odd: Stack, lines: dict[str, str]) -> None:
    owners = [("ann", "bob")[n % 2] for n in range(1, 31)]
    requests = [get(f"/mine?id=eq.{n}", lines[owner]) for n, owner in enumerate(owners, 1)]
    assert await check(odd, requests, 2) == 2
    async with fanin(odd.url, merge__deadline_floor=10.0) as sidecar:
        answers = await together(sidecar.port, requests)
    rows = [(owner, row) for owner, answer in zip(owners, answers, strict=True) for row in json.loads(answer.body)]
    assert rows
    assert all(row["owner"] == owner for owner, row in rows)


async def test_tokens_cookies_and_headers_in_one_burst_are_kept_apart(odd: Stack) -> None:
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
    assert await check(odd, requests, len(heads)) == len(heads)


async def test_missing_and_equal_keys_share_the_call(odd: Stack) -> None:
    requests = nums([1, 2, 2, 2, 5000, 5001, 5001])
    assert await check(odd, requests, 1) == 1


async def test_a_number_out_of_range_is_answered_alone_and_the_rest_is_merged(odd: Stack) -> None:
    requests = nums([1, 2, 99_999_999_999, 3, -99_999_999_999, 4])
    assert await check(odd, requests, 1) == 1  # those that fail at the literal are not counted as executed


async def test_uuids_for_a_number_are_answered_alone_and_the_numbers_are_merged(odd: Stack) -> None:
    requests = nums([1, 2, 3]) + [get(f"/num?id=eq.{uuid_of(str(n))}") for n in range(3)]
    assert await check(odd, requests, 1) == 1


async def test_poison_is_learnt_so_that_the_next_burst_takes_no_detour(odd: Stack) -> None:
    requests = nums([1, 2, 99_999_999_999, 3])
    async with counting(odd.dsn) as counter, fanin(odd.url, merge__deadline_floor=10.0) as sidecar:
        called = calls_of(sidecar)
        await together(sidecar.port, requests)
        called.clear()
        await counter.reset()
        await together(sidecar.port, requests)
        assert await counter.statements() == 1
        assert sorted(called) == ["merged", "original"]


async def test_keys_with_several_rows_are_asked_for_one_by_one(odd: Stack) -> None:
    requests = [get(f"/many?k=eq.{k}&select=id,note") for k in range(8)]
    assert await check(odd, requests, 9) == 9


async def test_keys_with_one_row_or_none_are_merged_whatever_their_column_is(odd: Stack) -> None:
    requests = [get(f"/kid?num_id=eq.{n}&note=eq.kid%20{n}") for n in range(1, 9)]
    assert await check(odd, requests, 8) == 8  # their other filter differs
    requests = [get(f"/kid?num_id=eq.{n}&id=lt.50&order=id") for n in range(1, 9)]
    assert await check(odd, requests, 1) == 1


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
async def test_whatever_else_a_query_says_the_answers_are_the_same(odd: Stack, query: str) -> None:
    requests = [get(f"/num?{query.format(n)}") for n in (1, 4, 5, 9, 20, 4000)]
    await check(odd, requests, 7)


async def test_a_relations_name_may_hold_a_question_mark(odd: Stack) -> None:
    assert await check(odd, [get(f"/we%3Fird?id=eq.{n}") for n in range(1, 6)], 1) == 1


async def test_what_other_preferences_apply_is_said_as_postgrest_says_it(odd: Stack) -> None:
    for prefer in ("handling=lenient", "tx=rollback", "handling=strict, timezone=UTC", "return=minimal"):
        await check(odd, nums(range(1, 6), f"Prefer: {prefer}"), 1)


async def test_the_schema_that_was_asked_for_and_the_origin_are_answered(odd: Stack) -> None:
    assert await check(odd, nums(range(1, 6), "Accept-Profile: odd", "Origin: http://a.example"), 1) == 1


async def test_rows_beyond_max_rows_are_never_missing_and_max_rows_is_learnt(odd: Stack) -> None:
    requests = nums(range(1, 11))
    with another(odd, db_max_rows="3") as cut:
        direct = await one_by_one(cut.url, requests)
        async with (
            counting(cut.dsn) as counter,
            fanin(cut.url, merge__deadline_floor=10.0, merge__pause_first=1e-6, merge__pause_max=1e-6) as sidecar,
            sockets(sidecar.port, len(requests)) as clients,
        ):
            taken = []
            for _ in range(3):
                await counter.reset()
                assert_all_same(requests, direct, await burst(clients, requests))
                taken.append(await counter.statements())
    assert taken == [1 + 10, 5, 5]


async def test_a_row_that_raises_fails_only_its_own_request(odd: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}&select=id,boom") for n in range(1, 7)]
    await check(odd, requests, 7)


async def test_a_header_that_sql_sets_for_one_row_reaches_nobody_else(odd: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}&select=id,noisy") for n in range(1, 7)]
    assert await check(odd, requests, 7) == 7


async def test_errors_that_do_not_depend_on_the_key_are_shared(odd: Stack) -> None:
    requests = nums(range(1, 21), "Authorization: Bearer not.a.token")
    direct = await one_by_one(odd.url, requests)
    async with fanin(odd.url, merge__deadline_floor=10.0) as sidecar:
        called = calls_of(sidecar)
        through = await together(sidecar.port, requests)
    assert_all_same(requests, direct, through)
    assert {answer.status for answer in through} == {401}
    assert called == ["merged"]


async def test_errors_that_could_quote_the_call_are_asked_for_one_by_one(odd: Stack) -> None:
    for query in ("id=eq.{}&select=nope", "id=eq.{}&title=foo.bar", "nope=eq.{}", "id=eq.{}&select=id,nope(x)"):
        await check(odd, [get(f"/num?{query.format(n)}") for n in range(1, 6)], 0)
    await check(odd, [get(f"/nowhere?id=eq.{n}") for n in range(1, 6)], 0)


async def test_1000_concurrent_callers_are_all_answered_as_if_alone(odd: Stack) -> None:
    requests = nums(range(1, 1001))
    assert await check(odd, requests, 8) >= 5


async def test_a_merged_call_slower_than_its_deadline_gives_way_to_the_originals(odd: Stack) -> None:
    requests = [get(f"/num?id=eq.{n}&select=id,doze") for n in range(1, 7)]
    await check(odd, requests, 7, merge__deadline_floor=0.1)


async def test_a_read_after_an_acknowledged_write_sees_it_though_the_same_read_is_in_flight(odd: Stack) -> None:
    before, after = await read_around_a_write(odd, 5)
    assert b'"note":"before"' in before.body
    assert b'"note":"after"' in after.body
