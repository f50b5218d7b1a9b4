"""RetroMuscle's repository over supabase-js: each method answers the same with fanin and without, and fan-outs fold."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from proxy.model import Outcome
from proxy.observe.events import Event, RequestAnswered
from tests.e2e.support.bursts import statement_counter
from tests.e2e.support.harness import fanin
from tests.e2e.support.literals import uuid_of
from tests.e2e.support.new_creators import CREATORS, new_creators, tracking
from tests.e2e.support.script_runner import output_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

"""Creators of this test's own: what they write about is nobody else's."""


class StatementCounts(NamedTuple):
    """What Postgres counted: all statements for requests, and those that write."""

    statements: int
    writes: int


Results = dict[str, list[dict[str, Any]]]


WRITES = {
    "reviews": [
        {"tracking": uuid_of("old:" + creator), "videos": [uuid_of(f"{creator}{n}") for n in range(1, 11)]}
        for creator in CREATORS[:2]
    ],
    "creators": [
        {
            "id": creator,
            "profile": {"creator_id": creator, "method": "iban", "iban": "FR76"},
            "trackings": [tracking(creator, month) for month in ("2030-01", "2030-02")],
        }
        for creator in CREATORS[2:]
    ],
}


async def direct_and_through(
    stack: Stack, job: str, options: dict[str, Any], watch: Callable[[Event], None]
) -> tuple[list[StatementCounts], Results]:
    """The statements of ``job`` direct and through fanin, and its results, which are the same."""
    async with (
        statement_counter(stack.dsn) as counter,
        fanin(stack.url, mount="/rest/v1", merge__deadline_floor=10.0) as sidecar,
    ):
        sidecar._events.subscribe(watch)
        found: list[Results] = []
        taken = []
        for url, where in ((stack.url, "root"), (f"http://127.0.0.1:{sidecar.port}", "mount")):
            async with new_creators(stack) if job == "write" else nullcontext():
                await counter.reset()
                found.append(
                    await output_of("retromuscle_pages.cjs", url, where, stack.token, job, json.dumps(options))
                )
                taken.append(StatementCounts(await counter.statements(), await counter.writes()))
    direct, through = found
    assert through.keys() == direct.keys()
    for name in direct:
        assert through[name] == direct[name], name
    return taken, direct


def methods(results: Results) -> set[str]:
    return {name.partition(": ")[2].partition("(")[0] for name in results}


async def test_its_pages_get_the_same_and_the_payment_export_takes_a_fraction_of_its_calls(stack: Stack) -> None:
    requests: Counter[str] = Counter()
    calls: defaultdict[str, set[int]] = defaultdict(set)

    def watch(event: Event) -> None:
        if isinstance(event, RequestAnswered):
            requests[event.span.fingerprint] += 1
            calls[event.span.fingerprint].add(event.span.call)

    options = {"users": [uuid_of(f"user:{n}") for n in (*range(1, 9), 5000)]}
    (direct, through), results = await direct_and_through(stack, "read", options, watch)
    assert len(methods(results)) == 12
    export = "GET creator_payout_profiles?select=*&creator_id=eq.?"
    assert requests[export] == 20
    assert len(calls[export]) <= 10
    assert through.statements < direct.statements


async def test_its_jobs_write_the_same_with_one_statement_a_write(stack: Stack) -> None:
    passed: Counter[str] = Counter()

    def watch(event: Event) -> None:
        if isinstance(event, RequestAnswered):
            passed[event.span.method] += event.span.outcome is Outcome.PASSED

    (direct, through), results = await direct_and_through(stack, "write", WRITES, watch)
    assert {"reviewVideoAsset", "updateTrackingDelivered", "upsertPayoutProfile", "upsertTracking"} < methods(results)
    refused = 2  # upserts that a check refuses: a statement that fails is not counted
    assert direct.writes == through.writes == passed["PATCH"] + passed["POST"] - refused
