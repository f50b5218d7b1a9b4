"""One object, rows without nulls, counted rows and limited rows, all served from one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets, statement_counter
from tests.e2e.support.harness import fanin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

OBJECT = "Accept: application/vnd.pgrst.object+json"
STRIPPED = ";nulls=stripped"
COUNT = "Prefer: count=exact"
THERE, MISSING = list(range(1, 11)), [5001, 5002]


async def statements_of_bursts(unusual: Stack, bursts: Sequence[Sequence[bytes]]) -> list[int]:
    """Statements of each burst, one after the other through one fanin; every answer is PostgREST's own."""
    taken = []
    async with (
        statement_counter(unusual.dsn) as counter,
        fanin(unusual.url, merge__deadline_floor=10.0) as sidecar,
        sockets(sidecar.port, max(map(len, bursts))) as clients,
    ):
        for requests in bursts:
            direct = await one_by_one(unusual.url, requests)
            await counter.reset()
            through = await burst(clients, requests)
            taken.append(await counter.statements())
            assert_all_same(requests, direct, through)
    return taken


@pytest.mark.parametrize(
    "lines",
    [
        (OBJECT,),
        (OBJECT + STRIPPED,),
        ("Accept: application/vnd.pgrst.array+json" + STRIPPED,),
        (COUNT,),
        (OBJECT, COUNT),
    ],
    ids=" ".join,
)
async def test_rows_that_are_there_take_one_statement(unusual: Stack, lines: tuple[str, ...]) -> None:
    requests = [get(f"/num?id=eq.{n}", *lines) for n in THERE]
    assert await statements_of_bursts(unusual, [requests]) == [1]


@pytest.mark.parametrize("accept", [OBJECT, OBJECT + STRIPPED])
async def test_a_missing_object_is_learnt_from_upstream_once(unusual: Stack, accept: str) -> None:
    requests = [get(f"/num?id=eq.{n}", accept) for n in THERE + MISSING]
    assert await statements_of_bursts(unusual, [requests, requests]) == [1 + len(MISSING), 1]


async def test_several_rows_for_one_object_are_told_with_their_number(unusual: Stack) -> None:
    """Keys 1 to 5 of `many` have several rows: the 406 of a missing one is all that has to be known."""
    missing = [get(f"/many?k=eq.{n}", OBJECT) for n in (9001, 9002)]
    several = [get(f"/many?k=eq.{n}", OBJECT) for n in range(1, 6)]
    assert (await statements_of_bursts(unusual, [missing, several]))[1] == 1


async def test_a_count_of_nothing_is_nothing(unusual: Stack) -> None:
    assert await statements_of_bursts(unusual, [[get(f"/num?id=eq.{n}", COUNT) for n in (1, *MISSING)]]) == [1]


@pytest.mark.parametrize("more", ["&limit=1", "&limit=5&order=id", "&limit=999999"])
@pytest.mark.parametrize("lines", [(), (OBJECT,), (COUNT,)], ids=str)
async def test_a_limit_that_no_key_reaches_is_no_hindrance(unusual: Stack, more: str, lines: tuple[str, ...]) -> None:
    requests = [get(f"/num?id=eq.{n}{more}", *lines) for n in THERE]
    assert await statements_of_bursts(unusual, [requests]) == [1]


@pytest.mark.parametrize("more", ["&limit=1", "&limit=1&order=id", "&limit=2&order=note"])
@pytest.mark.parametrize("lines", [(), (OBJECT,), (COUNT,)], ids=str)
async def test_keys_with_more_rows_than_their_limit_get_the_originals(
    unusual: Stack, more: str, lines: tuple[str, ...]
) -> None:
    requests = [get(f"/many?k=eq.{n}{more}", *lines) for n in range(1, 6)]
    (taken,) = await statements_of_bursts(unusual, [requests])
    assert taken == 1 + len(requests)
