"""What a cache of whole answers (FAN006 at level rewrite) would have answered: a simulation over spans."""

from collections.abc import Sequence

from proxy.model import Span

FRESH = 300.0
"""Seconds for which the simulated cache uses an answer (``cache.fresh``)."""
MAX_KEYS = 16
"""Most different requests of one query that are simulated; the others count as not answered."""


class CacheEstimate:
    """The requests, bytes and seconds that a cache would have saved for one query. Other writes than those to its
    relation drop its answers only if fanin has no catalog.
    """

    def __init__(self) -> None:
        self.hits = 0
        self.hits_without_catalog = 0
        self.size = 0
        """Bytes that would not have been read from upstream."""
        self.seconds = 0.0
        """Time that clients would not have waited."""
        self._filled: dict[int, tuple[float, int]] = {}
        """By the hash of request and identity: when an answer was asked for, and after how many writes to it."""
        self._filled_without_catalog: dict[int, tuple[float, int]] = {}

    def add(self, spans: Sequence[Span], all_writes: int) -> None:
        """Simulate reads of one query, after so many writes to whatever relation."""
        if spans[0].method != "GET" or any(spans[0].literals):  # a fingerprint has one method, and literals or none
            return
        for span in spans:
            if span.status != 200:
                continue
            if _is_hit(self._filled, span, span.writes):
                self.hits += 1
                self.size += span.size
                self.seconds += span.end - span.start
            self.hits_without_catalog += _is_hit(self._filled_without_catalog, span, all_writes)


def _is_hit(filled: dict[int, tuple[float, int]], span: Span, writes: int) -> bool:
    """Whether an answer was there; if not, that to ``span`` is from now on."""
    last = filled.get(span.same)
    if last is not None and abs(span.start - last[0]) <= FRESH and last[1] == writes:
        return True
    if last is not None or len(filled) < MAX_KEYS:
        filled[span.same] = (span.start, writes)
    return False
