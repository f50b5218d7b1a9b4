"""Equal reads on the real servers: one statement for all of a window, the same answers, and never an older one."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from proxy.admin.gauges import gauges
from proxy.model import Outcome
from proxy.observe.events import Event, RequestAnswered, TraceClosed, UpstreamCalled
from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets, statement_counter, together
from tests.e2e.support.harness import RawClient, ask, fanin, until
from tests.e2e.support.unusual_types import wait_until_running
from tests.e2e.support.write_between_reads import read_around_a_write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
PAGE = "/num?select=id,title,j&id=gt.3&order=id&limit=20&offset=40"
SLOW = get("/acc?select=id,note,nap&order=id&limit=1&offset=1")


def head(target: str, *lines: str) -> bytes:
    return get(target, *lines).replace(b"GET", b"HEAD", 1)


class RequestLog:
    """What a fanin says of its requests and calls."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.outcomes: list[Outcome] = []
        self.calls: list[str] = []
        self.saved: Counter[str] = Counter()
        """By rule, requests that its calls answered, less these calls."""
        sidecar._events.subscribe(self._see)

    def _see(self, event: Event) -> None:
        if isinstance(event, RequestAnswered):
            self.outcomes.append(event.span.outcome)
            self.saved[event.saves] += bool(event.saves)
        elif isinstance(event, UpstreamCalled):
            self.calls.append(event.kind)
            self.saved[event.costs] -= bool(event.costs)


async def assert_statements(
    unusual: Stack, requests: Sequence[bytes], statements: int, calls: int, **changes: object
) -> RequestLog:
    """All answers through a fresh fanin are PostgREST's own, and took as many statements and upstream calls."""
    direct = [await ask(unusual.url, request) for request in requests]  # PostgREST closes after a HEAD
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin(unusual.url, **{"merge__deadline_floor": 10.0} | changes) as sidecar,
    ):
        watch = RequestLog(sidecar)
        await counter.reset()
        through = await together(sidecar.port, requests)
        assert await counter.statements() == statements
        await until(lambda: len(watch.outcomes) == len(requests))
        assert not gauges(sidecar)["waiting"]
        assert not gauges(sidecar)["upstream_busy"]
    assert_all_same(requests, direct, through)
    assert len(watch.calls) == calls
    return watch


@pytest.mark.parametrize(
    "request_",
    [
        get(PAGE),
        get("/num?id=eq.7"),
        get("/num?select=id&title=like.film*&order=id.desc"),
        get("/num?id=gt.990&select=id;order=id"),
        get("/num?select=id,kid(note)&id=in.(1,2)"),
        get("/num?id=lt.9", "Accept: text/csv"),
        get("/num?id=lt.9", "Prefer: count=planned"),
        get("/num?id=lt.9", "Prefer: count=exact", "Range: 0-3"),
        get("/num?id=lt.0", "Accept: text/csv"),
        get("/num?select=id&order=id", "Range: 5-6"),
        get("/num?title=eq.x", "Accept: application/vnd.pgrst.object+json"),
        head(PAGE),
        head("/num?id=eq.7", "Prefer: count=exact"),
    ],
    ids=lambda request: request.decode().partition(" HTTP")[0],
)
async def test_equal_reads_take_one_statement(unusual: Stack, request_: bytes) -> None:
    watch = await assert_statements(unusual, [request_] * 10, 1, 1)
    assert set(watch.outcomes) == {Outcome.SHARED}
    assert +watch.saved == {"FAN003": 9}
    assert watch.calls == ["shared"]


async def test_a_head_and_a_get_share_nothing(unusual: Stack) -> None:
    await assert_statements(unusual, [get(PAGE), head(PAGE)] * 4, 2, 2)


async def test_what_differs_in_a_byte_shares_nothing(unusual: Stack) -> None:
    await assert_statements(
        unusual, [get(PAGE), get(PAGE + "&"), get(PAGE.replace("40", "%340")), get(PAGE, "Accept: */*")], 4, 4
    )


async def test_two_identities_never_share(unusual: Stack) -> None:
    requests = [get("/mine?order=id&offset=0", f"X-Owner: {owner}") for owner in ("ann", "bob")] * 5
    await assert_statements(unusual, requests, 2, 2)


