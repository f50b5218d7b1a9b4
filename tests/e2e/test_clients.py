"""deploy/clients in the real clients: what one request of the application asks is one trace, by its route and its line.

Next.js itself is not here: its wrappers are called with what the App Router gives them, Node's own Request and a
promise of the parameters.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from proxy.observe.events import Answered, Closed, Event
from tests.e2e.harness import fanin
from tests.e2e.scripts import HERE, printed_by
from tests.e2e.test_supabase import Gateway
from tests.e2e.traced import copied
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiohttp import web

    from proxy.findings import Finding
    from proxy.model import Span, Trace
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
CLIENTS = ROOT / "deploy" / "clients"


class Crowd(Gateway):
    """A gateway that answers reads of one profile by the eight, so that those of one request are in flight together."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.eight = asyncio.Barrier(8)

    async def rest(self, request: web.Request) -> web.Response:
        if "creator_payout_profiles" in request.path:
            await self.eight.wait()
        return await super().rest(request)


@asynccontextmanager
async def observing(stack: Stack, events: list[Event]) -> AsyncIterator[tuple[str, str]]:
    """The addresses of a project, and of a fanin in front of it."""
    async with (
        Crowd(stack.url).running() as gateway,
        fanin(gateway.url, profile="supabase", mount="auto", mode="observe") as sidecar,
    ):
        sidecar._events.subscribe(events.append)
        yield gateway.url, f"http://127.0.0.1:{sidecar.port}"


def line_of(script: str, words: str) -> str:
    """The place in a script of these tests where ``words`` are, as a caller is named."""
    lines = (HERE / script).read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if words in line]
    return f"{(HERE / script).relative_to(ROOT)}:{number}"


def closed(events: Sequence[Event]) -> tuple[list[Trace], list[Finding]]:
    traces = [event for event in events if isinstance(event, Closed)]
    return [event.trace for event in traces], [finding for event in traces for finding in event.findings]


def by_route(traces: Sequence[Trace]) -> dict[str, list[Trace]]:
    found: defaultdict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        found[trace.route].append(trace)
    return dict(found)


def fans(trace: Trace) -> list[Span]:
    return [span for span in trace.spans if "creator_payout_profiles" in span.relation]


async def test_supabase_js_and_next_handlers_are_a_trace_each_and_findings_name_route_and_line(stack: Stack) -> None:
    events: list[Event] = []
    async with observing(stack, events) as (project, url):
        seen: dict[str, Any] = await printed_by("traced.mjs", str(CLIENTS), project, url, stack.token)
    assert seen["jobs"] == seen["routes"]
    assert seen["page"] == seen["jobs"][0]
    assert len(seen["page"]) == 8
    assert (seen["nested"], seen["unnamed"], seen["direct"]) == (seen["page"][0], 200, 200)
    traces, findings = closed(events)
    routes = by_route(traces)
    line = line_of("traced.mjs", "// the fan-out")
    for route, often in (("job: payout export", 2), ("GET /export/[month]", 2), ("page /übersicht", 1)):
        assert [len(fans(trace)) for trace in routes[route]] == [8] * often, route
        assert all(trace.explicit and len(trace.spans) == 9 for trace in routes[route])
        named = [finding for finding in findings if (finding.code, finding.route) == ("FAN001", route)]
        assert [finding.caller for finding in named] == [line] * often, route
    assert len(routes["outer"][0].spans) == 1
    assert "inner" not in routes
    (unnamed,) = [trace for trace in routes[""] if not trace.explicit]
    assert [span.caller for span in unnamed.spans] == [""]
    asked = [event.span for event in events if isinstance(event, Answered)]
    assert len(asked) == 5 * 9 + 2  # neither the client without fanin nor who asked for the user


async def test_supabase_py_jobs_are_a_trace_each_and_findings_name_route_and_line(stack: Stack) -> None:
    events: list[Event] = []
    async with observing(stack, events) as (_, url):
        seen = await printed_by("traced.py", url, stack.token)
    assert [len(ids) for ids in seen["jobs"]] == [8, 8]
    assert (seen["tasks"], seen["sync"]) == (2, 1)
    traces, findings = closed(events)
    routes = by_route(traces)
    assert [len(fans(trace)) for trace in routes["job: payout export"]] == [8, 8]
    named = [finding for finding in findings if finding.code == "FAN001"]
    assert {(finding.route, finding.caller) for finding in named} == {
        ("job: payout export", line_of("traced.py", "# the fan-out"))
    }
    assert len(named) == 2
    (tasks,), (sync,) = routes["tasks"], routes["größe sync"]
    assert {span.caller for span in tasks.spans} == {line_of("traced.py", "# made here")}
    assert {span.caller for span in sync.spans} == {line_of("traced.py", "# asked here")}
    assert all(trace.explicit for trace in traces)


def test_only_fanin_is_told_names() -> None:
    heads: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heads.append(request.headers)
        return httpx.Response(200)

    names = copied("fanin_trace")
    with httpx.Client(transport=httpx.MockTransport(answer), verify=False) as session:
        names.traced(session, "http://127.0.0.1:8000")
        with names.trace("GET /x"):
            for url in ("http://127.0.0.1:8000/t", "http://127.0.0.1:8001/t", "https://elsewhere.test/t"):
                session.get(url)
        session.get("http://127.0.0.1:8000/t")
    assert ["x-fanin-route" in head for head in heads] == [True, False, False, False]
    assert not any("x-fanin-caller" in head for head in heads)


async def test_the_line_is_the_applications_and_the_route_has_no_values() -> None:
    stacks = {
        "at f (/app/node_modules/x.js:1:2)\n at async GET (/app/src/a b.ts:7:9)": "src/a b.ts:7",
        "at node:internal/x:1:2\n at async Promise.all (index 0)\n at file:///app/a.mjs:3:4": "a.mjs:3",
        "at async GET (webpack-internal:///(rsc)/./app/export/route.ts:15:30)": "app/export/route.ts:15",
        "at async (/elsewhere/lib.js:1:2)": "/elsewhere/lib.js:1",
        "at new Promise (<anonymous>)": None,
    }
    requests = {
        "http://a.test/creators/7/videos/7": ({"id": "7"}, "GET /creators/7/videos/[id]"),
        "http://a.test/s/f%C3%BCr/x%2Fy?z=1": ({"a": "für", "b": "x%2Fy"}, "GET /s/[a]/[b]"),
        "http://a.test/docs/a/b": ({"slug": ["a", "b"]}, "GET /docs/[...slug]"),
        "http://a.test/docs": ({"slug": None}, "GET /docs"),
    }
    asked = [[url, params] for url, (params, _) in requests.items()]
    seen = await printed_by(
        "places.mjs", str(CLIENTS), json.dumps([f"Error\n {stack}" for stack in stacks]), json.dumps(asked)
    )
    assert seen["places"] == list(stacks.values())
    assert seen["routes"] == [*(route for _, route in requests.values()), "given"]
    assert seen["sent"] == "http://fanin.test/rest/v1/t?id=eq.1"
