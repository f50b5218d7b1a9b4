"""Counts events in plain integers; one Collector renders them when Prometheus scrapes.

Every series is declared once, here, with its help text.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from proxy.errors import COMPARED, DOUBTS, FAULTS, REFUSALS
from proxy.observe.events import (
    CANCELLED,
    NO_ANSWER,
    Answered,
    Called,
    Closed,
    Compared,
    Event,
    Left,
    Paused,
    Replayed,
    Saved,
    Turned,
)

SERIES = {
    "requests": "Requests answered, by relation, method, outcome and status class.",
    "upstream_calls": "Calls sent to PostgREST, by relation and kind (original, merged, shared, replay, shadow).",
    "calls_saved": "Upstream calls that merging and sharing saved, less those it cost. Goes down when it was in vain.",
    "request_duration_seconds": "From a request's head to the end of its answer.",
    "upstream_duration_seconds": "From sending a call to the end of its answer.",
    "hop_seconds": "Time that a request spent in fanin itself: holding, queueing, splitting.",
    "trace_queries": "Requests per trace, by kind (explicit, inferred) and route.",
    "trace_upstream_calls": "Upstream calls per trace, by kind and route.",
    "findings": "Findings, by rule and relation.",
    "refusals": "Requests not merged, by reason; `fanin explain` has each reason's text.",
    "replays": "Answers of merged and shared calls not used, by reason.",
    "pauses": "Times that merging or sharing a query was paused, by the doubt; mismatch: a comparison found one.",
    "shadow": "Merged answers compared with the originals, by result; `fanin explain` has each result's text.",
    "turned_down": "Connections turned down before they made a request, by error code.",
    "batch_size": "Requests per window when it closed.",
    "batch_wait_seconds": "How long windows were open; hit says whether company came.",
    "upstream_up": "1 while the last call to upstream got an answer.",
    "label_overflow": "Events counted under the label 'other' because the cap on label values was reached.",
    "client_connections": "Client connections open now.",
    "long_head_bytes": "Bytes of long request heads held now; bounded by limits.long_heads.",
    "upstream_busy": "Upstream connections in use now.",
    "upstream_queue": "Requests waiting for an upstream connection now.",
    "tunnels": "WebSocket tunnels open now.",
    "waiting": "Requests held in windows or waiting for a merged call now.",
    "tracked_queries": "(fingerprint, identity) pairs remembered now; bounded by merge.max_tracked.",
    "paused": "(fingerprint, identity) pairs not merged now, after merged answers that could not be used.",
    "paused_queries": "Queries not merged now for any caller, after a comparison found a wrong answer.",
    "shadow_held_bytes": "Bytes of answers held for comparison now; bounded by shadow.max_held.",
    "open_traces": "Traces open now; bounded by trace.max_open.",
    "dropped_traces": "Requests not traced because trace.max_open was reached.",
}

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Buckets:
    """A histogram's counts."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        total, rows = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            rows.append(("+Inf" if bound == float("inf") else repr(bound), float(total)))
        return rows


