"""Whether a merged answer is whole: PostgREST's db-max-rows cuts rows without a word.

Sources: docs/explanation/merging.md#max-rows, docs/explanation/architecture.md#completeness.
"""

from collections import deque

MAX_ROW_COUNTS = 256
"""Row counts remembered. Past it the largest is forgotten, which proves less and is never wrong."""


class MaxRowsEvidence:
    """What is known of max-rows: configured, learnt from a cut answer, or proven larger by an answer seen lately.

    What was not configured is believed for ``lifetime`` seconds: PostgREST can be given another max-rows at any time.
    """

    def __init__(self, configured: int | None, lifetime: float) -> None:
        self.configured = configured
        self._lifetime = lifetime
        self._learned: tuple[float, int] | None = None
        self._seen: deque[tuple[float, int]] = deque(maxlen=MAX_ROW_COUNTS)

    def known(self, now: float) -> int | None:
        """max-rows, if it is configured or was learnt lately."""
        if self.configured is not None:
            return self.configured
        if self._learned is not None and now - self._learned[0] > self._lifetime:
            self._learned = None
        return None if self._learned is None else self._learned[1]

    def record_rows(self, rows: int, now: float) -> None:
        """A table or view GET answered ``rows`` rows by its own Content-Range: max-rows is at least that."""
        if rows <= 0:
            return
        while self._seen and self._seen[-1][1] <= rows:
            self._seen.pop()
        self._seen.append((now, rows))
        if self._learned is not None and rows > self._learned[1]:
            self._learned = None

    def record_cut(self, rows: int, now: float) -> None:
        """An answer with a total larger than its ``rows`` rows and no limit of its own: that is max-rows.

        Larger answers were given under another setting and prove nothing any more.
        """
        self._learned = (now, rows)
        while self._seen and self._seen[0][1] > rows:
            self._seen.popleft()

    def proves_whole(self, rows: int, now: float) -> bool:
        """Whether an answer of ``rows`` rows cannot have been cut."""
        known = self.known(now)
        return rows < (self._largest(now) if known is None else known)

    def allows(self, rows: int, now: float) -> bool:
        """Whether max-rows is known to be ``rows`` at least."""
        return self.proves_whole(rows - 1, now)

    def _largest(self, now: float) -> int:
        """The largest row count seen within the lifetime. Kept sorted: each later entry is smaller."""
        while self._seen and now - self._seen[0][0] > self._lifetime:
            self._seen.popleft()
        return self._seen[0][1] if self._seen else 0
