"""`fanin check --admin`: a running fanin's traces, judged elsewhere."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from proxy.cli import FINDINGS, OK, UNABLE
from tests.e2e.bursts import get, together
from tests.e2e.consoles import watched
from tests.e2e.harness import OK as ANSWER
from tests.e2e.harness import PATIENCE, ScriptedUpstream, answers, until

pytestmark = pytest.mark.e2e
BUDGET = '[[budget]]\nroute = "GET /export"\nmax_queries = 3\n'


async def checked(*words: str) -> tuple[int, str, str]:
    """Exit code, and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("fanin")), "check", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode or 0, out.decode(), errors.decode()


async def test_a_running_fanin_is_checked(tmp_path: Path) -> None:
    budgets = tmp_path / "fanin.toml"
    budgets.write_text(BUDGET, encoding="utf-8")
    words = ("--budgets", str(budgets), "--fail-on", "never")
    async with ScriptedUpstream(answers(ANSWER)) as upstream, watched(upstream.url) as seen:
        for count, code in ((3, OK), (4, FINDINGS)):
            lines = (f"X-Fanin-Trace: {count}", "X-Fanin-Route: GET /export")
            await together(seen.sidecar.port, [get(f"/t?id=eq.{n}&offset=1", *lines) for n in range(count)])
            await until(lambda: not len(seen.sidecar.traces))
            ended, out, errors = await checked("--admin", seen.url, *words)
            assert (ended, errors) == (code, "")
        assert "4 queries, and the budget is 3 (route GET /export, trace 4, of http://127.0.0.1:" in out


async def test_an_admin_port_that_answers_something_else_is_told() -> None:
    refused = b"HTTP/1.1 403 No\r\nContent-Length: 12\r\n\r\nset a token\n"
    for answer, told in ((refused, "answers 403: set a token"), (ANSWER, ":1: ")):
        async with ScriptedUpstream(answers(answer)) as other:
            ended, _, errors = await checked("--admin", other.url)
            assert ended == UNABLE
            assert told in errors
