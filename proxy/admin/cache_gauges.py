"""Declares the metrics about kept answers, each with the source of its value.

Tests: tests/e2e/cache/test_cache.py.
"""

from collections import Counter
from collections.abc import Iterable

from proxy.errors.words import CACHE_CAUSES, CACHE_RESULTS, REFILL_RESULTS
from proxy.observe.series import ReadSeries, Values, counter, gauge
from proxy.sidecar.sidecar import Sidecar

CACHE: dict[str, ReadSeries[Sidecar]] = {
    "cache_requests": ReadSeries(
        counter(
            "Reads with level rewrite of FAN006. result: served (a kept answer), stale (one that is fetched again "
            "meanwhile), not-modified (a 304), shared (that of an equal read in flight), filled (sent, and kept), "
            "not-kept (sent, and not kept), passed (sent; a write was in flight, or such answers are not kept).",
            "result",
        ),
        lambda sidecar: _values(sidecar.cached.answers.requests, CACHE_RESULTS),
    ),
    "cache_removed": ReadSeries(
        counter(
            "Kept answers that were removed. cause: too-old (cache.fresh), dropped (somebody wrote), evicted "
            "(cache.max_bytes), replaced, outdated (the new answer is not kept), purged, reload.",
            "cause",
        ),
        lambda sidecar: _values(sidecar.cached.answers.removed, CACHE_CAUSES),
    ),
    "cache_wasted": ReadSeries(
        counter("Kept answers that were removed before anybody was answered from them, by the same cause.", "cause"),
        lambda sidecar: _values(sidecar.cached.answers.wasted, CACHE_CAUSES),
    ),
    "cache_refills": ReadSeries(
        counter(
            "Reads that fetch a kept answer again while the old one is used (cache.stale_while_revalidate). result: "
            "kept, not-kept, failed.",
            "result",
        ),
        lambda sidecar: _values(sidecar.cached.answers.refills, REFILL_RESULTS),
    ),
    "cache_bytes": ReadSeries(
        gauge("Estimated bytes of kept answers now; bounded by cache.max_bytes."),
        lambda sidecar: sidecar.cached.answers.held_bytes,
    ),
    "cache_entries": ReadSeries(
        gauge("Answers that the cache keeps now, of all relations."), lambda sidecar: len(sidecar.cached.answers)
    ),
}


def _values(counts: Counter[str], names: Iterable[str]) -> Values:
    return {(name,): float(counts[name]) for name in names}
