"""`fanin check --admin`: a running fanin's traces, judged elsewhere."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy import __version__
from proxy.commands.main import FINDINGS, OK, UNABLE
from proxy.recording.recorder import Recorder
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from proxy.settings.observability import RecordSettings
from tests.e2e.support.bursts import get, one_by_one, together
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK as ANSWER
from tests.e2e.support.harness import TIMEOUT, ScriptedUpstream, answers, until

pytestmark = pytest.mark.e2e
BUDGET = '[[budget]]\nroute = "GET /export"\nmax_queries = 3\n'


async def run_check(*words: str) -> tuple[int, str, str]:
    """Exit code, and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("fanin")), "check", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    return process.returncode or 0, out.decode(), errors.decode()


async def test_a_running_fanin_is_checked(tmp_path: Path) -> None:
    budgets = tmp_path / "fanin.toml"
    budgets.write_text(BUDGET, encoding="utf-8")
    words = ("--budgets", str(budgets), "--fail-on", "never")
    async with ScriptedUpstream(answers(ANSWER)) as upstream, fanin_with_admin(upstream.url) as seen:
        for count, code in ((3, OK), (4, FINDINGS)):
            lines = (f"X-Fanin-Trace: {count}", "X-Fanin-Route: GET /export")
            await together(seen.sidecar.port, [get(f"/t?id=eq.{n}&offset=1", *lines) for n in range(count)])
            await until(lambda: not len(seen.sidecar.traces))
            ended, out, errors = await run_check("--admin", seen.url, *words)
            assert (ended, errors) == (code, "")
        assert "4 queries, and the budget is 3 (route GET /export, trace 4, in http://127.0.0.1:" in out


@pytest.mark.parametrize("remembered", ["on", "off"])
async def test_what_takes_the_keys_of_answers_is_found_in_a_running_fanin_as_in_its_file(
    tmp_path: Path, remembered: str
) -> None:
    rows = json.dumps([{"id": n, "user_id": 200 + n} for n in range(60)]).encode()
    listed = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Range: 0-59/*\r\nContent-Length: %d\r\n\r\n"
    file = tmp_path / "traces.jsonl"
    async with (
        ScriptedUpstream(answers(ANSWER, listed % len(rows) + rows, ANSWER)) as upstream,
        fanin_with_admin(upstream.url, detect__row_keys=remembered, trace__quiet_explicit=0.5) as seen,
    ):
        salt = RecordingHead(CURRENT_FORMAT, __version__, seen.sidecar.salt.hex(), 0.0)
        recorder = Recorder(RecordSettings(file=file), salt, lambda warned: pytest.fail(warned.what))
        seen.events.subscribe(recorder)
        targets = ("/applications?select=status&user_id=eq.207", "/creators?select=*", "/months?creator_id=eq.7")
        here = f"http://127.0.0.1:{seen.sidecar.port}"
        await one_by_one(here, [get(target, "X-Fanin-Trace: t1") for target in targets])
        await until(lambda: seen.kept["kept_traces"] == 1)
        recorder.close()
        words = ("--format", "json", "--fail-on", "never")
        _, running, _ = await run_check("--admin", seen.url, *words)
        _, written, _ = await run_check("--traces", str(file), *words)
        assert findings_in_notes(running) == findings_in_notes(written)
        assert len((await seen.get("/api/recording")).body.splitlines()) == 2
    (use,) = (finding for finding in findings_in_notes(written) if finding["code"] == "FAN007")
    known = any("an earlier request filters by it" in text for text in use["evidence"])
    assert (use["confidence"], known) == (("medium", True) if remembered == "on" else ("low", False))


def findings_in_notes(printed: str) -> list[dict[str, Any]]:
    """What was found by any rule; with --fail-on never all of it stands in the notes."""
    return sorted((note["finding"] for note in json.loads(printed)["notes"] if note["finding"]), key=json.dumps)


async def test_an_admin_port_that_answers_something_else_is_told() -> None:
    refused = b"HTTP/1.1 403 No\r\nContent-Length: 12\r\n\r\nset a token\n"
    for answer, told in ((refused, "answers 403: set a token"), (ANSWER, ":1: ")):
        async with ScriptedUpstream(answers(answer)) as other:
            ended, _, errors = await run_check("--admin", other.url)
            assert ended == UNABLE
            assert told in errors