@pytest.mark.parametrize("target", ["/num?select=nope", "/nowhere?x=is.null", "/num?id=gt.a", "/num?select=count()"])
async def test_an_error_is_everybodys(unusual: Stack, target: str) -> None:
    watch = await assert_statements(unusual, [get(target)] * 6, 0, 1)
    assert set(watch.outcomes) == {Outcome.SHARED}


async def test_a_rejected_token_is_everybodys(unusual: Stack) -> None:
    await assert_statements(unusual, [get(PAGE, "Authorization: Bearer not.a.token")] * 6, 0, 1)


async def test_each_caller_gets_the_cookie_that_sql_made_for_it(unusual: Stack) -> None:
    """Equal requests, and yet no two equal answers: nothing tells that to fanin but the header's name."""
    async with statement_counter(unusual.dsn) as counter, fanin(unusual.url) as sidecar:
        watch = RequestLog(sidecar)
        await counter.reset()
        answers = await together(sidecar.port, [get("/num?select=id,session&id=eq.3&limit=9&limit=9")] * 5)
        assert await counter.statements() == 5
        await until(lambda: len(watch.outcomes) == 5)
    cookies = [value for answer in answers for value in answer.values(b"set-cookie")]
    assert len(set(cookies)) == len(cookies) == 5
    assert sorted(watch.outcomes) == [*[Outcome.FALLBACK] * 4, Outcome.PASSED]
    assert sorted(watch.calls) == [*["fallback"] * 4, "shared"]
    assert watch.saved["FAN003"] == 0


async def test_a_header_that_sql_sets_reaches_the_callers_that_it_was_set_for(unusual: Stack) -> None:
    await assert_statements(unusual, [get("/num?select=id,noisy&id=eq.3&order=id&limit=9&limit=9")] * 5, 5, 5)


@pytest.mark.parametrize("limit", [1000, 1_000_000])
async def test_a_large_body_reaches_everybody_whole(unusual: Stack, limit: int) -> None:
    requests = [get("/num?order=id")] * 4
    shares = limit > 100_000
    watch = await assert_statements(unusual, requests, 1 if shares else 4, 1 if shares else 4, merge__max_body=limit)
    assert watch.outcomes.count(Outcome.SHARED) == (4 if shares else 0)


async def test_the_next_request_on_the_connection_that_took_a_large_answer_on_is_answered(unusual: Stack) -> None:
    large, small = get("/num?order=id"), get("/num?id=eq.1")
    direct = await one_by_one(unusual.url, [large, small])
    async with fanin(unusual.url, merge__max_body=1000) as sidecar, sockets(sidecar.port, 3) as clients:
        for client in clients:
            client.writer.write(large + small)
        for client in clients:
            assert_all_same([large, small], direct, [await client.answer(), await client.answer()])


async def test_what_is_shared_is_found_and_told_with_the_calls_that_it_took(unusual: Stack) -> None:
    closed: list[TraceClosed] = []
    async with fanin(unusual.url, merge__deadline_floor=10.0) as sidecar:
        sidecar._events.subscribe(lambda event: closed.append(event) if isinstance(event, TraceClosed) else None)
        await together(sidecar.port, [get(PAGE, "X-Fanin-Trace: page")] * 8)
    ((trace, findings),) = [(event.trace, event.findings) for event in closed]
    assert (len(trace.spans), trace.calls) == (8, 1)
    assert [(finding.code, finding.title) for finding in findings] == [("FAN003", "8 equal reads of num")]
    assert findings[0].evidence[1] == "8 sent in parallel; fanin answered them with 1 upstream call"


# Functions.


async def test_a_function_is_called_for_each_caller(unusual: Stack) -> None:
    async with fanin(unusual.url) as sidecar:
        tokens = {answer.body for answer in await together(sidecar.port, [get("/rpc/token")] * 6)}
    assert len(tokens) == 6


async def test_a_listed_function_is_called_once_for_equal_calls(unusual: Stack) -> None:
    requests = [get("/rpc/titles?upto=5")] * 6
    await assert_statements(unusual, requests, 6, 6)
    watch = await assert_statements(unusual, requests, 1, 1, rules__duplicate_read__rpc=["titles"])
    assert set(watch.outcomes) == {Outcome.SHARED}


