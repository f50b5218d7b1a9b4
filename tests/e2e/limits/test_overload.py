"""At more than upstream handles, some calls are refused at once and sent to nobody; below that, nothing changes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from proxy.observe.events import Event, UpstreamCalled
from tests.e2e.support.bursts import get, sockets, statement_counter
from tests.e2e.support.error_codes import error_code
from tests.e2e.support.harness import OK, RawClient, ScriptedUpstream, answers, ask, fanin, free_port
from tests.e2e.support.long_lists import execute_sql
from tests.e2e.support.unusual_types import postgrest_with, wait_until_running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.sidecar.sidecar import Sidecar
    from tests.conftest import Stack
    from tests.e2e.support.harness import RawAnswer

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

CONTROL = {"overload__control": "on", "overload__target": 0.002, "overload__interval": 0.05, "overload__min_calls": 4}
CLIENTS, EACH = 40, 12
SLOW = """
create or replace function unusual.slow_answer(n int) returns int language sql stable
    as $$ select n from (select pg_sleep(0.02)) waited $$;
create or replace function unusual.holds() returns int language sql stable
    as $$ select 1 from (select pg_sleep(3)) waited $$;
notify pgrst, 'reload schema';
"""


@pytest.fixture(scope="module")
def small(unusual: Stack) -> Iterator[Stack]:
    """PostgREST with four connections to the database."""
    asyncio.run(execute_sql(unusual, SLOW))
    with postgrest_with(unusual, db_pool="4") as made:
        yield made


async def calls_in_a_row(client: RawClient, own: int, count: int, *lines: str) -> list[tuple[bytes, RawAnswer]]:
    """One call after another, each with a number of its own; a refused one is not repeated."""
    told = []
    for at in range(count):
        number = 1000 * own + at
        await client.send(get(f"/rpc/slow_answer?n={number}", *lines))
        told.append((b"%d" % number, await client.answer()))
    return told


async def run(sidecar: Sidecar, clients: int, each: int = EACH) -> list[tuple[bytes, RawAnswer]]:
    async with sockets(sidecar.port, clients) as connected:
        rounds = await asyncio.gather(*(calls_in_a_row(client, own, each) for own, client in enumerate(connected)))
    return [told for one in rounds for told in one]


async def test_at_ten_times_the_capacity_each_call_is_answered_once_or_refused_and_not_sent(small: Stack) -> None:
    said: list[Event] = []
    async with fanin(small.url, pool__calls=8, **CONTROL) as sidecar, statement_counter(small.dsn) as counter:
        sidecar._events.subscribe(said.append)
        await counter.reset()
        told = await run(sidecar, CLIENTS)
        statements = await counter.statements(told=False)
        overload = sidecar.upstream.overload
        assert overload is not None
        assert sum(overload.refused.values()) == sum(answer.status == 503 for _, answer in told)
        assert (sidecar.upstream.calls.busy, sidecar.upstream.calls.waiting) == (0, 0)
    statuses = Counter(answer.status for _, answer in told)
    assert statuses.keys() == {200, 503}
    assert all(answer.body == number for number, answer in told if answer.status == 200), "each gets its own"
    refused = [answer for _, answer in told if answer.status == 503]
    assert {error_code(answer) for answer in refused} == {"FANIN513"}
    seconds = {int(answer.values(b"retry-after")[0]) for answer in refused}
    assert len(seconds) > 1, "clients are not told to come back all at once"
    assert sum(isinstance(event, UpstreamCalled) for event in said) == statuses[200] == statements


async def test_below_the_capacity_nothing_is_refused(small: Stack) -> None:
    async with fanin(small.url, pool__calls=8, **CONTROL) as sidecar:
        assert {answer.status for _, answer in await run(sidecar, 3)} == {200}
        overload = sidecar.upstream.overload
        assert overload is not None
        assert (overload.limit.calls, overload.admission.overloaded) == (8, False)


async def test_without_the_setting_all_wait_and_are_answered(small: Stack) -> None:
    async with fanin(small.url, pool__calls=8) as sidecar:
        assert {answer.status for _, answer in await run(sidecar, CLIENTS, 2)} == {200}


async def test_an_error_of_postgrests_own_pool_is_shared_and_not_multiplied(small: Stack) -> None:
    """PostgREST has one connection to the database, which another caller holds: PGRST003 after a second."""
    said: list[Event] = []
    with postgrest_with(small, db_pool="1", db_pool_acquisition_timeout="1") as tiny:
        async with fanin(tiny.url, merge__deadline_floor=30.0, merge__probation=0) as sidecar:
            holding = asyncio.ensure_future(ask(sidecar.port, get("/rpc/holds")))
            await wait_until_running(tiny.dsn, "%holds%")
            sidecar._events.subscribe(said.append)
            async with sockets(sidecar.port, 12) as clients:
                for number, client in enumerate(clients):
                    await client.send(get(f"/num?select=id&id=eq.{number}"))
                told = [await client.answer() for client in clients]
            await holding
    assert {(answer.status, json.loads(answer.body)["code"]) for answer in told} == {(504, "PGRST003")}
    calls = [event for event in said if isinstance(event, UpstreamCalled) and event.kind in ("merged", "original")]
    assert len(calls) <= 2, "the first alone, the others together"


async def test_while_upstream_cannot_be_reached_calls_are_refused_until_a_try_gets_a_connection() -> None:
    port = free_port()
    settings = CONTROL | {"overload__circuit_failures": 3, "overload__circuit_wait": 0.05}
    raw = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"
    async with fanin(f"http://127.0.0.1:{port}", **settings) as sidecar:
        overload = sidecar.upstream.overload
        assert overload is not None
        overload.circuit.record_success()  # the failures at start
        codes = [error_code(await ask(sidecar.port, raw)) for _ in range(3)]
        assert codes == ["FANIN501"] * 3
        assert overload.circuit.open
        overload.circuit._next_try = sidecar.upstream.now() + 60
        assert error_code(await ask(sidecar.port, raw.replace(b"GET", b"DELETE"))) == "FANIN512"
        async with ScriptedUpstream(answers(OK), port=port):
            overload.circuit._next_try = 0.0
            assert (await ask(sidecar.port, raw)).status == 200
            assert not overload.circuit.open
