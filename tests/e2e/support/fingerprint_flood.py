"""Memory of all that remembers requests, under a flood over 10,000 fingerprints: FLOOD_REQUESTS=n, else a million.

No network: spans are told to what `fanin serve` tells them to, each at its bound. In a process of its own, whose memory
is measured at the end; the last line is the result as JSON.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
from pathlib import Path

from msgspec.structs import replace

from proxy.admin.console import Console
from proxy.admin.gauges import gauges
from proxy.observe import log, log_format
from proxy.observe.events import Events, RequestAnswered
from proxy.observe.metrics import Metrics
from proxy.settings.loading import load
from proxy.sidecar.sidecar import Sidecar
from rules import RULES
from tests.factories import head
from tests.rules.traces import span

REQUESTS = int(os.environ.get("FLOOD_REQUESTS", "1000000"))
FINGERPRINTS = 10_000
BURST = 50
"""Requests of one trace."""


def main() -> None:
    """Flood, and tell."""
    settings = load({"detect.row_keys": "on", "trace.quiet_explicit": 0.5, "profile": "postgrest"}).settings
    events, now = Events(), [0.0]
    sidecar = asyncio.run(Sidecar.create(settings, RULES, events, lambda: now[0]))
    console = Console(sidecar, events, RULES, lambda: settings)
    metrics = Metrics(settings.limits.relations, tuple)
    log_format.configure(io.StringIO())
    lines = log.LogOutput(lambda: settings.log)
    events.subscribe(metrics)
    events.subscribe(log.TraceLog(lines.traces))
    chance = random.Random(1)
    for number in range(REQUESTS // BURST):
        now[0] += 0.1
        one_trace(number, sidecar, events, now[0], chance)
        for trace in sidecar.traces.sweep(now[0]):
            sidecar.rule_runner.run(trace)
        sidecar.rule_runner.inspect_workload(now[0])
    megabytes = most_memory() / 1e6
    held = {"fingerprints": len(sidecar.rule_runner.workload), "findings": len(sidecar.rule_runner.findings)}
    bites = gauges(sidecar)["fingerprints_replaced"]
    print(json.dumps({"requests": REQUESTS, "megabytes": megabytes, **held, "replaced": bites}))
    assert console is not None


def most_memory() -> int:
    """Bytes that this process had at its largest (Linux). ``getrusage`` tells what the parent had, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def one_trace(number: int, sidecar: Sidecar, events: Events, now: float, chance: random.Random) -> None:
    """A page: a fan-out, and reads of queries out of thousands."""
    own = head(f"Host: h\nX-Fanin-Trace: page {number}\nX-Fanin-Route: /page/{number % 3000}")
    fanned = chance.randrange(FINGERPRINTS)
    for at in range(BURST):
        which = fanned if at % 2 else chance.randrange(FINGERPRINTS)
        ids = ";".join(str(chance.randrange(10**6)) for _ in range(5))
        line = f"GET /t{which % 700}?select=id,a{which}&id=eq.{chance.randrange(10**9)} → 5 rows, 4 kB, ids {ids}"
        trace = sidecar.traces.begin(own, "127.0.0.1", now)
        made = replace(span(line, at + 1, start=now, end=now + 0.01), call=number * BURST + at + 1)
        if trace is not None:
            sidecar.traces.end(trace, made, now)
        events.emit(RequestAnswered(made, 0.001, own.trace or ""))


if __name__ == "__main__":
    main()
