"""Every series that ``/metrics`` can show, declared once, with its help text and its labels.

Names are without the prefix ``fanin_`` and, for counters, without ``_total``. All labels are bounded: those that a
client could fill (relation, route) by ``limits.relations``, the others by our own tables.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)


class Series(msgspec.Struct, frozen=True):
    """One metric family. ``bounds`` are a histogram's; ``known`` are the values of a counter's one label.

    Counters whose labels are known beforehand start at 0: Prometheus sees no increase in a series that begins at 1.
    """

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    known: tuple[str, ...] = ()


def _counter(text: str, *labels: str, known: Iterable[str] = ()) -> Series:
    return Series("counter", text, labels, known=tuple(known))


def _gauge(text: str, *labels: str) -> Series:
    return Series("gauge", text, labels)


def _histogram(bounds: tuple[float, ...], text: str, *labels: str) -> Series:
    return Series("histogram", text, labels, bounds)


COUNTED = {
    # What clients asked for.
    "requests": _counter(
        "Requests answered. outcome: passed, merged, shared, chunked, fallback, failed, gone; code: 2xx … 5xx, none.",
        *("relation", "method", "outcome", "code"),
    ),
    "request_duration_seconds": _histogram(SECONDS, "From a request's head to the end of its answer.", "outcome"),
    "hop_seconds": _histogram(
        SECONDS, "What of that was fanin itself: holding, queueing for a connection, splitting.", "outcome"
    ),
    "client_retries": _counter("Requests that say themselves that they are repeated (X-Retry-Count).", "relation"),
    "faults": _counter(
        "Requests answered with an error of fanin's own; `fanin explain` has each code's text.", "code", known=FAULTS
    ),
    "turned_down": _counter(
        "Connections turned down before they made a request, by error code.",
        "code",
        known=(code for code in FAULTS if code.startswith("FANIN1")),
    ),
    # What upstream was asked.
    "upstream_calls": _counter(
        "Calls sent upstream. kind: original, merged, shared, fallback, part (of an over-long list), shadow (for "
        "comparison), types (questions that mostly fail before anything runs), outside (not PostgREST's paths), "
        "tunnel (WebSockets, when they end).",
        *("relation", "kind"),
    ),
    "upstream_duration_seconds": _histogram(SECONDS, "From sending a call to the end of its answer.", "kind"),
    "upstream_up": _gauge("1 while the last call to upstream, or the last look at it, got an answer."),
    "calls_saved": _gauge(
        "Upstream calls that merging and sharing saved, less those that they cost. Goes down when it was in vain.",
        *("rule", "relation"),
    ),
    # Traces: the number of queries behind an application's request.
    "trace_queries": _histogram(
        SIZES,
        "Requests to PostgREST per trace, retries left out. kind: explicit, inferred, or mixed (inferred, of several).",
        *("kind", "route"),
    ),
    "trace_upstream_calls": _histogram(SIZES, "Upstream calls that answered them, per trace.", "kind", "route"),
    "traces_truncated": _counter("Traces closed at trace.max_spans, or with requests still in flight.", "kind"),
    "findings": _counter("What the rules found in closed traces.", "rule", "relation"),
    # Merging and sharing.
    "bypassed": _counter(
        "Requests not merged, by reason; `fanin explain` has each reason's text.", "reason", known=BYPASS_REASONS
    ),
    "batch_size": _histogram(SIZES, "Requests per window when it closed."),
    "batch_wait_seconds": _histogram(SECONDS, "How long windows were open; hit says whether company came.", "hit"),
    "fallbacks": _counter(
        "Answers of merged and shared calls not used; `fanin explain` has each reason's text.",
        "reason",
        known=FALLBACK_REASONS,
    ),
    "pauses": _counter(
        "Times that merging or sharing a query was paused, by the doubt; mismatch: a comparison found one.",
        "reason",
        known=(*FALLBACK_REASONS, "mismatch"),
    ),
    "shadow": _counter(
        "Merged answers compared with originals; `fanin explain` has each result's text.",
        "result",
        known=COMPARISON_RESULTS,
    ),
    # fanin itself.
    "warnings": _counter(
        "Warnings in the log. kind: advice (a remedy is told), bug (of fanin's own).", "kind", known=("advice", "bug")
    ),
    "reloads": _counter("Times that settings were read again. result: ok, failed.", "result", known=("ok", "failed")),
    "last_reload_ok": _gauge("1 while the settings in force are those that were read last; 0: they did not fit."),
    "label_overflow": _counter(
        "Events counted as 'other' because limits.relations was reached.", "label", known=("relation", "route")
    ),
}
"""What is counted as it happens."""

READ = {
    "traces_dropped": _counter("Requests not traced because trace.max_open was reached."),
    "client_connections": _gauge("Client connections open now; bounded by limits.connections."),
    "requests_in_flight": _gauge("Requests being answered now."),
    "long_head_bytes": _gauge("Bytes of long request heads held now; bounded by limits.long_heads."),
    "upstream_busy": _gauge("Upstream connections in use now."),
    "upstream_queue": _gauge("Requests waiting for an upstream connection now; bounded by limits.queue."),
    "upstream_connections": _gauge(
        "Connections to upstream now. lane: calls, others (outside the mount), tunnels, shadows; state: busy, idle.",
        *("lane", "state"),
    ),
    "tunnels": _gauge("WebSocket tunnels open now; bounded by pool.tunnels."),
    "open_windows": _gauge("Windows that gather look-alikes now."),
    "lists_cut": _gauge(
        "Over-long lists being cut now, or waiting for it; at once: rules.oversized_in_list.concurrent_lists."
    ),
    "waiting": _gauge("Requests held in windows or waiting for a merged or shared call now."),
    "tracked_queries": _gauge("(fingerprint, identity) pairs remembered now; bounded by merge.max_tracked."),
    "paused": _gauge("(fingerprint, identity) pairs not merged or shared now, after answers that could not be used."),
    "paused_queries": _gauge("Queries not merged now for any caller, after a comparison found a wrong answer."),
    "shadow_held_bytes": _gauge("Bytes of answers held for comparison now; bounded by shadow.max_bytes."),
    "open_traces": _gauge("Traces open now; bounded by trace.max_open."),
    "fingerprints": _gauge("Fingerprints whose calls are counted; bounded by detect.fingerprints."),
    "fingerprints_replaced": _counter("Fingerprints that gave way because detect.fingerprints was reached."),
    "findings_known": _gauge("Different findings that are remembered; bounded by detect.findings."),
    "findings_dropped": _counter("Findings that gave way because detect.findings was reached."),
    "kept_traces": _gauge("Closed traces kept for the pages; bounded by detect.traces."),
    "kept_spans": _gauge("Their spans; bounded by detect.spans."),
    "kept_traces_dropped": _counter("Closed traces that gave way because one of these bounds was reached."),
    "kept_keys": _gauge("Keys in answers of kept traces; bounded by detect.keys."),
    "kept_keys_dropped": _counter("Keys of kept traces that gave way because detect.keys was reached."),
    "viewers": _gauge("Readers that follow the list of traces now; bounded by limits.viewers."),
    "viewers_dropped": _counter(
        "Readers cut off because they fell behind, or turned away because there were too many."
    ),
    "limit": _gauge("The bounds of the gauges above, by the name of their setting.", "setting"),
    "build_info": _gauge("Always 1: which fanin this is, and how it runs.", "version", "mode"),
}
"""What is read when Prometheus scrapes."""

BESIDE = {
    "log_lines_left_out": _counter(
        "Log lines left out. kind: trace (for log.traces), warning, library (both for log.warnings).", "kind"
    ),
    "otlp_spans": _counter(
        "Spans for otlp.endpoint. result: sent, failed (the collector did not take them), dropped (for otlp.queue).",
        "result",
    ),
    "recorded_traces": _counter(
        "Traces for record.file. result: written, failed (no room on the disk, or no file), dropped (for record.queue, "
        "or longer than record.max_bytes).",
        "result",
    ),
}
"""What observers count of themselves, read like those."""

SERIES = COUNTED | READ | BESIDE
