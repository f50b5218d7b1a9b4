"""A real Next.js with deploy/clients: each request is a trace, by its route, and findings name lines of its sources."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest

from tests.check.sarif_schema import schema_errors
from tests.e2e.support.barrier_gateway import CLIENTS, BarrierGateway
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.next_dev_server import APPLICATION, HOME, IS_INSTALLED, next_dev
from tests.e2e.support.script_runner import output_of
from tests.e2e.support.supabase_gateway import creator_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import Stack
    from tests.e2e.support.fanin_with_admin import FaninWithAdmin

pytestmark = [
    pytest.mark.stack,
    pytest.mark.e2e,
    pytest.mark.skipif(not IS_INSTALLED, reason="npm could not install Next.js here"),
]
WAIT = 60  # seconds that a page may take: it is compiled when it is first asked for


def line_of(path: str, words: str) -> str:
    """The place in the application where ``words`` are, as a caller is named."""
    lines = (APPLICATION / path).read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if words in line]
    return f"{path}:{number}"


ONE = line_of("app/creators/[id]/route.ts", "// one creator")
LIST = line_of("app/export/[month]/route.ts", "from('creators')")
SERIAL = line_of("app/export/[month]/route.ts", "// one after another")
PAGE_LIST = line_of("app/creators/page.tsx", "from('creators')")
PAGE = line_of("app/creators/page.tsx", "// the page's fan-out")
PARTS_LIST = line_of("app/(office)/payouts/page.tsx", "from('creators')")
PARTS = line_of("app/(office)/payouts/page.tsx", "// the components' fan-out")
KEPT = line_of("app/rates/page.tsx", "// kept by Next.js")


async def page_texts(url: str, *paths: str) -> list[str]:
    async with httpx.AsyncClient(base_url=url, timeout=WAIT) as browser:
        answers = [await browser.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * len(paths), [answer.text for answer in answers]
    return [answer.text for answer in answers]


async def close_all_traces(seen: FaninWithAdmin) -> dict[str, list[dict[str, Any]]]:
    """All traces, which are over now, by route."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, *_ in list(seen.sidecar.traces._open):
        closed = json.loads((await seen.post(f"/api/traces/{name}/close")).body)
        (part,) = closed["parts"]
        found.setdefault(part["summary"]["route"], []).append(part)
    return found


def callers(trace: dict[str, Any]) -> Counter[str]:
    return Counter(span["caller"] for span in trace["spans"])


async def sarif_of_check(seen: FaninWithAdmin) -> Any:
    """What `fanin check` makes of it for a code host."""
    argv = (sys.executable, "-m", "proxy", "check", "--admin", seen.url, "--format", "sarif")
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    written, _ = await process.communicate()
    return json.loads(written)


@asynccontextmanager
async def project_and_fanin(stack: Stack) -> AsyncIterator[tuple[str, FaninWithAdmin]]:
    """A project, and a fanin before it with its admin port, where traces are open until they are said to be over."""
    rules = {"profile": "supabase", "mount": "auto", "mode": "observe", "trace__quiet_explicit": 600}
    async with BarrierGateway(stack.url).running() as gateway, fanin_with_admin(gateway.url, **rules) as seen:
        yield gateway.url, seen


async def test_each_request_is_a_trace_by_its_route_and_findings_name_lines_of_the_sources(stack: Stack) -> None:
    (creator,) = await creator_ids(stack, 1)
    pages = [f"/creators/{creator}", "/export/2025-05", "/creators", "/creators", "/payouts", *["/rates"] * 3]
    async with project_and_fanin(stack) as (project, seen):
        with next_dev(project, seen.sidecar.port, stack.token) as site:
            one, _, page, _, parts, *_ = await page_texts(site.url, *pages)
            assert site.misfits() == ""
            assert "rror" not in site.log()
        found = await close_all_traces(seen)
        log = await sarif_of_check(seen)
    assert json.loads(one) == {"id": creator}
    assert "8<!-- --> profiles" in page
    assert parts.count("<li>") == 8
    assert {route: [callers(trace) for trace in each] for route, each in found.items()} == {
        "GET /creators/[id]": [{ONE: 1}],
        "GET /export/[month]": [{LIST: 1, SERIAL: 8}],
        "page /creators": [{PAGE_LIST: 1, PAGE: 8}] * 2,
        "page /payouts": [{PARTS_LIST: 1, PARTS: 8}],
        "page /rates": [{KEPT: 1}],  # the second and third were answered by Next.js's Data Cache
    }
    assert all(trace["summary"]["kind"] == "explicit" for each in found.values() for trace in each)
    assert {(finding["code"], finding["route"], finding["caller"]) for finding in findings(found)} == {
        ("FAN002", "GET /export/[month]", SERIAL),
        ("FAN001", "page /creators", PAGE),
        ("FAN001", "page /payouts", PARTS),
    }
    assert schema_errors(log) == []
    assert sarif_uris(log) == {place.rpartition(":")[0] for place in (SERIAL, PAGE, PARTS)}


async def test_lines_are_those_of_the_sources_with_webpack_too(stack: Stack) -> None:
    async with project_and_fanin(stack) as (project, seen):
        with next_dev(project, seen.sidecar.port, stack.token, "--webpack") as site:
            await page_texts(site.url, "/creators")
        found = await close_all_traces(seen)
    assert [callers(trace) for trace in found["page /creators"]] == [{PAGE_LIST: 1, PAGE: 8}]


async def test_a_route_has_no_values(tmp_path: Path) -> None:
    requests = {
        "http://a.test/creators/7/videos/7": ({"id": "7"}, "GET /creators/7/videos/[id]"),
        "http://a.test/s/f%C3%BCr/x%2Fy?z=1": ({"a": "für", "b": "x%2Fy"}, "GET /s/[a]/[b]"),
        "http://a.test/docs/a/b": ({"slug": ["a", "b"]}, "GET /docs/[...slug]"),
        "http://a.test/docs": ({"slug": None}, "GET /docs"),
    }
    for copied in CLIENTS.glob("*.mjs"):
        shutil.copy(copied, tmp_path)
    (tmp_path / "node_modules").symlink_to(HOME / "node_modules")
    given = json.dumps([[url, params] for url, (params, _) in requests.items()])
    routes = await output_of("next_routes.mjs", str(tmp_path), given)
    assert routes == [*(route for _, route in requests.values()), "given"]


def findings(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    close_all_traces = [trace for each in found.values() for trace in each]
    return [view["finding"] for trace in close_all_traces for view in trace["findings"]]


def sarif_uris(log: Any) -> set[str]:
    places = [place["physicalLocation"] for one in log["runs"][0]["results"] for place in one["locations"]]
    return {unquote(place["artifactLocation"]["uri"]) for place in places}
