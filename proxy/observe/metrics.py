"""Counts events as plain integers; ``exposition`` renders them when Prometheus scrapes."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from proxy.analysis.spans import asked_of_postgrest, count_queries
from proxy.findings.model import Finding
from proxy.model import Span
from proxy.observe.buckets import Buckets
from proxy.observe.confirmed_names import METHODS
from proxy.observe.events import (
    CANCELLED,
    NO_ANSWER,
    AnswersCompared,
    CacheUsed,
    Event,
    FellBack,
    HeaderDiffered,
    HealthChecked,
    MemoUsed,
    MergingPaused,
    NotificationsResumed,
    RequestAnswered,
    RequestRefused,
    SettingsReloaded,
    TraceClosed,
    UpstreamCalled,
    UpstreamRecovered,
    Warned,
    WindowClosed,
    WorkloadInspected,
)
from proxy.observe.exposition import Exposition
from proxy.observe.series import COUNTED, Reading, Series, Values

PAUSE = 0.0005
"""Seconds of a pause while metrics are rendered."""
SWITCHING = 101
"""The status of a WebSocket. Its duration is not measured: it depends on the client, not on any server's speed."""


class _Tally(msgspec.Struct, frozen=True, eq=False):
    """The counters of requests with the same relation, method, status and outcome."""

    labels: tuple[str, str, str, str]
    """Labels of ``fanin_requests_total``."""
    durations: Buckets | None
    hops: Buckets | None


