"""What an application gets from supabase-js is the same with fanin and without."""

from __future__ import annotations

import asyncio
import json
from hashlib import md5
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from proxy.model import Outcome
from proxy.observe.events import Event, RequestAnswered, UpstreamCalled
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.held_link import held_link
from tests.e2e.support.script_runner import output_of

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
CREATORS, MISSING = 24, 6


def creator(number: int) -> str:
    return str(UUID(md5(f"creator:{number}".encode(), usedforsecurity=False).hexdigest()))


async def run(token: str, *urls: str) -> list[dict[str, list[Any]]]:
    """What the application got from each URL: per burst its results."""
    ids = json.dumps([creator(n) for n in range(100 - CREATORS, 100 + MISSING)])
    return list(await output_of("supabase_bursts.cjs", token, ids, *urls))


async def test_bursts_through_supabase_js_are_deep_equal_and_take_a_fraction_of_the_calls(stack: Stack) -> None:
    merged: list[str] = []
    calls = 0

    def watch(event: Event) -> None:
        nonlocal calls
        calls += isinstance(event, UpstreamCalled)
        if isinstance(event, RequestAnswered) and event.span.outcome is Outcome.MERGED:
            merged.append(event.span.fingerprint)

    async with fanin(stack.url, merge__deadline_floor=10.0) as sidecar:
        sidecar._events.subscribe(watch)
        (direct,) = await run(stack.token, stack.url)
        (through,) = await run(stack.token, f"http://127.0.0.1:{sidecar.port}")
    for name, results in direct.items():
        assert through[name] == results, name
    assert {result["status"] for result in direct["single"]} == {200, 406}
    assert {result["status"] for result in direct["missing column"]} == {400}
    assert {result["status"] for result in direct["missing table"]} == {404}
    assert {result["status"] for result in direct["bad value"]} == {200, 400}
    assert sum(result["data"] is None for result in direct["maybeSingle"]) == MISSING - 1
    assert len(merged) >= CREATORS
    assert calls < len(direct) * (CREATORS + MISSING)


TRACED = (
    *(("sentry-trace", "baggage"), ("x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-tags", "traceparent")),
    *(("b3",), ("X-B3-TraceId", "X-B3-SpanId"), ("newrelic", "traceparent", "tracestate"), ("uber-trace-id",)),
    *(("elastic-apm-traceparent",), ("x-instana-t", "x-instana-s"), ("x-amzn-trace-id",), ("x-cloud-trace-context",)),
)


@pytest.mark.parametrize("names", TRACED, ids=",".join)
async def test_calls_that_a_tracing_library_gives_headers_of_their_own_merge(
    stack: Stack, names: tuple[str, ...]
) -> None:
    said: list[Event] = []
    ids = json.dumps([creator(n) for n in range(CREATORS)])
    async with held_link(stack.url) as link, fanin(link.url, merge__max_wait=60.0) as sidecar:
        sidecar._events.subscribe(said.append)
        urls = (stack.url, f"http://127.0.0.1:{sidecar.port}")
        link.answers.clear()
        running = asyncio.create_task(output_of("traced_fetch.cjs", stack.token, ids, json.dumps(names), *urls))
        await until(lambda: running.done() or sidecar.server.in_flight == CREATORS)
        link.answers.set()
        direct, through = await running
    assert direct == through
    assert sum(isinstance(event, UpstreamCalled) for event in said) < CREATORS / 2
