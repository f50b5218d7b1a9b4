"""The number of queries of a trace is the same in its headers, on the pages, in the metrics, the log and the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.commands.main import OK
from proxy.observe.metrics import Metrics
from tests.e2e.findings.test_check import run_check
from tests.e2e.support.bursts import get, one_by_one
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK as ANSWER
from tests.e2e.support.harness import ScriptedUpstream, answers, ask, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Stack

ROUTE = "GET /export"
NAMES = ("X-Fanin-Trace: t1", f"X-Fanin-Route: {ROUTE}")
PAGE_LOAD = (
    get("/auth/v1/user", *NAMES),
    get("/auth/v1/user", *NAMES),
    get("/storage/v1/object/list/files", *NAMES),
    get("/rest/v1/t?id=eq.1", *NAMES),
    get("/rest/v1/t?id=eq.1", "X-Retry-Count: 1", *NAMES),
    get("/rest/v1/t?id=eq.1", *NAMES).replace(b"GET ", b"OPTIONS ", 1),
)
"""One query: the rest is for other services of the host, or a client's retry, or a preflight."""


async def test_requests_that_postgrest_does_not_get_and_retries_count_nowhere(tmp_path: Path) -> None:
    budgets = tmp_path / "fanin.toml"
    budgets.write_text(f'[[budget]]\nroute = "{ROUTE}"\nmax_queries = 1\n', encoding="utf-8")
    metrics = Metrics(100, tuple)
    mount = {"mount": "/rest/v1", "headers": "on"}
    async with ScriptedUpstream(answers(ANSWER)) as upstream, fanin_with_admin(upstream.url, **mount) as seen:
        seen.events.subscribe(metrics)
        found = await one_by_one(f"http://127.0.0.1:{seen.sidecar.port}", list(PAGE_LOAD))
        assert [answer.values(b"x-fanin-queries") for answer in found] == [[b"0"]] * 3 + [[b"1"]] * 3
        await until(lambda: not len(seen.sidecar.traces) and seen.kept["kept_traces"])
        (page,) = (await seen.api("/api/traces"))["traces"]
        assert (page["requests"], page["queries"], page["calls"]) == (6, 1, 2)
        ended, out, errors = await run_check("--admin", seen.url, "--budgets", str(budgets), "--fail-on", "never")
        assert (ended, errors) == (OK, ""), out
    text = (await metrics.scrape("text/plain"))[0].decode()
    assert f'fanin_trace_queries_sum{{kind="explicit",route="{ROUTE}"}} 1.0' in text
    assert f'fanin_trace_upstream_calls_sum{{kind="explicit",route="{ROUTE}"}} 2.0' in text


def asked(method: str, path: str, body: str = "{}", *lines: str) -> bytes:
    """A request of the trace, on a connection that ends with it; ``path`` is under the mount."""
    sized = [f"Content-Length: {len(body)}", "Content-Type: application/json"] if method != "GET" else []
    head = [f"{method} /rest/v1{path} HTTP/1.1", "Host: h", "Connection: close", *NAMES, *lines, *sized, "", ""]
    return ("\r\n".join(head) + (body if sized else "")).encode()


NOBODY = "id=eq.00000000-0000-0000-0000-000000000000"
PAGES = {
    "other services": ([get(path, *NAMES) for path in ("/functions/v1/a", "/graphql/v1", "/rest/v10/t", "/rest")], 0),
    "the root": ([asked("GET", path) for path in ("", "/", "?x=1", "/?x=1")], 4),
    "paths that PostgREST does not know": ([asked("GET", path) for path in ("//creators", "/a/b", "/rpc", "/rpc/")], 4),
    "writes and functions": (
        [
            *(asked(method, f"/videos?{NOBODY}") for method in ("PATCH", "DELETE", "PUT")),
            *(asked("POST", path) for path in ("/videos?columns=none", "/rpc/none")),
            asked("GET", "/rpc/none"),
        ],
        6,
    ),
    "retries": ([asked("GET", "/creators?limit=1", "", f"X-Retry-Count: {n}") for n in range(4)], 1),
    "a method that PostgREST refuses": ([asked("LINK", "/creators"), asked("OPTIONS", "/creators")], 1),
}
"""Requests of one page load by what they are, and their queries."""


@pytest.mark.stack
@pytest.mark.parametrize("name", PAGES)
async def test_header_page_metric_and_gate_agree_whatever_a_page_asks_for(
    stack: Stack, tmp_path: Path, name: str
) -> None:
    requests, queries = PAGES[name]
    metrics = Metrics(100, tuple)
    budgets = tmp_path / "fanin.toml"
    async with fanin_with_admin(stack.url, mount="/rest/v1", headers="on") as seen:
        seen.events.subscribe(metrics)
        line = f"Host: h\r\nAuthorization: Bearer {stack.token}\r\n".encode()
        found = [await ask(seen.sidecar.port, one.replace(b"Host: h\r\n", line, 1)) for one in requests]
        assert found[-1].values(b"x-fanin-queries") == [str(queries).encode()]
        await until(lambda: not len(seen.sidecar.traces) and seen.kept["kept_traces"])
        (page,) = (await seen.api("/api/traces"))["traces"]
        assert (page["requests"], page["queries"]) == (len(requests), queries)
        for most in {max(queries - 1, 0), queries}:
            budgets.write_text(f'[[budget]]\nroute = "{ROUTE}"\nmax_queries = {most}\n', encoding="utf-8")
            ended, out, _ = await run_check("--admin", seen.url, "--budgets", str(budgets), "--fail-on", "never")
            assert (ended == OK) == (most == queries), out
    text = (await metrics.scrape("text/plain"))[0].decode()
    counted = f'fanin_trace_queries_sum{{kind="explicit",route="{ROUTE}"}} {float(queries)}'
    assert (counted in text) == bool(queries)
