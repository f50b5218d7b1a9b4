"""What the dashboard shows: each panel's title, what it says, its unit, and its queries by their legends.

The queries read fanin's own series, not those of the recording rules, and work without them.
"""

from __future__ import annotations

from typing import NamedTuple

ONE = '{job=~"$job",instance=~"$instance"}'
"""The sidecars that are chosen; every selector begins with it."""


class Panel(NamedTuple):
    """One graph. ``shift`` shows the same queries that long ago, ``exemplars`` ids of traces as dots."""

    title: str
    says: str
    unit: str
    queries: dict[str, str]
    shift: str = ""
    exemplars: bool = False


class Figure(NamedTuple):
    """One number, red from ``bad`` on (below it where ``low``); never where it is None."""

    title: str
    says: str
    unit: str
    query: str
    bad: float | None = None
    low: bool = False


def rate(series: str, by: str = "", **labels: str) -> str:
    """What a counter grows by in a second, summed ``by`` labels."""
    more = "".join(f",{name}{value}" for name, value in labels.items())
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({series}{ONE[:-1]}{more}}}[$__rate_interval]))"


def mean(histogram: str, by: str, **labels: str) -> str:
    """The mean of a histogram's values."""
    return f"{rate(histogram + '_sum', by, **labels)} / {rate(histogram + '_count', by, **labels)}"


def quantile(share: float, histogram: str, by: str, **labels: str) -> str:
    """A quantile of a histogram's values."""
    return f"histogram_quantile({share}, {rate(histogram + '_bucket', f'le, {by}' if by else 'le', **labels)})"


def total(gauge: str, by: str = "") -> str:
    """A gauge, summed."""
    return f"{f'sum by ({by})' if by else 'sum'} ({gauge}{ONE})"


EXPLICIT = {"kind": '="explicit"', "route": '=~"$route"'}
PER_ROUTE = {"{{route}}": mean("fanin_trace_queries", "route", **EXPLICIT)}
REQUESTS = rate("fanin_requests_total")
ERRORS = rate("fanin_requests_total", code='="5xx"')
MERGED = rate("fanin_requests_total", outcome='=~"merged|shared"')
CALLED = rate("fanin_upstream_calls_total", kind='!~"shadow|outside"')

FIGURES = (
    Figure(
        "Queries per application request",
        "Mean over all routes, of traces with an id. The number that fanin is about.",
        "none",
        mean("fanin_trace_queries", "", kind='="explicit"'),
    ),
    Figure("Requests", "What the applications asked for.", "reqps", REQUESTS),
    Figure("Upstream calls", "What PostgREST was asked for that, without comparisons.", "reqps", CALLED),
    Figure(
        "Merged",
        "The share of requests that shared a call.",
        "percentunit",
        f"({MERGED} or vector(0)) / {REQUESTS}",
    ),
    Figure(
        "Answered 5xx",
        "By PostgREST or by fanin.",
        "percentunit",
        f"({ERRORS} or vector(0)) / {REQUESTS}",
        bad=0.01,
    ),
    Figure(
        "Time in fanin",
        "95 of 100 requests spent less than this in fanin itself.",
        "s",
        quantile(0.95, "fanin_hop_seconds", ""),
        bad=0.05,
    ),
    Figure(
        "Mismatches",
        "Merged answers that a comparison found wrong, in the range shown. Must be 0.",
        "none",
        f'sum (increase(fanin_shadow_total{ONE[:-1]},result="mismatch"}}[$__range]))',
        bad=1,
    ),
    Figure(
        "Upstream",
        "Sidecars whose last call got an answer.",
        "percentunit",
        f"avg (fanin_upstream_up{ONE})",
        1,
        low=True,
    ),
)

BOUNDED = {
    "limits.connections": "fanin_client_connections",
    "limits.queue": "fanin_upstream_queue",
    "limits.long_heads": "fanin_long_head_bytes",
    "merge.max_tracked": "fanin_tracked_queries",
    "trace.max_open": "fanin_open_traces",
    "shadow.max_bytes": "fanin_shadow_held_bytes",
    "pool.tunnels": "fanin_tunnels",
}
"""Gauges by the setting that bounds them."""

