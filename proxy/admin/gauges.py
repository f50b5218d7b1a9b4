"""Reads the present values of gauges and of the settings that bound them, at each scrape."""

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
"""Settings in the metric ``limit``."""

Labelled = dict[tuple[str, ...], float]


def metric_levels(sidecar: Sidecar, version: str) -> dict[str, float | Labelled]:
    """By metric name: a number, or a number per combination of labels."""
    settings = sidecar.settings
    return {
        **gauges(sidecar),
        "upstream_connections": _connections(sidecar.upstream),
        "limit": _bounds(settings),
        "build_info": {(version, settings.mode): 1.0},
    }


def gauges(sidecar: Sidecar) -> dict[str, float]:
    """Values of the gauges without labels, by metric name."""
    upstream, server, state = sidecar.upstream, sidecar.server, sidecar.state_of_upstream
    strategies = [strategy for policy in sidecar.policies for strategy in (policy.merger, policy.coalescer)]
    return {
        "client_connections": server.open,
        "requests_in_flight": server.in_flight,
        "long_head_bytes": server.long_heads,
        "upstream_busy": upstream.calls.busy + upstream.others.busy + upstream.shadows.busy,
        "upstream_queue": upstream.calls.waiting + upstream.others.waiting,
        "tunnels": upstream.tunnels.busy,
        "open_windows": sum(strategy.batcher.open_windows for strategy in strategies),
        "lists_cut": sum(policy.chunker.busy for policy in sidecar.policies),
        "waiting": sum(strategy.batcher.waiting for strategy in strategies),
        "tracked_queries": sum(len(strategy.batcher.schedulers) for strategy in strategies),
        "paused": sum(strategy.paused for strategy in strategies),
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
    pools = {
        "calls": upstream.calls,
        "others": upstream.others,
        "tunnels": upstream.tunnels,
        "shadows": upstream.shadows,
    }
    connections: Labelled = {}
    for name, pool in pools.items():
        connections[name, "busy"], connections[name, "idle"] = pool.busy, pool.idle
    return connections


def _bounds(settings: Settings) -> Labelled:
    bounds: Labelled = {}
    for name in BOUNDS:
        value: Any = reduce(getattr, name.split("."), settings)
        bounds[(name,)] = float(value)
    return bounds
