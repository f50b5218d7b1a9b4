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
    upstream, server, state = sidecar.upstream, sidecar.server, sidecar.upstream_state
    holding = [held for policy in sidecar.policies for held in (policy.merger, policy.coalescer)]
    return {
        "client_connections": server.open,
        "requests_in_flight": server.in_flight,
        "long_head_bytes": server.long_heads,
        "upstream_busy": upstream.calls.busy + upstream.others.busy + upstream.shadows.busy,
        "upstream_queue": upstream.calls.waiting + upstream.others.waiting,
        "tunnels": upstream.tunnels.busy,
        "open_windows": sum(held.batcher.open_windows for held in holding),
        "lists_cut": sum(policy.chunker.in_progress for policy in sidecar.policies),
        "waiting": sum(held.batcher.waiting for held in holding),
        "tracked_queries": sum(len(held.batcher.schedulers) for held in holding),
        "paused": sum(held.paused for held in holding),
        "paused_queries": state.mismatches.count(state.context.clock()),
        "shadow_held_bytes": state.comparison_bytes.reserved,
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