class Metrics(Collector):
    """An observer of events and a Collector for Prometheus. ``gauges`` is read at scrape."""

    def __init__(self, labels: int, gauges: Callable[[], dict[str, float]]) -> None:
        self.upstream_is_up = True
        self._cap = labels
        self._gauges = gauges
        self._known: dict[str, set[str]] = defaultdict(set)
        self._counts: dict[str, dict[tuple[str, ...], float]] = defaultdict(lambda: defaultdict(float))
        for name, values in FROM_ZERO.items():
            self._counts[name].update({(value,): 0.0 for value in values})
        self._buckets: dict[str, dict[tuple[str, ...], Buckets]] = defaultdict(dict)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Answered):
            self._answered(event)
        elif isinstance(event, Called):
            self._called(event)
        elif isinstance(event, Left):
            hit = "true" if event.size > 1 else "false"
            self._observe("batch_size", (), event.size, SIZES)
            self._observe("batch_wait_seconds", (hit,), event.waited, SECONDS)
        elif isinstance(event, Saved):
            self._counts["calls_saved"][event.rule, self._relation(event.relation)] += event.calls
        elif isinstance(event, Replayed):
            self._counts["replays"][(event.reason,)] += 1
        elif isinstance(event, Paused):
            self._counts["pauses"][(event.reason,)] += 1
        elif isinstance(event, Compared):
            self._counts["shadow"][(event.result,)] += event.answers
        elif isinstance(event, Turned):
            self._counts["turned_down"][(event.code,)] += 1
        elif isinstance(event, Closed):
            self._closed(event)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition in the format that ``accept`` prefers, with its content type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._histograms()
        saved = GaugeMetricFamily("fanin_calls_saved", SERIES["calls_saved"], labels=("rule", "relation"))
        for labels, value in self._counts["calls_saved"].items():
            saved.add_metric(labels, value)
        yield saved
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"fanin_{name}", SERIES[name], value=value)
        yield GaugeMetricFamily("fanin_upstream_up", SERIES["upstream_up"], value=float(self.upstream_is_up))

    def _counters(self) -> Iterator[Metric]:
        for name, labels in COUNTERS.items():
            family = CounterMetricFamily(f"fanin_{name}", SERIES[name], labels=labels)
            for values, count in self._counts[name].items():
                family.add_metric(values, count)
            yield family

    def _histograms(self) -> Iterator[Metric]:
        for name, labels in HISTOGRAMS.items():
            family = HistogramMetricFamily(f"fanin_{name}", SERIES[name], labels=labels)
            for values, buckets in self._buckets[name].items():
                family.add_metric(values, buckets.cumulative(), buckets.sum)
            yield family

    def _answered(self, event: Answered) -> None:
        span = event.span
        method = span.method if span.method in METHODS else "other"
        relation = self._relation(span.relation) if 200 <= span.status < 300 else self._seen(span.relation)
        code = f"{span.status // 100}xx" if span.status else "none"
        self._counts["requests"][relation, method, span.outcome.value, code] += 1
        if span.refusal is not None:
            self._counts["refusals"][(span.refusal,)] += 1
        self._observe("request_duration_seconds", (span.outcome.value,), span.end - span.start, SECONDS)
        self._observe("hop_seconds", (span.outcome.value,), event.hop, SECONDS)

    def _called(self, event: Called) -> None:
        if event.status != CANCELLED:
            self.upstream_is_up = event.status != NO_ANSWER
        self._counts["upstream_calls"][self._seen(event.relation), event.kind] += 1
        self._observe("upstream_duration_seconds", (event.kind,), event.seconds, SECONDS)

    def _closed(self, event: Closed) -> None:
        kind = "explicit" if event.trace.explicit else "inferred"
        route = self._label("route", event.trace.route)
        queries = sum(not span.retry for span in event.trace.spans)
        self._observe("trace_queries", (kind, route), queries, SIZES)
        self._observe("trace_upstream_calls", (kind, route), event.trace.calls, SIZES)
        for finding in event.findings:
            self._counts["findings"][finding.code, self._relation(finding.relation)] += 1

    def _relation(self, name: str) -> str:
        return self._label("relation", name)

    def _seen(self, name: str) -> str:
        """A relation's label if it ever answered 2xx: paths that scanners make up get none."""
        return name if name in self._known["relation"] else ("other" if name else "")

    def _label(self, kind: str, value: str) -> str:
        known = self._known[kind]
        if value in known or not value:
            return value
        if len(known) >= self._cap:
            self._counts["label_overflow"][(kind,)] += 1
            return "other"
        known.add(value)
        return value

    def _observe(self, name: str, labels: tuple[str, ...], value: float, bounds: tuple[float, ...]) -> None:
        series = self._buckets[name]
        buckets = series.get(labels)
        if buckets is None:
            buckets = series[labels] = Buckets(bounds)
        buckets.add(value)


COUNTERS = {
    "requests": ("relation", "method", "outcome", "code"),
    "upstream_calls": ("relation", "kind"),
    "findings": ("rule", "relation"),
    "refusals": ("reason",),
    "replays": ("reason",),
    "pauses": ("reason",),
    "shadow": ("result",),
    "turned_down": ("code",),
    "label_overflow": ("label",),
}
HISTOGRAMS = {
    "request_duration_seconds": ("outcome",),
    "upstream_duration_seconds": ("kind",),
    "hop_seconds": ("outcome",),
    "trace_queries": ("kind", "route"),
    "trace_upstream_calls": ("kind", "route"),
    "batch_size": (),
    "batch_wait_seconds": ("hit",),
}
FROM_ZERO = {
    "refusals": tuple(REFUSALS),
    "replays": tuple(DOUBTS),
    "pauses": (*DOUBTS, "mismatch"),
    "shadow": tuple(COMPARED),
    "turned_down": tuple(code for code in FAULTS if code.startswith("FANIN1")),
    "label_overflow": ("relation", "route"),
}
"""Counters whose labels are known beforehand start at 0: Prometheus sees no increase in a series that begins at 1."""
