"""`fanin serve --record`: what happened in real traffic, read again, is judged as it was when it happened."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
from hashlib import blake2b
from typing import TYPE_CHECKING

import pytest

from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import TraceClosed
from proxy.recording.codec import encode_line, encode_trace, read_traces
from proxy.recording.recorder import NameRedactor
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from rules import RULES
from tests.e2e.support.bursts import get, together
from tests.e2e.support.harness import OK, TIMEOUT, ScriptedUpstream, answers, fanin, fanin_program, until
from tests.postgrest.request.test_token_expiry import token
from tests.rules.traces import found

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.findings.model import Finding
    from proxy.model import Trace
    from proxy.observe.events import Event

pytestmark = pytest.mark.e2e
QUICK = ("--set", "trace.quiet_explicit=0.05")


def requests_of_one_trace(*targets: str) -> list[bytes]:
    return [get(target, "X-Fanin-Trace: t1", "X-Fanin-Route: GET /export") for target in targets]


async def test_what_is_found_in_real_traces_is_found_in_their_recording() -> None:
    closed: list[TraceClosed] = []

    def keep(event: Event) -> None:
        if isinstance(event, TraceClosed):
            closed.append(event)

    changes = {"trace__quiet_explicit": 0.05, "detect__row_keys": "on"}
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, **changes) as sidecar:
        sidecar.health._events.subscribe(keep)
        await together(sidecar.port, requests_of_one_trace(*(f"/t?id=eq.{n}&offset=1" for n in range(9))))
        await together(
            sidecar.port,
            requests_of_one_trace(*["/t?select=*"] * 5, "/t?id=in.(1,2)&limit=3", "/t?limit=5&offset=90000"),
        )
        await until(lambda: closed)
    hide = NameRedactor(ConfirmedNames())
    for event in closed:
        hide.names.learn(event.trace.spans)
    lines = [
        encode_line(RecordingHead(CURRENT_FORMAT, "1.0", "", 0.0)),
        *(encode_trace(event.trace, hide) for event in closed),
    ]
    again = list(read_traces("file", lines))
    assert findings_of_all_rules([event.trace for event in closed]) == findings_of_all_rules(again)
    assert {"FAN001", "FAN012"} <= {finding.code for finding in findings_of_all_rules(again)}


def findings_of_all_rules(traces: list[Trace]) -> list[Finding]:
    return [finding for rule in RULES for finding in found(rule, traces)]


async def test_a_recording_is_whole_when_fanin_has_ended_and_its_hashes_are_as_told(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    flags = ("--record", str(file), *QUICK)
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_program(upstream.url, *flags) as running:
        await together(running.port, requests_of_one_trace("/t?id=eq.7&name=eq.ana", "/t?id=eq.8&name=eq.ana"))
        await together(running.port, [get("/t?id=eq.9", f"Authorization: Bearer {token({'role': 'editor'}).decode()}")])
    head, *traces = [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines()]
    spans = [span for trace in traces for span in trace["spans"]]
    salt = bytes.fromhex(head["salt"])
    ana = blake2b(b"ana", digest_size=8, key=salt).hexdigest()
    assert [literal for span in spans for literal in span["literals"] if literal[0] == "text"] == [["text", 3, ana]] * 2
    assert len({tuple(span["literals"][0]) for span in spans}) == 3
    assert {(trace["id"], trace["route"]) for trace in traces if "route" in trace} == {("t1", "GET /export")}
    roles = [blake2b(text, digest_size=8, key=salt).hexdigest() for text in (b"", b"", b"editor")]
    assert sorted(span["role"] for span in spans) == sorted(roles)
    assert "editor" not in file.read_text(encoding="utf-8")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="bounds another process' files, which Linux has")
async def test_a_disk_without_room_costs_nobody_an_answer_and_is_told_once(tmp_path: Path) -> None:
    """A file may have 4 kB and no more (RLIMIT_FSIZE), as on a full disk."""
    file = tmp_path / "traces.jsonl"
    flags = ("--record", str(file), *QUICK)
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_program(upstream.url, *flags) as running:
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (4000, 4000))
        for number in range(5):
            requests = [get(f"/t?id=eq.{n}&offset=1", f"X-Fanin-Trace: {number}") for n in range(9)]
            for answer in await together(running.port, requests):
                assert answer.status == 200
        running.process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(running.process.communicate(), TIMEOUT)
    told = [text for text in errors.decode().splitlines() if "traces are not recorded" in text]
    assert len(told) == 1
    assert "File too large" in told[0]
    with file.open("rb") as lines:
        assert len(list(read_traces("file", lines))) < 5
