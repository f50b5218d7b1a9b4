"""`fanin audit` on what a real fanin recorded before a real PostgREST, in every format, and on a running one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from proxy.commands.main import FINDINGS, OK, UNABLE, USAGE
from proxy.demo.payment_export import MONTH, ROUTE, ExportRun, export
from proxy.recording.codec import read_traces
from tests.e2e.support.bursts import get, statement_counter, together
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import OK as ANSWER
from tests.e2e.support.harness import SCRAPE, TIMEOUT, Program, ScriptedUpstream, answers, ask, fanin_program, until

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = pytest.mark.e2e
FORMATS = ("text", "md", "json", "html", "sarif")
TRACES = 3


async def run_audit(*words: str) -> tuple[int, str, str]:
    """Exit code, and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("fanin")), "audit", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    return process.returncode or 0, out.decode(), errors.decode()


async def export_at_once(running: Program, stack: Stack, trace: str) -> ExportRun:
    """The export, whose first profile is not read before fanin has all requests: so long the table is locked."""
    connection = await asyncpg.connect(stack.dsn)
    due = f"select count(*) from monthly_tracking where month = '{MONTH}' and payment_status = 'due'"
    profiles = await connection.fetchval(due)
    try:
        async with asyncio.timeout(TIMEOUT), connection.transaction():
            await connection.execute("lock table creator_payout_profiles")
            task = asyncio.create_task(export(f"http://127.0.0.1:{running.port}", stack.token, trace))
            while b"\nfanin_requests_in_flight %.1f\n" % profiles not in (await ask(running.admin, SCRAPE)).body:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await connection.close()
    return await task


@pytest.mark.stack
async def test_the_payment_export_is_reported_in_every_format_with_the_figures_of_its_recording(
    stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "traces.jsonl"
    flags = ("--record", str(file), "--set", "trace.quiet_explicit=60", "--set", "merge.max_wait=60")
    async with fanin_program(stack.url, *flags) as running, statement_counter(stack.dsn) as counter:
        await counter.reset()
        runs = [await export_at_once(running, stack, "t0")]
        runs += [await export(f"http://127.0.0.1:{running.port}", stack.token, f"t{n}") for n in range(1, TRACES)]
        statements = await counter.statements(told=False)
    words = ("--traces", str(file))
    told = {name: await run_audit(*words, "--format", name, "--fail-on", "low") for name in FORMATS}
    assert {(code, errors) for code, _, errors in told.values()} == {(FINDINGS, "")}
    assert (await run_audit(*words, "--fail-on", "never"))[0] == OK
    report = json.loads(told["json"][1])
    _figures_are_right(report, file, sum(len(run.answers) for run in runs))
    assert report["traffic"]["upstream_calls"] <= statements
    _fix_is_told({name: out for name, (_, out, _) in told.items()}, report)


def _figures_are_right(report: dict[str, Any], file: Path, requests: int) -> None:
    """Against what was asked, and against the recording, counted in another way."""
    with file.open("rb") as lines:
        spans = [span for trace in read_traces("file", lines) for span in trace.spans]
    due = requests - TRACES
    traffic, (route,) = report["traffic"], report["routes"]
    assert (traffic["traces"], traffic["explicit"], traffic["queries"]) == (TRACES, TRACES, requests)
    assert (traffic["failed"], traffic["nameless"], traffic["kinds"]) == (0, 0, 2)
    assert traffic["upstream_calls"] == len({span.call for span in spans})
    assert traffic["saved_calls"] == requests - traffic["upstream_calls"]
    assert traffic["saved_calls"] >= due / TRACES - 2, "of the first export all but one are one call"
    assert traffic["merged"] == sum(span.shared > 1 for span in spans)
    assert (traffic["rows"], traffic["bytes"]) == (sum(span.rows for span in spans), sum(span.size for span in spans))
    assert (route["route"], route["traces"], route["max_queries"]) == (ROUTE, TRACES, requests // TRACES)
    asked = {one["fingerprint"]: one for one in report["queries"]}
    assert len(asked) == 2
    profiles = next(one for name, one in asked.items() if "creator_payout_profiles" in name)
    assert (profiles["calls"], profiles["merged"], profiles["traces"]) == (due, traffic["merged"], TRACES)
    assert profiles["routes"] == [ROUTE]


def _fix_is_told(told: dict[str, str], report: dict[str, Any]) -> None:
    (one,) = [one for one in report["findings"] if one["finding"]["code"] == "FAN001"]
    assert (one["times"], one["traces"], one["trace"]) == (TRACES, TRACES, "t0")
    fixes = one["finding"]["fix"]
    assert "creator_id = ANY($1)" in fixes["sql"]
    assert ".in(" in fixes["supabase_js"]
    assert ".in_(" in fixes["supabase_py"]
    for name, out in told.items():
        assert "FAN001" in out
        assert "where creator_id = ANY($1);" in out, name
    (result,) = [one for one in json.loads(told["sarif"])["runs"][0]["results"] if one["ruleId"] == "FAN001"]
    assert (result["level"], result["occurrenceCount"]) == ("error", TRACES)


async def test_a_running_fanin_is_reported_as_its_recording_would_be() -> None:
    async with ScriptedUpstream(answers(ANSWER)) as upstream, fanin_with_admin(upstream.url) as seen:
        lines = ("X-Fanin-Trace: t", "X-Fanin-Route: GET /export")
        await together(seen.sidecar.port, [get(f"/t?id=eq.{n}&offset=1", *lines) for n in range(4)])
        await until(lambda: not len(seen.sidecar.traces))
        ended, out, errors = await run_audit("--admin", seen.url, "--format", "json", "--fail-on", "low")
    report = json.loads(out)
    assert errors == ""
    assert (report["traffic"]["queries"], report["traffic"]["upstream_calls"]) == (4, 4)
    assert report["traffic"]["end"] > report["traffic"]["begin"] > 1_600_000_000
    assert [(one["reason"], one["queries"]) for one in report["bypassed"]] == [("offset", 4)]
    assert ended == (FINDINGS if report["findings"] else OK)


async def test_what_cannot_be_read_ends_with_75_and_wrong_words_with_2(tmp_path: Path) -> None:
    ended, out, errors = await run_audit("--traces", str(tmp_path / "none"))
    assert (ended, out) == (UNABLE, "")
    assert "none: cannot be read: No such file or directory" in errors
    for words in ((), ("--traces", "a", "--format", "pdf"), ("--admin", "nowhere")):
        assert (await run_audit(*words))[0] == USAGE
