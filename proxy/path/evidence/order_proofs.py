"""Which requests were seen to have their rows in the order of their addresses since the last write.

A row that is updated in place (HOT) gives the rows of its key another order, if an index finds them. A write names no
rows, a function may write to any table, and so may a trigger. So once clients write through fanin, a request has to
prove its order for itself, by its original, and each write takes all proofs away: when it is sent and when it is
answered, because it takes effect at some moment in between. The same holds for relations of which the catalog says how
many rows were updated in place, by anybody: another number takes the proofs of that relation away.

https://www.postgresql.org/docs/current/storage-hot.html
"""

from collections.abc import Sequence

from proxy.model import PendingRequest

UNANSWERED = 60.0
"""Seconds in which a write may still take effect that was sent, and whose answer was not seen."""
MAX_LOSSES, WINDOW = 4, 60.0
"""So many times proofs may be lost within so many seconds; then none are sought for a time."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3600.0
"""Seconds of the first and the longest such time; each doubles the next one."""
LEAST_COMPARED = 256
"""After so many comparisons, at least half as many requests must have been served by what they proved."""


class OrderProofs:
    """The requests with a proof, at most ``limit``, and the times in which none are sought. Times are monotonic."""

    def __init__(self, limit: int) -> None:
        self.epoch = 0
        """Changes with each write; 0: there was none."""
        self._limit = limit
        self._proven: set[int] = set()
        self._open = 0
        """Writes in flight."""
        self._open_until = float("-inf")
        self._losses: list[float] = []
        self._pause, self._paused_until = FIRST_PAUSE, float("-inf")
        self._compared = self._served = 0

    def record_sent(self, now: float) -> None:
        """A write was sent, or is about to be."""
        self._open += 1
        self._lose_all(now)

    def record_ended(self, now: float, is_known: bool) -> None:
        """A write was answered, or was not sent at all; not ``is_known``: it was sent and its answer is missing."""
        self._open -= 1
        if not is_known:
            self._open_until = now + UNANSWERED
        self._lose_all(now)

    def is_closed(self, now: float) -> bool:
        """Whether no order can be proven now, or seeking proofs has cost more than they saved."""
        return self._open > 0 or now < self._open_until or now < self._paused_until

    def is_proven(self, request: PendingRequest, updated: int = 0) -> bool:
        """Whether the original of an equal request was in order since the last write. ``updated`` rows of its relation
        were updated in place, by the catalog.
        """
        proven = _name(request, updated) in self._proven
        self._served += proven
        return proven

    def record_matches(self, requests: Sequence[PendingRequest], epoch: int, now: float, updated: int = 0) -> None:
        """The originals of ``requests`` are in the order of a merged answer that was asked for in ``epoch``.

        ``updated`` is as above.
        """
        if not (epoch or updated) or not requests:
            return
        if epoch != self.epoch or self._is_written_to(now):
            self._record_loss(now)
            return
        self._compared += len(requests)
        if len(self._proven) + len(requests) > self._limit:
            self._proven.clear()
        self._proven.update(_name(request, updated) for request in requests)
        if self._compared >= LEAST_COMPARED:
            if self._served < self._compared / 2:
                self._start_pause(now)
            self._compared = self._served = 0

    def _is_written_to(self, now: float) -> bool:
        return self._open > 0 or now < self._open_until

    def _lose_all(self, now: float) -> None:
        self.epoch += 1
        if self._proven:
            self._proven.clear()
            self._record_loss(now)

    def _record_loss(self, now: float) -> None:
        """The comparisons since the last write were in vain."""
        self._losses = [*(lost for lost in self._losses if lost > now - WINDOW), now]
        if len(self._losses) >= MAX_LOSSES:
            self._start_pause(now)

    def _start_pause(self, now: float) -> None:
        if now > self._paused_until + max(WINDOW, self._pause):
            self._pause = FIRST_PAUSE
        self._paused_until = now + self._pause
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)
        self._losses.clear()


def _name(request: PendingRequest, updated: int) -> int:
    return hash((request.query.method, request.query.target, request.head.identity_hash, updated))
