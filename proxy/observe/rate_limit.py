"""Limits the rate of log lines, and counts the suppressed ones."""

from collections.abc import Callable


class RateLimit:
    """A token bucket: ``lines()`` tokens per ``period`` seconds, with a burst of one period's tokens."""

    def __init__(self, lines: Callable[[], float], period: float, clock: Callable[[], float]) -> None:
        """``lines`` is called for each line, so that it may change; 0 suppresses all lines."""
        self.left_out = 0
        """Total number of suppressed lines."""
        self._lines = lines
        self._period = period
        self._clock = clock
        self._tokens: float | None = None
        self._last = 0.0
        self._reported = 0

    def acquire(self) -> int | None:
        """Number of lines suppressed since the last allowed line; None if this line is to be suppressed too."""
        lines, now = self._lines(), self._clock()
        most = max(1.0, lines) if lines else 0.0
        tokens = most if self._tokens is None else self._tokens + (now - self._last) * lines / self._period
        self._tokens, self._last = min(most, tokens), now
        if self._tokens < 1:
            self.left_out += 1
            return None
        self._tokens -= 1
        return self.take_unreported()

    def take_unreported(self) -> int:
        """Number of lines suppressed since the last call; the caller reports it."""
        count, self._reported = self.left_out - self._reported, self.left_out
        return count
