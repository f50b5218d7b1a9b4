"""The values read at a scrape are those that are declared, and agree with the settings."""

from __future__ import annotations

import asyncio
import time

from proxy.admin.console import Console
from proxy.admin.gauges import BOUNDS, metric_levels
from proxy.observe.events import Events
from proxy.observe.metrics import Metrics
from proxy.observe.series import READ
from proxy.settings.loading import load
from proxy.sidecar.sidecar import Sidecar
from rules import RULES
from tests.e2e.harness import OK, RawClient, ScriptedUpstream, Talk, fanin, settings, until
from tests.observe.test_metrics import scrape


async def test_every_declared_gauge_is_read_with_its_labels() -> None:
    sidecar = await Sidecar.create(settings("http://127.0.0.1:1"), RULES, Events(), time.monotonic)
    console = Console(sidecar, Events(), RULES, lambda: sidecar.settings)
    levels = {**metric_levels(sidecar, "1.2.3"), **console.metric_levels()}
    assert set(levels) == set(READ)
    for name, level in levels.items():
        labels = [()] if isinstance(level, (int, float)) else list(level)
        assert labels, name
        assert {len(values) for values in labels} == {len(READ[name].labels)}, name


async def test_bounds_are_those_of_the_settings() -> None:
    settings = load({"limits.connections": "7", "trace.max_open": "9", "mode": "observe"}).settings
    sidecar = await Sidecar.create(settings, RULES, Events(), time.monotonic)
    seen = scrape(Metrics(5, lambda: metric_levels(sidecar, "1.2.3")))
    assert seen["fanin_limit", "limits.connections"] == 7
    assert seen["fanin_limit", "trace.max_open"] == 9
    assert len([key for key in seen if key[0] == "fanin_limit"]) == len(BOUNDS)
    assert seen["fanin_build_info", "observe", "1.2.3"] == 1


async def test_gauges_count_requests_in_flight_and_return_to_zero() -> None:
    async def waits(talk: Talk) -> None:
        await talk.request()
        await going.wait()
        await talk.send(OK)
        await talk.request()

    going = asyncio.Event()
    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url) as sidecar, RawClient(sidecar.port) as client:
        await client.send(b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")
        await upstream.until(lambda: upstream.requests)
        seen = metric_levels(sidecar, "")
        assert seen["requests_in_flight"] == seen["client_connections"] == seen["upstream_busy"] == 1
        going.set()
        assert (await client.answer(b"GET")).status == 200
        await until(lambda: not metric_levels(sidecar, "")["requests_in_flight"])
        connections = metric_levels(sidecar, "")["upstream_connections"]
        assert isinstance(connections, dict)
        assert (connections["calls", "busy"], connections["calls", "idle"]) == (0, 1)
