"""Whether a merged answer is whole: PostgREST's db-max-rows cuts rows without a word (MERGE.md §4.4, DESIGN.md §6)."""

from collections import deque


class RowEvidence:
    """What is known of max-rows: configured, learnt from a cut answer, or proven larger by an answer seen lately."""

    def __init__(self, configured: int | None, lifetime: float) -> None:
        self._known = configured
        self._fixed = configured is not None
        self._lifetime = lifetime
        self._seen: deque[tuple[float, int]] = deque()

    @property
    def known(self) -> int | None:
        """max-rows, if it is configured or was learnt."""
        return self._known

    def saw(self, rows: int, now: float) -> None:
        """A table or view GET answered ``rows`` rows by its own Content-Range: max-rows is at least that."""
        while self._seen and self._seen[-1][1] <= rows:
            self._seen.pop()
        self._seen.append((now, rows))
        if not self._fixed and self._known is not None and rows > self._known:
            self._known = None

    def cut_at(self, rows: int) -> None:
        """An answer with a total larger than its ``rows`` rows and no limit of its own: that is max-rows."""
        if not self._fixed:
            self._known = rows

    def proves(self, rows: int, now: float) -> bool:
        """Whether an answer of ``rows`` rows cannot have been cut."""
        if self._known is not None:
            return rows < self._known
        return rows < self._mark(now)

    def _mark(self, now: float) -> int:
        """The largest row count seen within the lifetime. Kept sorted: each later entry is smaller."""
        while self._seen and now - self._seen[0][0] > self._lifetime:
            self._seen.popleft()
        return self._seen[0][1] if self._seen else 0
