"""The number of queries of a trace is the same in its headers, on the pages, in the metrics, the log and the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.commands.main import OK
from proxy.observe.metrics import Metrics
from tests.e2e.findings.test_check import run_check
from tests.e2e.support.bursts import get, one_by_one
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK as ANSWER
from tests.e2e.support.harness import ScriptedUpstream, answers, until

if TYPE_CHECKING:
    from pathlib import Path

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
