"""How long a caller's answer may take, whatever was tried for it: the time spent waiting is not given twice."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from proxy.errors.codes import FaultError
from proxy.observe.events import Events
from proxy.sidecar.sidecar import Sidecar
from proxy.upstream.client import Upstream
from proxy.upstream.messages import UpstreamRequest
from rules import RULES
from tests.e2e.support.bursts import burst, get, sockets
from tests.e2e.support.faulty_upstream import is_merged
from tests.e2e.support.harness import TIMEOUT, ScriptedUpstream, settings

if TYPE_CHECKING:
    from tests.e2e.support.harness import ScriptedConnection

pytestmark = pytest.mark.e2e
LONG = 10 * TIMEOUT


async def silent(connection: ScriptedConnection) -> None:
    while await connection.request() is not None:
        await connection.gone()


async def test_a_call_whose_caller_has_waited_long_enough_is_not_waited_for() -> None:
    async with ScriptedUpstream(silent) as scripted, asyncio.timeout(TIMEOUT):
        upstream = Upstream(settings(scripted.url, timeouts__upstream_head=LONG), time.monotonic)
        outgoing = UpstreamRequest(b"GET", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", already_waited=LONG)
        with pytest.raises(FaultError, match="FANIN504"):
            await upstream.send(upstream.calls, outgoing).__aenter__()
        upstream.close()


async def test_an_original_sent_after_a_deadline_has_what_is_left_of_its_callers_time() -> None:
    late = 0.0

    async def script(connection: ScriptedConnection) -> None:
        nonlocal late
        request = await connection.request()
        if request is not None and is_merged(request):
            late = LONG  # the merged call took as long as a caller is made to wait
        if request is not None:
            await connection.gone()

    async with ScriptedUpstream(*[script] * 9) as upstream, asyncio.timeout(TIMEOUT):
        flags = {"timeouts__upstream_head": LONG, "merge__deadline_floor": 0.05, "shadow__share": 0.0}
        made = settings(upstream.url, drain__timeout=0.2, profile="postgrest", **flags)
        sidecar = await Sidecar.create(made, RULES, Events(), lambda: time.monotonic() + late)
        await sidecar.start()
        try:
            async with sockets(sidecar.port, 3) as clients:
                answers = await burst(clients, [get(f"/t?id=eq.{n}") for n in range(3)])
        finally:
            await sidecar.stop()
    assert [answer.head.split(b" ")[1] for answer in answers] == [b"504"] * 3
