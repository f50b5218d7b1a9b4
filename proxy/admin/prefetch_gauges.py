"""Declares the metrics about answers that were fetched ahead, each with the source of its value.

Tests: tests/e2e/prefetch/test_seen.py.
"""

from collections import Counter

from proxy.errors.words import DROP_CAUSES, MEMO_RESULTS
from proxy.observe.series import ReadSeries, Values, counter, gauge
from proxy.sidecar.sidecar import Sidecar

PREFETCH: dict[str, ReadSeries[Sidecar]] = {
    "memo_requests": ReadSeries(
        counter(
            "Reads with level rewrite of FAN002 that concern the memo. result: served (from it), fetched (a call that "
            "also fetched others ahead), too-old (prefetch.max_age), dropped (somebody wrote).",
            "result",
        ),
        lambda sidecar: _values(sidecar.memories.counts.requests, MEMO_RESULTS),
    ),
    "prefetched_keys": ReadSeries(
        counter("Keys fetched ahead, counted when they are forgotten. result: used, unused.", "result"),
        lambda sidecar: _values(sidecar.memories.counts.keys, ("used", "unused")),
    ),
    "prefetched_rows": ReadSeries(
        counter("Rows of these keys. result: used, unused.", "result"),
        lambda sidecar: _values(sidecar.memories.counts.rows, ("used", "unused")),
    ),
    "drops": ReadSeries(
        counter(
            "Events after which earlier answers are not used. cause: write, function (a POST to a function), outside "
            "(the mount), notification (of a write, by Postgres), listening (it began), notifications-lost, schema (it "
            "changed), upstream (another mount or gateway).",
            "cause",
        ),
        lambda sidecar: _values(sidecar.upstream_state.drop_causes, DROP_CAUSES),
    ),
    "notifications_lost": ReadSeries(
        gauge("1 while notifications of writes are expected and cannot be received, so that no answer is kept."),
        lambda sidecar: float(sidecar.write_listener.status == "lost"),
    ),
    "memo_bytes": ReadSeries(
        gauge("Estimated bytes of lists and of answers fetched ahead now; bounded by prefetch.max_bytes."),
        lambda sidecar: sidecar.memories.held_bytes,
    ),
    "memo_entries": ReadSeries(
        gauge("Answers fetched ahead that are kept now."), lambda sidecar: sidecar.memories.entries
    ),
    "memos_emptied": ReadSeries(
        counter("Traces whose lists and answers were forgotten because prefetch.max_bytes was reached."),
        lambda sidecar: sidecar.memories.emptied,
    ),
    "flows": ReadSeries(
        gauge("Pairs of a list and a loop over it that were learned; bounded by prefetch.max_flows."),
        lambda sidecar: len(sidecar.memories.flows.table),
    ),
    "prefetch_paused": ReadSeries(
        gauge("Queries that fetch nothing ahead now, because less than half of what they fetched was used."),
        lambda sidecar: sidecar.memories.flows.paused(sidecar.upstream_state.context.clock()),
    ),
}


def _values(counts: Counter[str], names: "tuple[str, ...] | dict[str, str]") -> Values:
    return {(name,): float(counts[name]) for name in names}
