"""Sidecar and TraceCloser: rules run on closed traces, and a broken rule affects no request."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from proxy.admin.gauges import gauges
from proxy.analysis.rule import Rule
from proxy.observe.events import Event, Events, TraceClosed, Warned
from proxy.sidecar.sidecar import Sidecar
from proxy.traces.grouping import MIN_NAMED_TRACES
from rules import RULES
from tests.e2e.support.harness import OK, ScriptedConnection, ScriptedUpstream, answers, ask, fanin, settings, until
from tests.rules.traces import NoThresholds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    import pytest

    from proxy.analysis.rule import AnyRule, RuleContext
    from proxy.findings.model import Finding
    from proxy.model import Trace

FAST = {"trace__quiet_explicit": 0.001, "trace__quiet_inferred": 0.001, "drain__timeout": 0.2}


def get(target: str, *lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"GET {target} HTTP/1.1", "Host: h", *lines, "")).encode()


def broken(trace: Trace, context: RuleContext[NoThresholds]) -> Iterator[Finding]:
    raise ValueError("a value that must not be logged")


@asynccontextmanager
async def running(rules: Sequence[AnyRule] = RULES, **changes: Any) -> AsyncIterator[tuple[Sidecar, list[Event]]]:
    """A sidecar with an upstream that answers OK, and the events that it emits."""
    emitted: list[Event] = []
    events = Events()
    events.subscribe(emitted.append)
    async with ScriptedUpstream(answers(OK)) as upstream:
        sidecar = await Sidecar.create(settings(upstream.url, **FAST | changes), rules, events, time.monotonic)
        await sidecar.start()
        try:
            yield sidecar, emitted
        finally:
            await sidecar.stop()


def closed(emitted: Sequence[Event]) -> list[TraceClosed]:
    return [event for event in emitted if isinstance(event, TraceClosed)]


def warnings(emitted: Sequence[Event]) -> list[str]:
    return [event.what for event in emitted if isinstance(event, Warned)]


async def test_the_rules_run_on_a_closed_trace() -> None:
    async with running(trace__quiet_explicit=60.0) as (sidecar, emitted):
        for number in range(6):
            await ask(sidecar.port, get(f"/t?id=eq.{number}", "X-Fanin-Trace: a", "X-Fanin-Route: GET /x"))
    (event,) = closed(emitted)
    assert (event.trace.route, len(event.trace.spans)) == ("GET /x", 6)
    assert [finding.code for finding in event.findings] == ["FAN002"]


async def test_equal_reads_are_a_finding_and_reads_of_different_identities_are_not() -> None:
    async with running(trace__quiet_explicit=60.0) as (sidecar, emitted):
        for number in range(6):
            await ask(sidecar.port, get("/t?id=eq.1", "X-Fanin-Trace: a", "Accept: text/csv"))
            await ask(sidecar.port, get("/u?id=eq.1", "X-Fanin-Trace: a", f"Cookie: c={number}"))
            await ask(sidecar.port, get(f"/v?offset={number}", "X-Fanin-Trace: a"))
            await ask(sidecar.port, get("/w", "X-Fanin-Trace: a", f"Range: {number}-{number}"))
    (event,) = closed(emitted)
    assert [finding.title for finding in event.findings if finding.code == "FAN003"] == ["6 equal reads of t"]


async def test_a_rule_that_fails_repeatedly_is_switched_off_and_requests_are_answered() -> None:
    rule = Rule(code="FAN999", name="broken", safety="advice", document="", thresholds=NoThresholds, detect=broken)
    async with running([rule]) as (sidecar, emitted):
        for number in range(5):
            answer = await ask(sidecar.port, get(f"/t?id=eq.{number}", f"X-Fanin-Trace: {number}"))
            assert answer.status == 200
        await until(lambda: len(closed(emitted)) == 5)
    assert warnings(emitted) == ["rule FAN999 failed 3 times and is off"]


async def test_there_is_one_warning_about_a_new_trace_id_per_call() -> None:
    async with running() as (sidecar, emitted):
        for number in range(MIN_NAMED_TRACES + 10):
            await ask(sidecar.port, get("/t?id=eq.1", f"X-Fanin-Trace: {number}"))
            await until(lambda wanted=number: len(closed(emitted)) > wanted)  # type: ignore[misc]
    (warning,) = warnings(emitted)
    assert "a new trace id with every call" in warning
    assert [event.trace.explicit for event in closed(emitted)] == [True] * MIN_NAMED_TRACES + [False] * 10


async def test_stop_closes_open_traces_and_runs_the_rules_on_them() -> None:
    async with running(trace__quiet_explicit=60.0) as (sidecar, emitted):
        await ask(sidecar.port, get("/t?id=eq.1", "X-Fanin-Trace: a"))
        assert gauges(sidecar)["open_traces"] == 1
        assert not closed(emitted)
    assert [event.trace.id for event in closed(emitted)] == ["a"]


async def test_mode_pass_traces_nothing() -> None:
    async with running(mode="pass") as (sidecar, emitted):
        await ask(sidecar.port, get("/t?id=eq.1"))
        assert gauges(sidecar)["open_traces"] == 0
    assert not closed(emitted)


async def test_fanins_own_errors_have_the_last_cors_headers_for_that_origin() -> None:
    allowed = OK.replace(b"\r\n\r\n", b"\r\nAccess-Control-Allow-Origin: *\r\n\r\n", 1)

    async def once(talk: ScriptedConnection) -> None:
        request = await talk.request()
        if request is not None and b"GET /first" in request:
            await talk.send(allowed)

    async with ScriptedUpstream(once) as upstream, fanin(upstream.url) as sidecar:
        known, unknown = "Origin: http://a.example", "Origin: http://b.example"
        assert (await ask(sidecar.port, get("/first", known))).status == 200
        failed = await ask(sidecar.port, get("/second", known))
        assert failed.status == 502
        assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in failed.head
        assert b"Access-Control" not in (await ask(sidecar.port, get("/third", unknown))).head


async def test_stop_completes_the_rule_run_in_progress_and_the_waiting_traces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every step takes longer than RULE_SECONDS, so that the stop happens between two of them."""
    monkeypatch.setattr("proxy.sidecar.trace_closer.RULE_SECONDS", -1.0)
    async with running(trace__quiet_explicit=0.001) as (sidecar, emitted):
        for number in range(5):
            await ask(sidecar.port, get(f"/t?id=eq.{number}", f"X-Fanin-Trace: {number}"))
        await until(lambda: closed(emitted) or sidecar.closer._closed)
    assert sorted(event.trace.id for event in closed(emitted)) == ["0", "1", "2", "3", "4"]
    assert sidecar.rule_runner.workload.began is not None
    assert [usage.calls for usage in sidecar.rule_runner.workload] == [5]
