"""What makes requests one pattern: identity, the connection that they came on, and writes by others between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from proxy.observe.events import Event, TraceClosed
from tests.e2e.support.bursts import get, one_by_one, together
from tests.e2e.support.harness import OK, ScriptedUpstream, answers, fanin, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.sidecar.sidecar import Sidecar

TRACE = ("X-Fanin-Trace: t1", "X-Fanin-Route: GET /export")
PATIENT = {"trace__quiet_explicit": 0.5, "rules": {"duplicate_read": {"max_pause": 60.0}}}


def user(number: int) -> str:
    return f"Authorization: Bearer token-{number}"


class Findings:
    """What was found in the traces of a sidecar."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._closed: list[TraceClosed] = []
        self._sidecar = sidecar
        sidecar._events.subscribe(self._observe)

    def _observe(self, event: Event) -> None:
        if isinstance(event, TraceClosed):
            self._closed.append(event)

    async def of(self, count: int) -> Sequence[tuple[str, str]]:
        """Codes and impacts, once ``count`` traces have closed."""
        await until(lambda: len(self._closed) == count)
        return [(finding.code, finding.impact) for event in self._closed for finding in event.findings]


async def test_reads_with_a_token_each_are_no_n_plus_one() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, **PATIENT) as sidecar:
        found = Findings(sidecar)
        await together(sidecar.port, [get(f"/profiles?id=eq.{n}", user(n), *TRACE) for n in range(8)])
        assert await found.of(1) == []
        assert len(upstream.requests) == 8


async def test_quick_reads_on_connections_that_were_open_are_parallel_and_on_one_connection_a_loop() -> None:
    requests = [get(f"/t?offset=1&id=eq.{n}", *TRACE) for n in range(15)]
    for send, code in ((together, "FAN001"), (one_by_one, "FAN002")):
        async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, **PATIENT) as sidecar:
            found = Findings(sidecar)
            await send(f"http://127.0.0.1:{sidecar.port}", requests)
            assert await found.of(1) == [(code, "MEDIUM")]


async def test_equal_reads_between_writes_of_another_trace_are_no_duplicates() -> None:
    read, other = get("/t?id=eq.1", *TRACE), ("X-Fanin-Trace: t2", "Content-Length: 2")
    write = get("/t", *other).replace(b"GET ", b"POST ", 1) + b"{}"
    elsewhere = get("/u", *other).replace(b"GET ", b"POST ", 1) + b"{}"
    for between, codes in ((write, []), (elsewhere, [("FAN003", "LOW")])):
        async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, **PATIENT) as sidecar:
            found = Findings(sidecar)
            await one_by_one(f"http://127.0.0.1:{sidecar.port}", [read, between] * 8)
            assert [one for one in await found.of(2) if one[0] == "FAN003"] == codes


def named(line: str, value: str) -> str:
    return line.replace("?", value)


STAYS_OPEN = {"trace__quiet_explicit": 600.0, "trace__quiet_inferred": 600.0, "trace__max_age": 600.0}
"""Traces that close when the test says so, however slow the machine is."""
NO_PAUSES = {"rules": {"n_plus_one": {"max_pause": 600.0}}}


async def codes_of(requests: list[bytes], **settings: object) -> list[str]:
    """What is found in ``requests``, sent one after another."""
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, **settings, **STAYS_OPEN) as sidecar:
        found = Findings(sidecar)
        await one_by_one(f"http://127.0.0.1:{sidecar.port}", requests)
        sidecar.closer.finish()
        assert len(upstream.requests) == len(requests)
        return [code for code, _ in await found.of(1)]


@pytest.mark.parametrize("trace", [TRACE, ()], ids=["named", "inferred"])
@pytest.mark.parametrize(
    "line",
    [
        *("X-Request-Id: ?", "Idempotency-Key: ?", "X-Correlation-ID: ?", "X-Span: ?", "x-amzn-requestid: ?"),
        *("sentry-trace: ?-1-1", "X-Call-Id: ?\r\nX-Request-Timestamp: ?", "cf-ray: ?-CDG"),
    ],
)
async def test_a_loop_is_found_whose_calls_have_a_header_each_that_only_names_the_call(
    line: str, trace: tuple[str, ...]
) -> None:
    requests = [get(f"/profiles?select=name&id=eq.{n}", user(1), named(line, str(n)), *trace) for n in range(8)]
    assert await codes_of(requests, **NO_PAUSES) == ["FAN002"]


@pytest.mark.parametrize("line", ["Authorization: Bearer ?", "apikey: ?", "Cookie: s=?", "X-Tenant: ?", "X-Job: ?"])
async def test_calls_with_a_header_each_that_may_decide_which_rows_there_are_are_no_loop(line: str) -> None:
    with_id = f"{line}\r\nX-Request-Id: ?"
    requests = [get(f"/profiles?select=name&id=eq.{n}", named(with_id, str(n)), *TRACE) for n in range(8)]
    assert await codes_of(requests, **NO_PAUSES) == []


@pytest.mark.parametrize("header", ["X-Request-Id", "X-Call"])
async def test_a_fan_out_with_an_id_in_each_call_is_one_finding_though_fanin_finds_the_header_meanwhile(
    header: str,
) -> None:
    requests = [get(f"/profiles?select=name&id=eq.{n}", f"{header}: {n}", *TRACE) for n in range(60)]
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, **STAYS_OPEN) as sidecar:
        found = Findings(sidecar)
        await together(sidecar.port, requests)
        sidecar.closer.finish()
        assert [code for code, _ in await found.of(1)] == ["FAN001"]


async def test_a_request_id_that_the_operator_compares_makes_callers_of_calls() -> None:
    requests = [get(f"/profiles?select=name&id=eq.{n}", f"X-Request-Id: {n}", *TRACE) for n in range(8)]
    assert await codes_of(requests, identity__not_neutral=["x-request-id"], **NO_PAUSES) == []
    other = [get(f"/profiles?select=name&id=eq.{n}", f"X-Job: {n}", *TRACE) for n in range(8)]
    assert await codes_of(other, identity__also_neutral=["x-job"], **NO_PAUSES) == ["FAN002"]


async def test_writes_with_an_idempotency_key_each_are_one_loop() -> None:
    head = [get("/events", user(1), f"Idempotency-Key: {n}", "Content-Length: 9", *TRACE) for n in range(12)]
    writes = [one.replace(b"GET ", b"POST ", 1) + b'{"a": %03d}' % n for n, one in enumerate(head)]
    assert "FAN004" in await codes_of([one.replace(b"Length: 9", b"Length: 10") for one in writes], **NO_PAUSES)


async def test_a_loop_is_one_though_its_client_uses_the_connections_of_its_pool_in_turn() -> None:
    settings = {**STAYS_OPEN, **NO_PAUSES, "mode": "observe"}
    names = {"X-Fanin-Trace": "t1", "X-Fanin-Route": "GET /page"}
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, **settings) as sidecar:
        found = Findings(sidecar)
        pool = aiohttp.TCPConnector(limit=0)
        url = f"http://127.0.0.1:{sidecar.port}"
        async with aiohttp.ClientSession(url, headers=names, connector=pool) as session:

            async def read(target: str) -> None:
                async with session.get(target) as answer:
                    await answer.read()

            await asyncio.gather(*(read(f"/profiles?id=eq.{n}") for n in range(16)))
            for n in range(8):
                await read(f"/months?creator_id=eq.{n}")
        sidecar.closer.finish()
        assert "FAN002" in [code for code, _ in await found.of(1)]
