"""How many lines a log takes, and how many it left out."""

from collections.abc import Callable


class RateLimit:
    """Lets lines through at a rate, with a burst of one ``period``'s worth; what it leaves out is counted."""

    def __init__(self, lines: Callable[[], float], period: float, clock: Callable[[], float]) -> None:
        """``lines()`` a ``period`` (seconds), asked each time; 0 is none at all."""
        self.left_out = 0
        """All that were ever left out."""
        self._lines = lines
        self._period = period
        self._clock = clock
        self._room: float | None = None
        self._last = 0.0
        self._told = 0

    def ask(self) -> int | None:
        """How many were left out since the last line that was let through; None when this one is left out too."""
        lines, now = self._lines(), self._clock()
        most = max(1.0, lines) if lines else 0.0
        room = most if self._room is None else self._room + (now - self._last) * lines / self._period
        self._room, self._last = min(most, room), now
        if self._room < 1:
            self.left_out += 1
            return None
        self._room -= 1
        return self.untold()

    def untold(self) -> int:
        """How many were left out since this was last told; it is told now."""
        count, self._told = self.left_out - self._told, self.left_out
        return count
