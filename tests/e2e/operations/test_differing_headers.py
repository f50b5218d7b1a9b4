"""Where similar reads share no call only because of a header, fanin says so and names the setting."""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING

import pytest

from proxy.explain.words import meaning
from proxy.observe.events import Event, HeaderDiffered, RequestAnswered, Warned
from rules import RULES
from tests.e2e.support.bursts import burst, get, sockets, statement_counter
from tests.e2e.support.fanin_with_admin import fanin_with_admin
from tests.e2e.support.harness import fanin

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

READS = 60


def reads(stack: Stack, header: str) -> list[bytes]:
    token = f"Authorization: Bearer {stack.token}"
    return [
        get(f"/creators?select=id&id=eq.{n:08}-0000-4000-8000-000000000000", token, header.format(n))
        for n in range(READS)
    ]


@pytest.mark.parametrize("mode", ["rewrite", "observe"])
async def test_a_warning_a_metric_a_note_a_finding_and_each_request_say_it_and_no_value_is_said(
    stack: Stack, mode: str
) -> None:
    async with fanin_with_admin(stack.url, mode=mode, identity__also_neutral=["x-mine"]) as served:
        said: list[Event] = []
        served.events.subscribe(said.append)
        async with sockets(served.sidecar.port, READS) as clients:
            await burst(clients, reads(stack, "X-Call: pa55-{}"))
            await burst(clients, reads(stack, "X-Call: pa55-again-{}"))
        before = await served.api("/api/findings")
        served.sidecar.closer.finish()
        served.sidecar.rule_runner.inspect_workload(inf)
        findings = await served.api("/api/findings")
    (warning,) = [event for event in said if isinstance(event, Warned)]
    assert "x-call" in warning.what
    assert 'set identity.also_neutral = ["x-mine", "x-call"]' in warning.remedy
    assert before["notes"] == [{"what": warning.what, "remedy": warning.remedy}]
    assert findings["notes"] == []
    (finding,) = [each["finding"] for each in findings["findings"] if each["finding"]["code"] == "FAN017"]
    assert finding["object"]["name"] == "x-call"
    assert finding["fix"]["settings"].startswith('[identity]\nalso_neutral = ["x-call"]')
    differed = [event for event in said if isinstance(event, HeaderDiffered)]
    assert {event.headers for event in differed} == {"x-call"}
    assert sum(event.reads for event in differed) > READS
    spans = [event.span for event in said if isinstance(event, RequestAnswered)]
    assert [span.differing_headers for span in spans].count("x-call") > READS
    if mode == "rewrite":
        assert [span.bypass_reason for span in spans].count("differing-header") > READS
    told = "".join(map(repr, said)) + json.dumps([before, findings])
    assert "pa55" not in told
    assert "identity.also_neutral" in meaning("differing-header", RULES)


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ("X-Call: {}", {"identity__also_neutral": ["x-call"]}),
        ("X-Call-Id: {}", {"identity__also_neutral": ["x-call-*"]}),
        ("sentry-trace: {}-1-1", {}),
        ("baggage: sentry-trace_id={}", {}),
        ("x-datadog-parent-id: {}", {}),
        ("X-B3-TraceId: {}", {}),
        ("newrelic: {}", {}),
        ("X-Amzn-Trace-Id: Root={}", {}),
    ],
)
async def test_with_the_setting_or_for_a_tracing_system_they_take_one_call_and_nothing_is_said(
    stack: Stack, header: str, changes: dict[str, object]
) -> None:
    said: list[Event] = []
    async with (
        statement_counter(stack.dsn) as counter,
        fanin(stack.url, merge__deadline_floor=10.0, **changes) as sidecar,
        sockets(sidecar.port, READS) as clients,
    ):
        sidecar._events.subscribe(said.append)
        await counter.reset()
        await burst(clients, reads(stack, header))
        assert await counter.statements() == 1
    assert not [event for event in said if isinstance(event, Warned | HeaderDiffered)]


async def test_users_with_their_own_tokens_are_no_reason_for_advice(stack: Stack) -> None:
    said: list[Event] = []
    async with fanin(stack.url) as sidecar, sockets(sidecar.port, READS) as clients:
        sidecar._events.subscribe(said.append)
        for _ in range(2):
            await burst(clients, reads(stack, "apikey: {}"))
    assert not [event for event in said if isinstance(event, Warned | HeaderDiffered)]


@pytest.mark.parametrize("mode", ["observe", "pass"])
async def test_it_is_said_too_where_nothing_is_merged_yet(stack: Stack, mode: str) -> None:
    said: list[Event] = []
    async with fanin(stack.url, mode=mode) as sidecar, sockets(sidecar.port, READS) as clients:
        sidecar._events.subscribe(said.append)
        await burst(clients, reads(stack, "X-Call: {}"))
        await burst(clients, reads(stack, "X-Call: again-{}"))
    (warning,) = [event for event in said if isinstance(event, Warned)]
    assert 'set identity.also_neutral = ["x-call"]' in warning.remedy
    assert {event.headers for event in said if isinstance(event, HeaderDiffered)} == {"x-call"}