ROWS: dict[str, tuple[Panel, ...]] = {
    "Queries behind an application's request": (
        Panel("Queries per request, by route", "Mean. A step up is an N+1 that came back.", "none", PER_ROUTE),
        Panel("The same, yesterday", "To compare with: the same time a day ago.", "none", PER_ROUTE, shift="1d"),
        Panel(
            "Upstream calls per request, by route",
            "What merging made of it.",
            "none",
            {"{{route}}": mean("fanin_trace_upstream_calls", "route", **EXPLICIT)},
        ),
        Panel(
            "The worst requests",
            "19 of 20 application requests made at most this many queries. Dots are single ones.",
            "none",
            {"{{route}}": quantile(0.95, "fanin_trace_queries", "route", **EXPLICIT)},
            exemplars=True,
        ),
        Panel(
            "Findings",
            "What the rules found in closed traces; `fanin explain CODE` has each rule's text, the log the fix.",
            "ops",
            {"{{rule}} {{relation}}": rate("fanin_findings_total", "rule, relation")},
        ),
        Panel(
            "Traces",
            "Closed traces by how they were told apart; only explicit ones raise alerts.",
            "ops",
            {"{{kind}}": rate("fanin_trace_queries_count", "kind")},
        ),
    ),
    "Requests": (
        Panel(
            "Requests, by outcome",
            "How they were answered.",
            "reqps",
            {"{{outcome}}": rate("fanin_requests_total", "outcome")},
        ),
        Panel(
            "Upstream calls, by kind",
            "What PostgREST was asked.",
            "reqps",
            {"{{kind}}": rate("fanin_upstream_calls_total", "kind")},
        ),
        Panel(
            "Requests, by relation",
            "The ten busiest.",
            "reqps",
            {"{{relation}}": f"topk(10, {rate('fanin_requests_total', 'relation')})"},
        ),
        Panel(
            "Requests, by status",
            "Status classes; none: the caller had gone.",
            "reqps",
            {"{{code}}": rate("fanin_requests_total", "code")},
        ),
    ),
    "Time": (
        Panel(
            "Time to answer",
            "From a request's head to the end of its answer: median, 95 of 100, by outcome. Dots are single requests.",
            "s",
            {
                "{{outcome}} median": quantile(0.5, "fanin_request_duration_seconds", "outcome"),
                "{{outcome}} p95": quantile(0.95, "fanin_request_duration_seconds", "outcome"),
            },
            exemplars=True,
        ),
        Panel(
            "Time upstream",
            "From sending a call to the end of its answer, 95 of 100, by kind.",
            "s",
            {"{{kind}}": quantile(0.95, "fanin_upstream_duration_seconds", "kind")},
        ),
        Panel(
            "Time in fanin itself",
            "Holding, queueing, splitting: 95 of 100, by outcome.",
            "s",
            {"{{outcome}}": quantile(0.95, "fanin_hop_seconds", "outcome")},
        ),
        Panel(
            "Held in windows",
            "How long windows were open, 95 of 100; true: company came.",
            "s",
            {"{{hit}}": quantile(0.95, "fanin_batch_wait_seconds", "hit")},
        ),
    ),
    "Merging": (
        Panel(
            "Requests in a window",
            "Mean, and 95 of 100.",
            "none",
            {"mean": mean("fanin_batch_size", ""), "p95": quantile(0.95, "fanin_batch_size", "")},
        ),
        Panel(
            "Calls saved",
            "Since each sidecar's start, by rule. Decreases where merging saved nothing.",
            "none",
            {"{{rule}}": total("fanin_calls_saved", "rule")},
        ),
        Panel(
            "Not merged, by reason",
            "`fanin explain REASON` says what it means and how to change the call.",
            "reqps",
            {"{{reason}}": f"{rate('fanin_bypassed_total', 'reason')} > 0"},
        ),
        Panel(
            "Merged answers not used, by reason",
            "Merged answers that could not be used: the originals were sent.",
            "ops",
            {"{{reason}}": rate("fanin_fallbacks_total", "reason")},
        ),
        Panel(
            "Compared with the originals",
            "mismatch must be 0; moving: somebody wrote to these rows meanwhile.",
            "ops",
            {"{{result}}": rate("fanin_shadow_total", "result")},
        ),
        Panel(
            "Paused",
            "Queries not merged now, after failures: for one caller, or for all after a mismatch.",
            "none",
            {"for one caller": total("fanin_paused"), "for all": total("fanin_paused_queries")},
        ),
    ),
    "Limits": (
        Panel(
            "Open now",
            "Client connections, upstream connections in use, requests that wait for one.",
            "none",
            {
                "clients": total("fanin_client_connections"),
                "upstream": total("fanin_upstream_busy"),
                "queue": total("fanin_upstream_queue"),
                "held": total("fanin_waiting"),
                "tunnels": total("fanin_tunnels"),
            },
        ),
        Panel(
            "How full",
            "The share of each limit that is used now, in the fullest sidecar.",
            "percentunit",
            {
                setting: f'max ({gauge}{ONE} / on (job, instance) fanin_limit{{setting="{setting}"}})'
                for setting, gauge in BOUNDED.items()
            },
        ),
        Panel(
            "fanin's own errors, by code",
            "Requests that fanin itself answered; `fanin explain CODE` tells more.",
            "reqps",
            {"{{code}}": rate("fanin_faults_total", "code")},
        ),
        Panel(
            "Turned down, by error code",
            "Connections turned down before they made a request; `fanin explain CODE` tells more.",
            "ops",
            {"{{code}}": rate("fanin_turned_down_total", "code")},
        ),
    ),
}
