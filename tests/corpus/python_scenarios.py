"""What scenarios in Python are made of, and how they are played: with supabase-py's client of PostgREST."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from postgrest import AsyncPostgrestClient, SyncPostgrestClient

from tests.e2e.support.applications.traced_handlers import copied

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

fanin_trace = copied("fanin_trace")
trace, traced = fanin_trace.trace, fanin_trace.traced


def rows(query: Any) -> list[dict[str, Any]]:
    return list(query.execute().data)


class Scenarios(NamedTuple):
    """What is played, each function under its name; ``bursts`` name their traces themselves."""

    jobs: Sequence[Callable[[SyncPostgrestClient], None]]
    tasks: Sequence[Callable[[AsyncPostgrestClient], Awaitable[None]]]
    bursts: Sequence[Callable[[AsyncPostgrestClient], Awaitable[None]]]

    def names(self) -> list[str]:
        return [*map(name_of, self.jobs), *map(name_of, self.tasks), *map(name_of, self.bursts)]


def name_of(scenario: Callable[..., object]) -> str:
    return "py: " + scenario.__name__.replace("_", " ")


async def play(scenarios: Scenarios, url: str, token: str) -> None:
    """Each scenario under its name as the route."""
    headers = {"Authorization": f"Bearer {token}"}
    for job in scenarios.jobs:
        with httpx.Client(verify=False) as session, trace(name_of(job)):  # no TLS here: no certificates to load
            job(SyncPostgrestClient(f"{url}/rest/v1", headers=headers, http_client=traced(session, url)))
    for task in (*scenarios.tasks, *scenarios.bursts):
        async with httpx.AsyncClient(verify=False) as session:
            db = AsyncPostgrestClient(f"{url}/rest/v1", headers=headers, http_client=traced(session, url))
            with nullcontext() if task in scenarios.bursts else trace(name_of(task)):
                await task(db)
