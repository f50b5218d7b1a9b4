"""A request whose merged answer was not used has its reason everywhere, and that call is counted."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import structlog

from proxy.demo.sidecar import NO_CHECKS
from proxy.errors.codes import FALLBACK_REASONS
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Event, RequestAnswered, TraceClosed, UpstreamCalled
from proxy.observe.log import LogOutput, TraceLog
from proxy.observe.log_format import configure
from proxy.observe.tree import trace_lines
from proxy.settings.observability import LogSettings
from tests.e2e.support.bursts import burst, get, sockets
from tests.e2e.support.fanin_with_admin import fanin_with_admin

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

READS = 6
OBJECT = "Accept: application/vnd.pgrst.object+json"
MISSING = "00000000-0000-4000-8000-{:012}"


def reads(stack: Stack, *lines: str) -> list[bytes]:
    head = (f"Authorization: Bearer {stack.token}", "X-Fanin-Trace: vain", *lines)
    return [get(f"/creators?select=handle&id=eq.{MISSING.format(number)}", *head) for number in range(READS)]


@pytest.mark.parametrize(
    ("lines", "changes", "reason"), [((OBJECT,), {}, "no-template"), ((), {"merge__max_body": 1}, "too-large")]
)
async def test_the_reason_is_in_the_span_the_tree_the_page_the_api_and_the_log(
    stack: Stack, lines: tuple[str, ...], changes: dict[str, object], reason: str
) -> None:
    calls = READS + 1
    said: list[Event] = []
    flags = {name.replace(".", "__"): value for name, value in NO_CHECKS.items()} | changes
    async with fanin_with_admin(stack.url, headers="on", **flags) as served:
        served.events.subscribe(said.append)
        async with sockets(served.sidecar.port, READS) as clients:
            answers = await burst(clients, reads(stack, *lines))
        await served.sidecar.closer.close_trace("vain")
        (row,) = (await served.api("/api/traces"))["traces"]
        detail = await served.api(f"/api/traces/{row['number']}")
    spans = [event.span for event in said if isinstance(event, RequestAnswered)]
    assert {span.fallback_reason for span in spans} == {reason}
    assert {answer.values(b"x-fanin")[0] for answer in answers} == {f"fallback; reason={reason}".encode()}
    assert row["calls"] == calls == sum(isinstance(event, UpstreamCalled) for event in said)
    assert row["fallback_reasons"] == {reason: READS}
    assert [(view["reason"], view["count"]) for view in detail["fallbacks"]] == [(reason, READS)]
    assert detail["fallbacks"][0]["why"] == FALLBACK_REASONS[reason]
    (closed,) = [event for event in said if isinstance(event, TraceClosed)]
    tree = "\n".join(trace_lines(closed.trace, (), ConfirmedNames()))
    assert f"{READS} requests → {calls} upstream calls" in tree
    assert tree.count(f"fallback: {reason} (") == READS
    log = io.StringIO()
    configure(log)
    try:
        TraceLog(LogOutput(LogSettings).traces)(closed)
    finally:
        structlog.reset_defaults()
    assert f'"fallback_reasons": {{"{reason}": {READS}}}' in log.getvalue()