# Law 3 (docs/explanation/architecture.md#law-3-join-before-dispatch) and law 5 (…#law-5-a-lone-request-is-not-held).


async def test_a_read_after_an_acknowledged_write_sees_it_though_an_equal_read_is_in_flight(unusual: Stack) -> None:
    before, after = await read_around_a_write(unusual, 3, "&limit=9&limit=9")
    assert b'"note":"before"' in before.body
    assert b'"note":"after"' in after.body


async def test_what_arrives_while_a_shared_call_is_in_flight_is_in_the_next(unusual: Stack) -> None:
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin(unusual.url, merge__max_wait=10.0) as sidecar,
        sockets(sidecar.port, 4) as clients,
    ):
        watch = RequestLog(sidecar)
        await counter.reset()
        first = asyncio.create_task(burst(clients[:2], [SLOW] * 2))
        await wait_until_running(unusual.dsn, "%nap%")
        late = await burst(clients[2:], [SLOW] * 2)
        await first
        assert await counter.statements() == 2
        assert watch.calls == ["shared", "shared"]
    assert {answer.status for answer in late} == {200}


async def test_a_lone_read_is_streamed_through_its_own_call(unusual: Stack) -> None:
    watch = await assert_statements(unusual, [get("/num?order=id")], 1, 1, merge__max_body=1000)
    assert watch.outcomes == [Outcome.PASSED]
    assert watch.calls == ["original"]


async def test_the_answer_says_that_it_was_shared(unusual: Stack) -> None:
    async with fanin(unusual.url, headers="on") as sidecar:
        answers = await together(sidecar.port, [get(PAGE)] * 3)
        alone = await together(sidecar.port, [get(PAGE)])
    assert [answer.values(b"x-fanin") for answer in answers] == [[b"shared; size=3; calls=1"]] * 3
    assert alone[0].values(b"x-fanin") == [b"passed; reason=offset"]


@pytest.mark.parametrize("changes", [{"rules__fan003": "report"}, {"rules__fan003": "off"}, {"mode": "observe"}])
async def test_below_rewrite_each_reads_for_itself(unusual: Stack, changes: dict[str, object]) -> None:
    watch = await assert_statements(unusual, [get(PAGE)] * 4, 4, 4, **changes)
    assert set(watch.outcomes) == {Outcome.PASSED}


async def test_without_merging_equal_reads_by_key_still_share(unusual: Stack) -> None:
    await assert_statements(unusual, [get("/num?id=eq.1"), get("/num?id=eq.2")] * 3, 2, 2, rules__fan001="report")


# Callers that leave.


async def test_the_first_to_ask_leaves_and_the_others_are_answered(unusual: Stack) -> None:
    direct = await one_by_one(unusual.url, [SLOW])
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin(unusual.url) as sidecar,
        sockets(sidecar.port, 3) as clients,
    ):
        watch = RequestLog(sidecar)
        await counter.reset()
        for client in clients:
            client.writer.write(SLOW)
        await wait_until_running(unusual.dsn, "%nap%")
        clients[0].abort()
        await until(lambda: watch.outcomes == [Outcome.GONE])
        answers = [await client.answer() for client in clients[1:]]
        assert await counter.statements() == 1
    assert_all_same([SLOW] * 2, direct * 2, answers)
    assert watch.calls == ["shared"]


async def test_when_all_have_left_the_call_is_cancelled(unusual: Stack) -> None:
    async with fanin(unusual.url) as sidecar:
        async with sockets(sidecar.port, 3) as clients:
            for client in clients:
                client.writer.write(SLOW)
            await wait_until_running(unusual.dsn, "%nap%")
        await until(lambda: not gauges(sidecar)["upstream_busy"])
        assert not gauges(sidecar)["waiting"]


async def test_a_slow_client_holds_up_nobody_else(unusual: Stack) -> None:
    large = get("/num?order=id&select=*,kid(*)")
    direct = await one_by_one(unusual.url, [large])
    async with fanin(unusual.url) as sidecar, RawClient(sidecar.port) as slow, sockets(sidecar.port, 2) as clients:
        slow.writer.write(large)
        answers = await burst(clients, [large] * 2)
        assert_all_same([large] * 2, direct * 2, answers)
        assert_all_same([large], direct, [await slow.answer()])
