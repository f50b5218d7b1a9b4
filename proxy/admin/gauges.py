"""What is open, held and in flight now, and the bounds of it: read when somebody asks, counted by nobody."""

from functools import reduce
from typing import Any

from proxy.settings.model import Settings
from proxy.sidecar.sidecar import Sidecar
from proxy.upstream.client import Upstream

BOUNDS = (
    "detect.findings",
    "detect.fingerprints",
    "detect.keys",
    "detect.spans",
    "detect.traces",
    "limits.connections",
    "limits.queue",
    "limits.long_heads",
    "limits.relations",
    "limits.viewers",
    "merge.max_tracked",
    "pool.calls",
    "pool.others",
    "pool.tunnels",
    "rules.oversized_in_list.concurrent_lists",
    "shadow.concurrency",
    "shadow.max_bytes",
    "trace.max_open",
)
"""Settings that the metric ``limit`` shows."""

Labelled = dict[tuple[str, ...], float]


def metric_levels(sidecar: Sidecar, version: str) -> dict[str, float | Labelled]:
    """By the name of its metric, a number, or one for each combination of its labels."""
    settings = sidecar.settings
    return {
        **gauges(sidecar),
        "upstream_connections": _connections(sidecar.upstream),
        "limit": _bounds(settings),
        "build_info": {(version, settings.mode): 1.0},
    }


def gauges(sidecar: Sidecar) -> dict[str, float]:
    """What is open now, by the name of its metric."""
    upstream, server, memory = sidecar.upstream, sidecar.server, sidecar.state_of_upstream
    terms = sidecar.policies
    holding = [held for one in terms for held in (one.merger, one.coalescer)]
    return {
        "client_connections": server.open if server else 0,
        "requests_in_flight": server.in_flight if server else 0,
        "long_head_bytes": server.long_heads if server else 0,
        "upstream_busy": upstream.calls.busy + upstream.others.busy + upstream.shadows.busy,
        "upstream_queue": upstream.calls.waiting + upstream.others.waiting,
        "tunnels": upstream.tunnels.busy,
        "open_windows": sum(held.windows for held in holding),
        "lists_cut": sum(one.chunker.busy for one in terms),
        "waiting": sum(held.waiting for held in holding),
        "tracked_queries": sum(held.tracked for held in holding),
        "paused": sum(held.paused for held in holding),
        "paused_queries": memory.pauses.count(memory.clock()) if memory else 0,
        "shadow_held_bytes": memory.held.reserved if memory else 0,
        "fingerprints": len(sidecar.rule_runner.workload),
        "fingerprints_replaced": sidecar.rule_runner.workload.replaced,
        "findings_known": len(sidecar.rule_runner.findings),
        "findings_dropped": sidecar.rule_runner.findings.dropped,
        "open_traces": len(sidecar.traces),
        "traces_dropped": sidecar.traces.dropped,
    }


def _connections(upstream: Upstream) -> Labelled:
    lanes = {
        "calls": upstream.calls,
        "others": upstream.others,
        "tunnels": upstream.tunnels,
        "shadows": upstream.shadows,
    }
    found: Labelled = {}
    for name, lane in lanes.items():
        found[name, "busy"], found[name, "idle"] = lane.busy, lane.idle
    return found


def _bounds(settings: Settings) -> Labelled:
    found: Labelled = {}
    for name in BOUNDS:
        value: Any = reduce(getattr, name.split("."), settings)
        found[(name,)] = float(value)
    return found
