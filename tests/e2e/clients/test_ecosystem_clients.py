"""What applications get from clients of other libraries is the same with fanin and without, and their bursts merge."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from proxy.model import Outcome
from proxy.observe.events import Event, RequestAnswered
from tests.e2e.clients.test_supabase_js import creator
from tests.e2e.support.harness import fanin
from tests.e2e.support.script_runner import output_of

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
KEYS = [creator(number) for number in range(76, 104)]
EXISTING = 24
"""So many creators exist, and the last 4 do not."""
NEVER_MERGED = {
    "ra-data-postgrest: update": "writes are not merged",
    "ra-data-postgrest: getMany of two": "two lists may share a row",
    "ra-data-postgrest: getList, more rows than the page": "a merged call reads as many rows per key as the page has",
    "ra-data-postgrest: getList, second page": "rows before the page would have to be read",
    "axios: an unknown column": "an error of the query may be another for each caller",
    "ky: text": "PostgREST refuses the media type",
}
"""Calls, and why each of them goes to PostgREST alone, however they arrive."""
SOMETIMES_MERGED = {"ra-data-postgrest: getList, more rows than the page or none"}
"""Calls that merge if few of them are in a window: the keys without rows leave room for the rows of the others."""


async def results_of(token: str, url: str) -> dict[str, Any]:
    """Per client and call, what the application got for each of KEYS."""
    printed = await output_of("ecosystem_clients.mjs", token, json.dumps(KEYS), str(EXISTING), url)
    return {f"{client}: {call}": results for client, calls in printed.items() for call, results in calls.items()}


async def test_bursts_of_each_client_are_deep_equal_and_merge(stack: Stack) -> None:
    outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)

    def watch(event: Event) -> None:
        if isinstance(event, RequestAnswered):
            outcomes[event.span.caller][event.span.outcome] += 1

    direct = await results_of(stack.token, stack.url)
    async with fanin(stack.url, merge__deadline_floor=10.0, merge__ties="physical") as sidecar:
        sidecar._events.subscribe(watch)
        through = await results_of(stack.token, f"http://127.0.0.1:{sidecar.port}")
    assert [call for call, results in direct.items() if through[call] != results] == []
    assert set(outcomes) == set(direct)
    merged: dict[str, list[int]] = defaultdict(list)
    for call, counts in outcomes.items():
        merged[call.split(":")[0]].append(counts[Outcome.MERGED])
        print(f"{call}: {counts[Outcome.MERGED]} of {counts.total()} merged")
    for client, numbers in merged.items():
        print(f"{client}: {sum(numbers) / len(numbers) / len(KEYS):.0%} merged")
    never = {call for call in outcomes if not outcomes[call][Outcome.MERGED]}
    assert never - SOMETIMES_MERGED == set(NEVER_MERGED)
