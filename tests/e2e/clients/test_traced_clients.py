"""deploy/clients in the real clients: what a request of the application asks is one trace, by its route and line."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from proxy.observe.events import Event, RequestAnswered, TraceClosed
from tests.e2e.support.applications.traced_handlers import copied
from tests.e2e.support.barrier_gateway import CLIENTS, BarrierGateway
from tests.e2e.support.harness import fanin
from tests.e2e.support.script_runner import APPLICATIONS, output_of
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from proxy.findings.model import Finding
    from proxy.model import Span, Trace
    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]


@asynccontextmanager
async def project_and_fanin(stack: Stack, events: list[Event]) -> AsyncIterator[tuple[str, str]]:
    """The addresses of a project, and of a fanin in front of it."""
    async with (
        BarrierGateway(stack.url).running() as gateway,
        fanin(gateway.url, profile="supabase", mount="auto", mode="observe") as sidecar,
    ):
        sidecar._events.subscribe(events.append)
        yield gateway.url, f"http://127.0.0.1:{sidecar.port}"


def line_of(script: str, words: str) -> str:
    """The place in a script of these tests where ``words`` are, as a caller is named."""
    lines = (APPLICATIONS / script).read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if words in line]
    return f"{(APPLICATIONS / script).relative_to(ROOT)}:{number}"


def closed_traces(events: Sequence[Event]) -> tuple[list[Trace], list[Finding]]:
    traces = [event for event in events if isinstance(event, TraceClosed)]
    return [event.trace for event in traces], [finding for event in traces for finding in event.findings]


def traces_by_route(traces: Sequence[Trace]) -> dict[str, list[Trace]]:
    found: defaultdict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        found[trace.route].append(trace)
    return dict(found)


def profile_reads(trace: Trace) -> list[Span]:
    return [span for span in trace.spans if "creator_payout_profiles" in span.relation]


async def test_supabase_js_jobs_are_a_trace_each_and_findings_name_route_and_line(stack: Stack) -> None:
    events: list[Event] = []
    async with project_and_fanin(stack, events) as (project, url):
        seen: dict[str, Any] = await output_of("traced_jobs.mjs", str(CLIENTS), project, url, stack.token)
    assert [len(job) for job in seen["jobs"]] == [8, 8]
    assert (seen["nested"], seen["unnamed"], seen["direct"]) == (seen["jobs"][0][0], 200, 200)
    traces, findings = closed_traces(events)
    routes = traces_by_route(traces)
    route = "job: payout export"
    assert [len(profile_reads(trace)) for trace in routes[route]] == [8, 8]
    assert all(trace.explicit and len(trace.spans) == 9 for trace in routes[route])
    named = [finding for finding in findings if (finding.code, finding.route) == ("FAN001", route)]
    assert [finding.caller for finding in named] == [line_of("traced_jobs.mjs", "// the fan-out")] * 2
    assert len(routes["outer"][0].spans) == 1
    assert "inner" not in routes
    (standard,) = routes["größe"]  # by traceparent
    assert (standard.explicit, len(standard.spans), len(standard.id)) == (True, 8, 32)
    (unnamed,) = [trace for trace in routes[""] if not trace.explicit]
    assert [span.caller for span in unnamed.spans] == [""]
    asked = [event.span for event in events if isinstance(event, RequestAnswered)]
    assert len(asked) == 2 * 9 + 1 + 8 + 1  # neither the client without fanin nor who asked for the user


async def test_supabase_py_jobs_are_a_trace_each_and_findings_name_route_and_line(stack: Stack) -> None:
    events: list[Event] = []
    async with project_and_fanin(stack, events) as (_, url):
        seen = await output_of("traced_handlers.py", url, stack.token)
    assert [len(ids) for ids in seen["jobs"]] == [8, 8]
    assert (seen["tasks"], seen["sync"]) == (2, 1)
    traces, findings = closed_traces(events)
    routes = traces_by_route(traces)
    assert [len(profile_reads(trace)) for trace in routes["job: payout export"]] == [8, 8]
    named = [finding for finding in findings if finding.code == "FAN001"]
    assert {(finding.route, finding.caller) for finding in named} == {
        ("job: payout export", line_of("traced_handlers.py", "# the fan-out"))
    }
    assert len(named) == 2
    (tasks,), (sync,) = routes["tasks"], routes["größe sync"]
    assert {span.caller for span in tasks.spans} == {line_of("traced_handlers.py", "# made here")}
    assert {span.caller for span in sync.spans} == {line_of("traced_handlers.py", "# asked here")}
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


PLACES: dict[str | None, list[list[Any]]] = {
    "src/a b.ts:7": [["/app/node_modules/x.js", 1, 2], ["/app/src/a b.ts", 7, 9]],
    "a.mjs:3": [["node:internal/x", 1, 2], [None, 1, 1], ["file:///app/a.mjs", 3, 4]],
    "ä [b].mjs:3": [["file:///app/%C3%A4%20[b].mjs", 3, 4]],
    "/elsewhere/lib.js:1": [["/elsewhere/lib.js", 1, 2]],
    "app/export/route.ts:15": [["webpack-internal:///(rsc)/./app/export/route.ts", 15, 30]],
    "src/job.ts:3": [["webpack://my-app/./src/job.ts", 3, 1]],
    "app/[id]/route.ts:12": [["/app/.next/server/chunk.js", 5, 7], ["/app/late.ts", 1, 1]],
    "app/late.ts:8": [["/app/.next/server/chunk.js", 9, 1], ["/app/.next/server/chunk.js", 9, 2]],
    ".next/server/chunk.js:99": [["/app/.next/server/chunk.js", 99, 1]],
    None: [["/app/node_modules/x.js", 1, 2], ["/app/node_modules/mapped.js", 1, 1]],
}
MAPPED = {
    "/app/.next/server/chunk.js": {
        "4:6": {"originalSource": "file:///app/app/%5Bid%5D/route.ts", "originalLine": 11},
        "8:0": {"originalSource": "file:///app/node_modules/client/src/index.ts", "originalLine": 0},
        "8:1": {"originalSource": "file:///app/app/late.ts", "originalLine": 7},
    },
    "/app/node_modules/mapped.js": {"0:0": {"originalSource": "webpack://mapped/src/index.ts", "originalLine": 0}},
}


async def test_the_line_is_the_applications_in_its_sources() -> None:
    given = json.dumps(list(PLACES.values()))
    seen = await output_of("stack_frames.mjs", str(CLIENTS), given, json.dumps(MAPPED))
    assert seen["places"] == list(PLACES)
    assert seen["own"] is None
    assert seen["sent"] == "http://fanin.test/rest/v1/t?id=eq.1"
