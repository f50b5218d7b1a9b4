"""Decides whether a merged answer is complete: PostgREST's db-max-rows cuts rows silently.

Sources: docs/explanation/merging.md#max-rows, docs/explanation/architecture.md#completeness.
"""

from collections import deque

MAX_ROW_COUNTS = 256
"""Number of row counts stored. Beyond it the largest is dropped, which proves less and is never wrong."""


class MaxRowsEvidence:
    """The value of max-rows: configured, learned from a cut answer, or a lower bound from the largest recent answer.

    All but the configured value expires after ``lifetime`` seconds, because PostgREST's setting can change.
    """

    def __init__(self, configured: int | None, lifetime: float) -> None:
        self.configured = configured
        self._lifetime = lifetime
        self._learned: tuple[float, int] | None = None
        self._seen: deque[tuple[float, int]] = deque(maxlen=MAX_ROW_COUNTS)

    def known(self, now: float) -> int | None:
        """The value of max-rows if it is configured or was learned within the lifetime."""
        if self.configured is not None:
            return self.configured
        if self._learned is not None and now - self._learned[0] > self._lifetime:
            self._learned = None
        return None if self._learned is None else self._learned[1]

    def record_rows(self, rows: int, now: float) -> None:
        """Record a GET of a table or view whose Content-Range has ``rows`` rows: max-rows is at least that."""
        if rows <= 0:
            return
        while self._seen and self._seen[-1][1] <= rows:
            self._seen.pop()
        self._seen.append((now, rows))
        if self._learned is not None and rows > self._learned[1]:
            self._learned = None

    def record_cut(self, rows: int, now: float) -> None:
        """Record an answer without a limit whose total is larger than its ``rows`` rows: max-rows is ``rows``.

        Larger recorded answers were given under another setting and are forgotten.
        """
        self._learned = (now, rows)
        while self._seen and self._seen[0][1] > rows:
            self._seen.popleft()

    def proves_whole(self, rows: int, now: float) -> bool:
        """Whether an answer of ``rows`` rows is certainly complete."""
        known = self.known(now)
        return rows < (self._largest(now) if known is None else known)

    def allows(self, rows: int, now: float) -> bool:
        """Whether max-rows is known to be at least ``rows``."""
        return self.proves_whole(rows - 1, now)

    def _largest(self, now: float) -> int:
        """The largest row count within the lifetime. The deque is sorted: each later entry is smaller."""
        while self._seen and now - self._seen[0][0] > self._lifetime:
            self._seen.popleft()
        return self._seen[0][1] if self._seen else 0
