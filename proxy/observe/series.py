"""What a metric is, and the metrics that are counted as events happen; ``admin/gauges`` has those read at scrape.

Names are without the prefix ``fanin_`` and, for counters, without ``_total``. All labels are bounded: those that a
client could fill (relation, route) by ``limits.relations``, the others by our own tables.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Literal, TypeVar

import msgspec

from proxy.errors.codes import BYPASS_REASONS, COMPARISON_RESULTS, FALLBACK_REASONS, FAULTS

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)


Values = Mapping[tuple[str, ...], float]
"""A counter or a gauge, by the values of its labels."""

S = TypeVar("S")


class Series(msgspec.Struct, frozen=True):
    """One metric family. ``bounds`` are a histogram's; ``known`` are the values of a counter's one label.

    Counters whose labels are known beforehand start at 0: Prometheus sees no increase in a series that begins at 1.
    """

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    known: tuple[str, ...] = ()
    initial: float | None = None
    """The value of a gauge without labels before any event."""


class ReadSeries(msgspec.Struct, Generic[S], frozen=True):
    """A series whose value is read when Prometheus scrapes: a number, or one for each combination of its labels."""

    series: Series
    read: Callable[[S], float | Values]


class Reading(msgspec.Struct, frozen=True):
    """What was read of a series."""

    name: str
    series: Series
    value: float | Values


def readings(table: Mapping[str, ReadSeries[S]], source: S) -> list[Reading]:
    """Each series of ``table``, with its value now."""
    return [Reading(name, row.series, row.read(source)) for name, row in table.items()]


def counter(text: str, *labels: str, known: Iterable[str] = ()) -> Series:
    """A number that only grows."""
    return Series("counter", text, labels, known=tuple(known))


def gauge(text: str, *labels: str, initial: float | None = None) -> Series:
    """A number that goes up and down."""
    return Series("gauge", text, labels, initial=initial)


def histogram(bounds: tuple[float, ...], text: str, *labels: str) -> Series:
    """Values by size; ``bounds`` are the upper bounds of its buckets."""
    return Series("histogram", text, labels, bounds)


COUNTED: dict[str, Series] = {
    # What clients asked for.
    "requests": counter(
        "Requests answered. outcome: passed, merged, shared, chunked, prefetched, fallback, failed, gone; code: "
        "2xx … 5xx, none.",
        *("relation", "method", "outcome", "code"),
    ),
    "request_duration_seconds": histogram(SECONDS, "From a request's head to the end of its answer.", "outcome"),
    "hop_seconds": histogram(
        SECONDS, "What of that was fanin itself: holding, queueing for a connection, splitting.", "outcome"
    ),
    "client_retries": counter("Requests that say themselves that they are repeated (X-Retry-Count).", "relation"),
    "faults": counter(
        "Requests answered with an error of fanin's own; `fanin explain` has each code's text.", "code", known=FAULTS
    ),
    "turned_down": counter(
        "Connections turned down before they made a request, by error code.",
        "code",
        known=(code for code in FAULTS if code.startswith("FANIN1")),
    ),
    # What upstream was asked.
    "upstream_calls": counter(
        "Calls sent upstream. kind: original, merged, shared, fallback, part (of an over-long list), refill (of a kept "
        "answer), shadow (for comparison), probation (for comparing the first answers of a relation), types (questions "
        "that mostly fail before anything runs), outside (not PostgREST's paths), tunnel (WebSockets, when they end).",
        *("relation", "kind"),
    ),
    "upstream_duration_seconds": histogram(SECONDS, "From sending a call to the end of its answer.", "kind"),
    "upstream_up": gauge("1 while the last call to upstream, or the last look at it, got an answer.", initial=1),
    "upstream_outages": counter(
        "Outages of upstream that have ended; a warning in the log has the cause, and a line its length."
    ),
    "notification_outages": counter(
        "Times that notifications of writes were lost and came again; a warning in the log has the cause."
    ),
    "calls_saved": gauge(
        "Upstream calls that merging and sharing saved, less those that they cost. Decreases when a merged answer"
        " could not be used.",
        *("rule", "relation"),
    ),
    "memo_age_seconds": histogram(
        SECONDS, "Age of the answers that were fetched ahead when they were used, from before their call was sent."
    ),
    "cache_age_seconds": histogram(
        (*SECONDS, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0),
        "Age of the kept answers when they were used, from before their request was sent.",
    ),
    # Traces: the number of queries behind an application's request.
    "trace_queries": histogram(
        SIZES,
        "Requests to PostgREST per trace, retries left out. kind: explicit, inferred, or mixed (inferred, of several).",
        *("kind", "route"),
    ),
    "trace_upstream_calls": histogram(
        SIZES, "Upstream calls for these queries and for retries of them, per trace.", "kind", "route"
    ),
    "traces_truncated": counter("Traces closed at trace.max_spans, or with requests still in flight.", "kind"),
    "findings": counter("What the rules found in closed traces.", "rule", "relation"),
    # Merging and sharing.
    "bypassed": counter(
        "Requests that were not merged, or not passed on, by reason; `fanin explain` has each reason's text.",
        "reason",
        known=BYPASS_REASONS,
    ),
    "differing_headers": counter(
        "Reads sent alone while similar ones were in flight, only because a request header differs in each (header: "
        "its name, at most 16 values). Counted from a sample, from the 20th on.",
        "header",
    ),
    "batch_size": histogram(SIZES, "Requests per window when it closed."),
    "batch_wait_seconds": histogram(SECONDS, "How long windows were open; hit says whether company came.", "hit"),
    "fallbacks": counter(
        "Answers of merged and shared calls not used; `fanin explain` has each reason's text.",
        "reason",
        known=FALLBACK_REASONS,
    ),
    "pauses": counter(
        "Times that merging or sharing a query was paused, by the reason; mismatch: a comparison found one.",
        "reason",
        known=(*FALLBACK_REASONS, "mismatch"),
    ),
    "shadow": counter(
        "Merged answers compared with originals; `fanin explain` has each result's text.",
        "result",
        known=COMPARISON_RESULTS,
    ),
    # fanin itself.
    "warnings": counter(
        "Warnings in the log. kind: advice (with a remedy), bug (of fanin's own).", "kind", known=("advice", "bug")
    ),
    "reloads": counter("Times that settings were read again. result: ok, failed.", "result", known=("ok", "failed")),
    "last_reload_ok": gauge(
        "1 while the settings in force are those that were read last; 0: they did not fit.", initial=1
    ),
    "label_overflow": counter(
        "Events counted as 'other' because limits.relations was reached.", "label", known=("relation", "route")
    ),
}
"""What ``Metrics`` counts."""
