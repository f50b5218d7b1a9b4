"""PostgREST's db-max-rows is lowered while fanin runs: no caller is told that its rows do not exist."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets, together
from tests.e2e.support.harness import ask, fanin, until
from tests.e2e.support.reloadable_postgrest import ReloadablePostgREST, reloadable_postgrest
from tests.e2e.support.sidecar_events import SidecarEvents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
REQUESTS = [get(f"/num?select=id,title&id=eq.{n}") for n in range(1, 51)]
MANY_ROWS = get("/num?select=id&id=lt.900")
SETTINGS: dict[str, object] = {
    "merge__deadline_floor": 10.0,
    "merge__pause_first": 1e-6,
    "merge__pause_max": 1e-6,
}
UNREACHABLE = frozenset((502, 503, 504))


async def load_until(stop: asyncio.Event, port: int, answers: list[tuple[int, bytes]]) -> None:
    """Bursts until told to stop; what each caller got, by the number of its request."""
    while not stop.is_set():
        found = await together(port, REQUESTS)
        answers += [(number, answer.body) for number, answer in enumerate(found) if answer.status not in UNREACHABLE]


@pytest.mark.parametrize("known", ["nothing", "catalog", "max-rows"])
@pytest.mark.parametrize(
    "lower",
    [
        ReloadablePostgREST.lower_by_restart,
        ReloadablePostgREST.lower_by_signal,
        ReloadablePostgREST.lower_by_notification,
    ],
    ids=["restart", "signal", "notification"],
)
async def test_no_caller_misses_a_row_when_max_rows_is_lowered_under_load(
    unusual: Stack, lower: Callable[[ReloadablePostgREST, int], Awaitable[None]], known: str
) -> None:
    more: dict[str, object] = {"merge__max_rows": 1000} if known == "max-rows" else {}
    if known == "catalog":
        more = {"db_uri": unusual.dsn, "catalog__schemas": ["unusual"]}
    async with reloadable_postgrest(unusual, 1000) as postgrest, fanin(postgrest.url, **SETTINGS, **more) as sidecar:
        direct = await one_by_one(postgrest.url, REQUESTS)
        assert (await ask(sidecar.port, MANY_ROWS)).body.count(b"{") == 899
        stop, answers = asyncio.Event(), list[tuple[int, bytes]]()
        load = asyncio.create_task(load_until(stop, sidecar.port, answers))
        await until(lambda: len(answers) > 500)
        await lower(postgrest, 3)
        before = len(answers)
        await until(lambda: len(answers) > before + 1000 or load.done())
        stop.set()
        await load
        wrong = [number for number, body in answers if body != direct[number].body]
        assert not wrong, f"{len(wrong)} of {len(answers)} answers lack their row"
        assert_all_same(REQUESTS, direct, await together(sidecar.port, REQUESTS))


async def test_keys_without_a_row_are_told_so_only_by_a_counted_answer(unusual: Stack) -> None:
    """The catalog knows the key to be unique: the second burst asks for a count at once, so that it is one call."""
    requests = [get(f"/num?select=id&id=eq.{n}") for n in (1, 2, 5000, 5001)]
    direct = await one_by_one(unusual.url, requests)
    known = {"db_uri": unusual.dsn, "catalog__schemas": ["unusual"]}
    async with (
        fanin(unusual.url, **SETTINGS, **known) as sidecar,
        sockets(sidecar.port, len(requests)) as clients,
    ):
        seen, calls = SidecarEvents(sidecar), []
        for _ in range(3):
            assert_all_same(requests, direct, await burst(clients, requests))
            calls.append(seen.calls_by_kind()["merged"])
    assert calls == [2, 3, 4]


async def test_a_max_rows_in_the_settings_that_an_answer_refutes_counts_no_more(unusual: Stack) -> None:
    async with (
        reloadable_postgrest(unusual, 3) as postgrest,
        fanin(postgrest.url, **SETTINGS, merge__max_rows=1000) as sidecar,
    ):
        seen = SidecarEvents(sidecar)
        await ask(sidecar.port, get("/num?select=id", "Prefer: count=exact"))
        direct = await one_by_one(postgrest.url, REQUESTS)
        assert_all_same(REQUESTS, direct, await together(sidecar.port, REQUESTS))
        await until(seen.warnings)
    assert "db-max-rows is 3" in seen.warnings()[0]