class Metrics:
    """An observer that counts events. ``read`` returns the other series at a scrape; ``labels`` bounds label values."""

    def __init__(self, labels: int, read: Callable[[], Iterable[Reading]]) -> None:
        self._cap = labels
        self._read = read
        self._known: dict[str, set[str]] = {"relation": set(), "route": set()}
        self._counts: dict[str, dict[tuple[str, ...], float]] = {
            name: defaultdict(int, _before_any_event(series)) for name, series in COUNTED.items()
        }
        self._buckets: dict[str, dict[tuple[str, ...], Buckets]] = {name: {} for name in COUNTED}
        self._tallies: dict[tuple[str, str, int, str], _Tally] = {}
        """By relation, method, status and outcome, for relations with their own label."""
        self._readers: dict[type, Callable[[Any], None]] = {
            RequestAnswered: self._answered,
            UpstreamCalled: self._called,
            WindowClosed: self._window_closed,
            FellBack: lambda event: self._count("fallbacks", event.reason),
            MergingPaused: lambda event: self._count("pauses", event.reason),
            AnswersCompared: lambda event: self._count("shadow", event.result, by=event.answers),
            MemoUsed: lambda event: self._observe("memo_age_seconds", event.age),
            CacheUsed: lambda event: self._observe("cache_age_seconds", event.age),
            HeaderDiffered: lambda event: self._count("differing_headers", event.headers, by=event.reads),
            HealthChecked: lambda event: self._set("upstream_up", event.up),
            UpstreamRecovered: lambda _: self._count("upstream_outages"),
            NotificationsResumed: lambda _: self._count("notification_outages"),
            RequestRefused: lambda event: self._count("turned_down", event.code),
            SettingsReloaded: self._reloaded,
            Warned: lambda event: self._count("warnings", "advice" if event.error is None else "bug"),
            TraceClosed: self._trace_closed,
            WorkloadInspected: lambda event: self._count_findings(event.findings),
        }

    def __call__(self, event: Event) -> None:
        reader = self._readers.get(type(event))
        if reader is not None:
            reader(event)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """Render in a thread: with thousands of series, rendering on the event loop would delay requests."""
        return await asyncio.to_thread(self.now().render, accept, _pause)

    def now(self) -> Exposition:
        """A snapshot of all series."""
        values: dict[str, Values] = {name: dict(counts) for name, counts in self._counts.items()}
        read = list(self._read())
        for reading in read:
            values[reading.name] = reading.value if isinstance(reading.value, Mapping) else {(): reading.value}
        buckets = {
            name: {labels: each.copy() for labels, each in by_labels.items()}
            for name, by_labels in self._buckets.items()
        }
        return Exposition(COUNTED | {reading.name: reading.series for reading in read}, values, buckets)

    # Events.

    def _answered(self, event: RequestAnswered) -> None:
        span = event.span
        tally = self._tallies.get((span.relation, span.method, span.status, span.outcome)) or self._tally(span)
        relation = tally.labels[0]
        self._counts["requests"][tally.labels] += 1
        if span.bypass_reason is not None:
            self._count("bypassed", span.bypass_reason)
        if span.retry:
            self._count("client_retries", relation)
        if event.fault:
            self._count("faults", event.fault)
        if event.saves:
            self._count("calls_saved", event.saves, relation)
        if tally.durations is not None and tally.hops is not None:
            tally.durations.add(span.end - span.start, event.trace)
            tally.hops.add(event.hop, event.trace)

    def _tally(self, span: Span) -> _Tally:
        """The tally of a request; stored only for a relation with its own label, which bounds their number."""
        outcome = span.outcome.value
        method = span.method if span.method in METHODS else "other"
        relation = self._relation(span.relation, span.status, span.method)
        code = f"{span.status // 100}xx" if span.status else "none"
        timed = span.status != SWITCHING
        durations = self._histogram("request_duration_seconds", outcome) if timed else None
        hops = self._histogram("hop_seconds", outcome) if timed else None
        tally = _Tally((relation, method, outcome, code), durations, hops)
        if relation == span.relation and method == span.method:
            self._tallies[span.relation, span.method, span.status, outcome] = tally
        return tally

    def _called(self, event: UpstreamCalled) -> None:
        if event.status != CANCELLED:
            self._set("upstream_up", event.status != NO_ANSWER)
        relation = self._relation(event.relation, event.status, event.method)
        self._count("upstream_calls", relation, event.kind)
        if event.costs:
            self._count("calls_saved", event.costs, relation, by=-1)
        if event.status != SWITCHING:
            self._observe("upstream_duration_seconds", event.seconds, event.kind)

    def _reloaded(self, event: SettingsReloaded) -> None:
        ok = event.changed is not None
        self._set("last_reload_ok", ok)
        self._count("reloads", "ok" if ok else "failed")

    def _window_closed(self, event: WindowClosed) -> None:
        self._observe("batch_size", event.size)
        self._observe("batch_wait_seconds", event.waited, "true" if event.size > 1 else "false")

    def _trace_closed(self, event: TraceClosed) -> None:
        kind = event.trace.kind
        if event.trace.truncated:
            self._count("traces_truncated", kind)
        queries = count_queries(event.trace.spans)
        if queries:
            trace, route = asked_of_postgrest(event.trace), self._label("route", event.trace.route)
            self._observe("trace_queries", queries, kind, route, trace=trace.id)
            self._observe("trace_upstream_calls", trace.calls, kind, route, trace=trace.id)
        self._count_findings(event.findings)

    def _count_findings(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._count("findings", finding.code, self._known_relation(finding.relation))

    # Counters, histograms and labels.

    def _count(self, name: str, *labels: str, by: int = 1) -> None:
        self._counts[name][labels] += by

    def _set(self, name: str, value: float) -> None:
        self._counts[name][()] = float(value)

    def _observe(self, name: str, value: float, *labels: str, trace: str = "") -> None:
        self._histogram(name, *labels).add(value, trace)

    def _histogram(self, name: str, *labels: str) -> Buckets:
        series = self._buckets[name]
        buckets = series.get(labels)
        if buckets is None:
            buckets = series[labels] = Buckets(COUNTED[name].bounds)
        return buckets

    def _relation(self, name: str, status: int, method: str) -> str:
        """The label of a relation; it gets its own label with its first 2xx, so that scanners cannot fill the labels.

        A preflight does not count: it succeeds on any path.
        """
        accepted = 200 <= status < 300 and method != "OPTIONS"
        return self._label("relation", name) if accepted else self._known_relation(name)

    def _known_relation(self, name: str) -> str:
        return name if name in self._known["relation"] else ("other" if name else "")

    def _label(self, kind: str, value: str) -> str:
        known = self._known[kind]
        if value in known or not value:
            return value
        if len(known) >= self._cap:
            self._count("label_overflow", kind)
            return "other"
        known.add(value)
        return value


def _before_any_event(series: Series) -> dict[tuple[str, ...], float]:
    return {(value,): 0 for value in series.known} | ({} if series.initial is None else {(): series.initial})


def _pause() -> None:
    """Let the event loop's thread run. ``sleep(0)`` would mostly get Python's lock back at once."""
    time.sleep(PAUSE)
