"""One running fanin: what closes is judged, a broken rule costs nothing, operators are told once."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from proxy.admin.gauges import gauges
from proxy.analysis.rule import Rule
from proxy.observe.events import Event, Events, TraceClosed, Warned
from proxy.settings.sources import ConfigError
from proxy.sidecar.sidecar import Sidecar
from proxy.traces.grouping import MIN_NAMED_TRACES
from proxy.transport.address import split_listen
from rules import RULES
from tests.e2e.harness import OK, ScriptedUpstream, Talk, answers, ask, fanin, settings, until
from tests.rules.traces import NoThresholds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from proxy.analysis.rule import AnyRule, RuleContext
    from proxy.findings.model import Finding
    from proxy.model import Trace

QUICK = {"trace__quiet_explicit": 0.001, "trace__quiet_inferred": 0.001, "drain__timeout": 0.2}


def get(target: str, *lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"GET {target} HTTP/1.1", "Host: h", *lines, "")).encode()


def broken(trace: Trace, context: RuleContext[NoThresholds]) -> Iterator[Finding]:
    raise ValueError("a value that must not be told")


@asynccontextmanager
async def running(rules: Sequence[AnyRule] = RULES, **changes: Any) -> AsyncIterator[tuple[Sidecar, list[Event]]]:
    """A sidecar before an upstream that answers OK, and what it says."""
    said: list[Event] = []
    events = Events()
    events.subscribe(said.append)
    async with ScriptedUpstream(answers(OK)) as upstream:
        sidecar = await Sidecar.create(settings(upstream.url, **QUICK | changes), rules, events, time.monotonic)
        await sidecar.start()
        try:
            yield sidecar, said
        finally:
            await sidecar.stop()


def closed(said: Sequence[Event]) -> list[TraceClosed]:
    return [event for event in said if isinstance(event, TraceClosed)]


def warnings(said: Sequence[Event]) -> list[str]:
    return [event.what for event in said if isinstance(event, Warned)]


async def test_a_trace_that_closed_is_judged_by_the_rules() -> None:
    async with running(trace__quiet_explicit=60.0) as (sidecar, said):
        for number in range(6):
            await ask(sidecar.port, get(f"/t?id=eq.{number}", "X-Fanin-Trace: a", "X-Fanin-Route: GET /x"))
    (event,) = closed(said)
    assert (event.trace.route, len(event.trace.spans)) == ("GET /x", 6)
    assert [finding.code for finding in event.findings] == ["FAN002"]


async def test_repeated_reads_are_found_and_those_of_another_caller_are_none() -> None:
    async with running(trace__quiet_explicit=60.0) as (sidecar, said):
        for number in range(6):
            await ask(sidecar.port, get("/t?id=eq.1", "X-Fanin-Trace: a", "Accept: text/csv"))
            await ask(sidecar.port, get("/u?id=eq.1", "X-Fanin-Trace: a", f"Cookie: c={number}"))
            await ask(sidecar.port, get(f"/v?offset={number}", "X-Fanin-Trace: a"))
            await ask(sidecar.port, get("/w", "X-Fanin-Trace: a", f"Range: {number}-{number}"))
    (event,) = closed(said)
    assert [finding.title for finding in event.findings] == ["6 equal reads of t"]


async def test_a_rule_that_keeps_failing_is_switched_off_and_traffic_goes_on() -> None:
    rule = Rule(code="FAN999", name="broken", safety="advice", document="", thresholds=NoThresholds, detect=broken)
    async with running([rule]) as (sidecar, said):
        for number in range(5):
            answer = await ask(sidecar.port, get(f"/t?id=eq.{number}", f"X-Fanin-Trace: {number}"))
            assert answer.status == 200
        await until(lambda: len(closed(said)) == 5)
    assert warnings(said) == ["rule FAN999 failed 3 times and is off"]


async def test_ids_made_for_every_call_are_told_once() -> None:
    async with running() as (sidecar, said):
        for number in range(MIN_NAMED_TRACES + 10):
            await ask(sidecar.port, get("/t?id=eq.1", f"X-Fanin-Trace: {number}"))
            await until(lambda wanted=number: len(closed(said)) > wanted)  # type: ignore[misc]
    (told,) = warnings(said)
    assert "a new trace id for every call" in told
    assert [event.trace.explicit for event in closed(said)] == [True] * MIN_NAMED_TRACES + [False] * 10


async def test_what_is_open_at_the_end_is_closed_and_judged() -> None:
    async with running(trace__quiet_explicit=60.0) as (sidecar, said):
        await ask(sidecar.port, get("/t?id=eq.1", "X-Fanin-Trace: a"))
        assert gauges(sidecar)["open_traces"] == 1
        assert not closed(said)
    assert [event.trace.id for event in closed(said)] == ["a"]


async def test_mode_pass_traces_nothing() -> None:
    async with running(mode="pass") as (sidecar, said):
        await ask(sidecar.port, get("/t?id=eq.1"))
        assert gauges(sidecar)["open_traces"] == 0
    assert not closed(said)


@pytest.mark.parametrize("listen", ["8000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:²", ":"])
def test_an_address_without_host_or_port_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match="is not HOST:PORT"):
        split_listen(listen)


def test_an_ipv6_address_may_stand_in_brackets() -> None:
    assert split_listen("[::1]:8000") == ("::1", 8000)


async def test_our_own_errors_carry_the_cors_headers_last_seen_for_that_origin() -> None:
    allowed = OK.replace(b"\r\n\r\n", b"\r\nAccess-Control-Allow-Origin: *\r\n\r\n", 1)

    async def once(talk: Talk) -> None:
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


async def test_a_trace_that_is_being_judged_at_the_end_is_told_and_those_behind_it_are_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every step takes longer than a turn, so that the end comes between two of them."""
    monkeypatch.setattr("proxy.sidecar.trace_closer.RULE_SECONDS_PER_TURN", -1.0)
    async with running(trace__quiet_explicit=0.001) as (sidecar, said):
        for number in range(5):
            await ask(sidecar.port, get(f"/t?id=eq.{number}", f"X-Fanin-Trace: {number}"))
        await until(lambda: closed(said) or sidecar.closer._closed)
    assert sorted(event.trace.id for event in closed(said)) == ["0", "1", "2", "3", "4"]
    assert sidecar.rule_runner.workload.began is not None
    assert [usage.calls for usage in sidecar.rule_runner.workload] == [5]
