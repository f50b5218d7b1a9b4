"""Declares the metrics that are read at each Prometheus scrape, each with the source of its value."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any, Protocol

import msgspec

from proxy import __version__
from proxy.admin.cache_gauges import CACHE
from proxy.admin.event_stream import EventStream
from proxy.admin.listener import PortCounts
from proxy.admin.prefetch_gauges import PREFETCH
from proxy.merging.coalescer import Coalescer
from proxy.merging.merger import Merger
from proxy.observe.line_writer import LineWriter
from proxy.observe.log import LogOutput
from proxy.observe.series import COUNTED, ReadSeries, Series, Values, counter, gauge, readings
from proxy.settings.model import Settings
from proxy.sidecar.sidecar import Sidecar
from proxy.traces.store import TraceStore
from proxy.upstream.client import Upstream
from proxy.upstream.overload import OverloadControl
from proxy.upstream.state import UpstreamState

BOUNDS = (
    "limits.admin_connections",
    "detect.findings",
    "detect.findings_bytes",
    "detect.fingerprints",
    "detect.keys",
    "detect.max_bytes",
    "detect.spans",
    "detect.traces",
    "limits.connections",
    "limits.queue",
    "limits.long_heads",
    "limits.relations",
    "limits.viewers",
    "log.queue",
    "merge.max_tracked",
    "merge.max_tracked_bytes",
    "detect.fingerprints_bytes",
    "otlp.queue_bytes",
    "pool.calls",
    "pool.others",
    "pool.tunnels",
    "rules.oversized_in_list.concurrent_lists",
    "shadow.concurrency",
    "shadow.max_bytes",
    "cache.max_bytes",
    "prefetch.max_bytes",
    "prefetch.max_flows",
    "record.queue_bytes",
    "trace.max_bytes",
    "trace.max_open",
)
"""Settings in the metric ``limit``."""


class Counts(Protocol):
    def counts(self) -> Values:
        """Number of items by result."""


class Queue(Counts, Protocol):
    @property
    def held_bytes(self) -> int:
        """Estimated bytes of the items that wait."""


class Outputs(msgspec.Struct):
    """The outputs of observers; None for one that is not configured."""

    log: LogOutput
    streams: Mapping[str, LineWriter]
    """stderr, and stdout if something is printed there."""
    spans: Queue | None = None
    recorder: Queue | None = None
    admin: PortCounts = msgspec.field(default_factory=PortCounts)


SIDECAR: dict[str, ReadSeries[Sidecar]] = {
    "traces_dropped": ReadSeries(
        counter("Requests not traced because trace.max_open or trace.max_bytes was reached."),
        lambda sidecar: sidecar.traces.dropped,
    ),
    "descriptors_exhausted": ReadSeries(
        counter(
            "Times that no file descriptor was left: for a connection to upstream, or in a check once per second. See "
            "process_open_fds and process_max_fds."
        ),
        lambda sidecar: sidecar.descriptors.exhausted,
    ),
    "client_connections": ReadSeries(
        gauge("Client connections open now; bounded by limits.connections."), lambda sidecar: sidecar.server.open
    ),
    "requests_in_flight": ReadSeries(gauge("Requests being answered now."), lambda sidecar: sidecar.server.in_flight),
    "long_head_bytes": ReadSeries(
        gauge("Bytes of long request heads held now; bounded by limits.long_heads."),
        lambda sidecar: sidecar.server.long_heads,
    ),
    "upstream_busy": ReadSeries(gauge("Upstream connections in use now."), lambda sidecar: _busy(sidecar.upstream)),
    "upstream_queue": ReadSeries(
        gauge("Requests waiting for an upstream connection now; bounded by limits.queue."),
        lambda sidecar: sidecar.upstream.calls.waiting + sidecar.upstream.others.waiting,
    ),
    "upstream_connections": ReadSeries(
        gauge(
            "Connections to upstream now. lane (the pool): calls, others (outside the mount), tunnels, shadows; state: "
            "busy, idle.",
            *("lane", "state"),
        ),
        lambda sidecar: _connections(sidecar.upstream),
    ),
    "merged_target_bytes": ReadSeries(
        gauge("Most bytes of a merged call's target now: merge.max_url, or less while a gateway refuses longer calls."),
        lambda sidecar: sidecar.upstream_state.call_size.limit(sidecar.settings.merge.max_url),
    ),
    "overload_refused": ReadSeries(
        counter(
            "Calls refused by overload.control. kind: retry, read, write (an overload), circuit (upstream cannot be "
            "reached).",
            "kind",
        ),
        lambda sidecar: _overload(sidecar, lambda control: {(name,): n for name, n in control.refused.items()}),
    ),
    "overloaded": ReadSeries(
        gauge("1 while calls queue for longer than overload.target, so that some are refused; 0 otherwise."),
        lambda sidecar: _overload(sidecar, lambda control: float(control.admission.overloaded)),
    ),
    "call_limit": ReadSeries(
        gauge("Most calls on the mount in flight now: pool.calls, or less while upstream queues them itself."),
        lambda sidecar: _overload(sidecar, lambda control: float(control.limit.calls)),
    ),
    "circuit_open": ReadSeries(
        gauge("1 while calls are refused because upstream cannot be reached; 0 otherwise."),
        lambda sidecar: _overload(sidecar, lambda control: float(control.circuit.open)),
    ),
    "tunnels": ReadSeries(
        gauge("WebSocket tunnels open now; bounded by pool.tunnels."), lambda sidecar: sidecar.upstream.tunnels.busy
    ),
    "open_windows": ReadSeries(
        gauge("Windows open now; each gathers requests of one batch."),
        lambda sidecar: sum(strategy.batcher.open_windows for strategy in _strategies(sidecar)),
    ),
    "lists_cut": ReadSeries(
        gauge("Over-long lists being chunked now, or waiting; the limit is rules.oversized_in_list.concurrent_lists."),
        lambda sidecar: sum(policy.chunker.in_progress for policy in sidecar.policies),
    ),
    "waiting": ReadSeries(
        gauge("Requests held in windows or waiting for a merged or shared call now."),
        lambda sidecar: sum(strategy.batcher.waiting for strategy in _strategies(sidecar)),
    ),
    "tracked_queries": ReadSeries(
        gauge("(fingerprint, identity) pairs tracked now; bounded by merge.max_tracked."),
        lambda sidecar: sum(len(strategy.batcher.schedulers) for strategy in _strategies(sidecar)),
    ),
    "tracked_bytes": ReadSeries(
        gauge(
            "Estimated bytes of what upstream's answers have shown. table: columns (types), not_singular (406), order "
            "(of rows without an order), pauses (after mismatches), trust. merge.max_tracked_bytes bounds each list.",
            "table",
        ),
        lambda sidecar: {
            (name,): float(sum(table.held_bytes for table in tables))
            for name, tables in sidecar.upstream_state.tables.items()
        },
    ),
    "tracked_dropped": ReadSeries(
        counter(
            "Entries of these tables dropped because merge.max_tracked or merge.max_tracked_bytes was reached.", "table"
        ),
        lambda sidecar: {
            (name,): float(sum(table.dropped for table in tables))
            for name, tables in sidecar.upstream_state.tables.items()
        },
    ),
    "paused": ReadSeries(
        gauge("(fingerprint, identity) pairs not merged or shared now, after answers that could not be used."),
        lambda sidecar: sum(strategy.paused for strategy in _strategies(sidecar)),
    ),
    "paused_queries": ReadSeries(
        gauge("Queries not merged now for any caller, after a comparison found a wrong answer."),
        lambda sidecar: _paused_queries(sidecar.upstream_state),
    ),
    "mismatched": ReadSeries(
        gauge(
            "Relations, by key column or for equal reads, and queries without an order, that are not merged or "
            "shared: their answers differ."
        ),
        lambda sidecar: len(sidecar.upstream_state.trust.mismatches + sidecar.upstream_state.order_trust.mismatches),
    ),
    "shadow_held_bytes": ReadSeries(
        gauge("Bytes of answers held for comparison now; bounded by shadow.max_bytes."),
        lambda sidecar: sidecar.upstream_state.comparison_bytes.reserved,
    ),
    "open_traces": ReadSeries(
        gauge("Traces open now; bounded by trace.max_open."), lambda sidecar: len(sidecar.traces)
    ),
    "open_trace_bytes": ReadSeries(
        gauge("Estimated bytes of spans of traces that are open, or wait for the rules; bounded by trace.max_bytes."),
        lambda sidecar: sidecar.traces.held_bytes,
    ),
    "fingerprints": ReadSeries(
        gauge("Fingerprints whose calls are counted; bounded by detect.fingerprints."),
        lambda sidecar: len(sidecar.rule_runner.workload),
    ),
    "fingerprints_bytes": ReadSeries(
        gauge("Their estimated bytes in memory; bounded by detect.fingerprints_bytes."),
        lambda sidecar: sidecar.rule_runner.workload.held_bytes,
    ),
    "fingerprints_replaced": ReadSeries(
        counter(
            "Fingerprints replaced by others because detect.fingerprints or detect.fingerprints_bytes was reached."
        ),
        lambda sidecar: sidecar.rule_runner.workload.replaced,
    ),
    "findings_known": ReadSeries(
        gauge("Different findings that are stored; bounded by detect.findings."),
        lambda sidecar: len(sidecar.rule_runner.findings),
    ),
    "findings_bytes": ReadSeries(
        gauge("Estimated bytes of stored findings; bounded by detect.findings_bytes."),
        lambda sidecar: sidecar.rule_runner.findings.held_bytes,
    ),
    "findings_dropped": ReadSeries(
        counter("Findings evicted because detect.findings or detect.findings_bytes was reached."),
        lambda sidecar: sidecar.rule_runner.findings.dropped,
    ),
    "limit": ReadSeries(
        gauge("The bounds of the other gauges, by the name of their setting.", "setting"),
        lambda sidecar: limits(sidecar.settings),
    ),
    "build_info": ReadSeries(
        gauge("Always 1: which fanin this is, and how it runs.", "version", "mode"),
        lambda sidecar: {(__version__, sidecar.settings.mode): 1.0},
    ),
    **PREFETCH,
    **CACHE,
}

KEPT: dict[str, ReadSeries[TraceStore]] = {
    "kept_traces": ReadSeries(gauge("Closed traces kept for the pages; bounded by detect.traces."), len),
    "kept_spans": ReadSeries(gauge("Their spans; bounded by detect.spans."), lambda store: store.spans),
    "kept_bytes": ReadSeries(
        gauge("Their estimated bytes in memory; bounded by detect.max_bytes."), lambda store: store.held_bytes
    ),
    "kept_traces_dropped": ReadSeries(
        counter("Closed traces evicted because one of these bounds was reached."), lambda store: store.dropped
    ),
    "kept_keys": ReadSeries(gauge("Keys in answers of kept traces; bounded by detect.keys."), lambda store: store.keys),
    "kept_keys_dropped": ReadSeries(
        counter("Keys of kept traces evicted because detect.keys was reached."), lambda store: store.keys_dropped
    ),
}

VIEWERS: dict[str, ReadSeries[EventStream]] = {
    "viewers": ReadSeries(gauge("Readers of the event stream now; bounded by limits.viewers."), len),
    "viewers_dropped": ReadSeries(
        counter("Readers disconnected because they were too slow, or rejected because there were too many."),
        lambda stream: stream.dropped,
    ),
}

OUTPUTS: dict[str, ReadSeries[Outputs]] = {
    "admin_connections": ReadSeries(
        gauge("Connections to the admin port and the metrics port now; bounded by limits.admin_connections per port."),
        lambda outputs: outputs.admin.open,
    ),
    "admin_connections_turned_away": ReadSeries(
        counter("Connections closed because limits.admin_connections was reached: idle ones first, else new ones."),
        lambda outputs: outputs.admin.turned_away,
    ),
    "output_lines_dropped": ReadSeries(
        counter(
            "Lines that could not be written. stream: stderr (the log), stdout (the trees of debug). Nobody read "
            "them in time (log.queue), or the write failed.",
            "stream",
        ),
        lambda outputs: {(name,): float(writer.dropped) for name, writer in outputs.streams.items()},
    ),
    "output_waiting_bytes": ReadSeries(
        gauge("Bytes of lines that wait to be written now; bounded by log.queue.", "stream"),
        lambda outputs: {(name,): float(writer.waiting) for name, writer in outputs.streams.items()},
    ),
    "log_lines_left_out": ReadSeries(
        counter("Log lines left out. kind: trace (for log.traces), warning, library (both for log.warnings).", "kind"),
        lambda outputs: outputs.log.left_out(),
    ),
    "otlp_queue_bytes": ReadSeries(
        gauge("Estimated bytes of spans that wait to be sent to otlp.endpoint; bounded by otlp.queue_bytes."),
        lambda outputs: {} if outputs.spans is None else outputs.spans.held_bytes,
    ),
    "otlp_spans": ReadSeries(
        counter(
            "Spans for otlp.endpoint. result: sent, failed (the collector did not accept them), dropped (for "
            "otlp.queue or otlp.queue_bytes).",
            "result",
        ),
        lambda outputs: {} if outputs.spans is None else outputs.spans.counts(),
    ),
    "recorder_bytes": ReadSeries(
        gauge("Estimated bytes of traces that wait to be written to record.file; bounded by record.queue_bytes."),
        lambda outputs: {} if outputs.recorder is None else outputs.recorder.held_bytes,
    ),
    "recorded_traces": ReadSeries(
        counter(
            "Traces for record.file. result: written, failed (no room on the disk, or no file), dropped (for "
            "record.queue or record.queue_bytes, or longer than record.max_bytes).",
            "result",
        ),
        lambda outputs: {} if outputs.recorder is None else outputs.recorder.counts(),
    ),
}

READ: dict[str, Series] = {
    name: row.series for table in (SIDECAR, KEPT, VIEWERS, OUTPUTS) for name, row in table.items()
}
SERIES = COUNTED | READ
"""Every series that ``/metrics`` shows."""


def gauges(sidecar: Sidecar) -> dict[str, float]:
    """Values of the series without labels, by metric name."""
    current = readings(SIDECAR, sidecar)
    return {reading.name: reading.value for reading in current if isinstance(reading.value, int | float)}


def limits(settings: Settings) -> dict[tuple[str, ...], float]:
    """Values of the settings in ``BOUNDS``, by label value."""
    return {(name,): float(_value(settings, name)) for name in BOUNDS}


def _value(settings: Settings, name: str) -> Any:
    return reduce(getattr, name.split("."), settings)


def _strategies(sidecar: Sidecar) -> Iterator[Merger | Coalescer]:
    """The objects that hold requests in windows."""
    for policy in sidecar.policies:
        yield from (policy.merger, policy.coalescer)


def _overload(sidecar: Sidecar, read: Callable[[OverloadControl], float | Values]) -> float | Values:
    """What ``read`` reads; no samples if overload.control is off."""
    control = sidecar.upstream.overload
    return {} if control is None else read(control)


def _busy(upstream: Upstream) -> int:
    return upstream.calls.busy + upstream.others.busy + upstream.shadows.busy


def _paused_queries(state: UpstreamState) -> int:
    return state.mismatches.count(state.context.clock())


def _connections(upstream: Upstream) -> dict[tuple[str, ...], float]:
    pools = {
        "calls": upstream.calls,
        "others": upstream.others,
        "tunnels": upstream.tunnels,
        "shadows": upstream.shadows,
    }
    connections: dict[tuple[str, ...], float] = {}
    for name, pool in pools.items():
        connections[name, "busy"], connections[name, "idle"] = pool.busy, pool.idle
    return connections
