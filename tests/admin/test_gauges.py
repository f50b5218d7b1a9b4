"""The values read at a scrape are those that are declared, and agree with the settings."""

from __future__ import annotations

import asyncio
import os
import time

from proxy import __version__
from proxy.admin.console import Console
from proxy.admin.gauges import BOUNDS, OUTPUTS, READ, SIDECAR, Outputs, gauges
from proxy.observe.events import Events
from proxy.observe.line_writer import LineWriter
from proxy.observe.log import LogOutput
from proxy.observe.metrics import Metrics
from proxy.observe.series import COUNTED, readings
from proxy.settings.loading import load
from proxy.settings.observability import LogSettings
from proxy.sidecar.sidecar import Sidecar
from rules import RULES
from tests.e2e.support.harness import OK, RawClient, ScriptedConnection, ScriptedUpstream, fanin, settings, until
from tests.observe.factories import scrape

WRITER = LineWriter(os.open(os.devnull, os.O_WRONLY), 10_000, str)


class Written:
    """An output that is on."""

    def counts(self) -> dict[tuple[str, ...], float]:
        return {("sent",): 3.0}

    held_bytes = 0


async def test_every_declared_series_is_read_and_has_its_labels() -> None:
    everything = settings("http://127.0.0.1:1", overload__control="on")
    sidecar = await Sidecar.create(everything, RULES, Events(), time.monotonic)
    console = Console(sidecar, Events(), RULES, lambda: sidecar.settings)
    outputs = Outputs(LogOutput(lambda: sidecar.settings.log), {"stderr": WRITER}, Written(), Written())
    found = [*readings(SIDECAR, sidecar), *console.readings(), *readings(OUTPUTS, outputs)]
    assert [one.name for one in found] == list(READ)
    for one in found:
        labels = [()] if isinstance(one.value, (int, float)) else list(one.value)
        assert labels, one.name
        assert {len(values) for values in labels} == {len(one.series.labels)}, one.name


def test_no_series_is_both_counted_and_read() -> None:
    assert COUNTED.keys().isdisjoint(READ)


async def test_overload_control_that_is_off_has_no_samples() -> None:
    sidecar = await Sidecar.create(settings("http://127.0.0.1:1"), RULES, Events(), time.monotonic)
    values = {one.name: one.value for one in readings(SIDECAR, sidecar)}
    names = ("overload_refused", "overloaded", "call_limit", "circuit_open")
    assert [values[name] for name in names] == [{}, {}, {}, {}]


def test_an_output_that_is_off_has_no_samples() -> None:
    off = [one for one in readings(OUTPUTS, Outputs(LogOutput(LogSettings), {})) if not isinstance(one.value, int)]
    assert [one.value for one in off if one.name != "log_lines_left_out"] == [{}, {}, {}, {}, {}, {}]


async def test_bounds_are_those_of_the_settings() -> None:
    settings_ = load({"limits.connections": "7", "trace.max_open": "9", "mode": "observe"}).settings
    sidecar = await Sidecar.create(settings_, RULES, Events(), time.monotonic)
    seen = scrape(Metrics(5, lambda: readings(SIDECAR, sidecar)))
    assert seen["fanin_limit", "limits.connections"] == 7
    assert seen["fanin_limit", "trace.max_open"] == 9
    assert len([key for key in seen if key[0] == "fanin_limit"]) == len(BOUNDS)
    assert seen["fanin_build_info", "observe", __version__] == 1


async def test_gauges_count_requests_in_flight_and_return_to_zero() -> None:
    async def waits(connection: ScriptedConnection) -> None:
        await connection.request()
        await going.wait()
        await connection.send(OK)
        await connection.request()

    going = asyncio.Event()
    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url) as sidecar, RawClient(sidecar.port) as client:
        await client.send(b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")
        await upstream.until(lambda: upstream.requests)
        seen = gauges(sidecar)
        assert seen["requests_in_flight"] == seen["client_connections"] == seen["upstream_busy"] == 1
        going.set()
        assert (await client.answer(b"GET")).status == 200
        await until(lambda: not gauges(sidecar)["requests_in_flight"])
        connections = SIDECAR["upstream_connections"].read(sidecar)
        assert isinstance(connections, dict)
        assert (connections["calls", "busy"], connections["calls", "idle"]) == (0, 1)
