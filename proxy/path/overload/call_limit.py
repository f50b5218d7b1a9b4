"""Finds out how many calls upstream can handle at once, by how their times grow.

While all allowed calls are in flight, each answer's time is compared with the least that its kind took lately. If calls
take ``TOLERANCE`` times as long, upstream queues them itself, and the limit shrinks in proportion; else it grows. While
fewer are in flight, the limit only grows: below capacity it changes nothing.

Source: the gradient of Netflix' concurrency-limits (https://github.com/Netflix/concurrency-limits), here per kind of
call, because a report takes longer than a look-up.
"""

from collections import OrderedDict

TOLERANCE = 2.0
"""How many times longer than the least calls may take on average."""
WINDOW = 0.2
"""Seconds of answers that are judged together."""
LEAST_ANSWERS = 10
"""Fewer answers say nothing; the window becomes longer."""
SHRINK = 0.7
"""The limit shrinks to this share at most per window."""
GROWTH = 0.1
"""Share by which it grows per window, and at least by one call."""
SMOOTHING = 0.2
"""Weight of a new answer in the average time of its kind."""
EPOCH = 30.0
"""Seconds for which the least average of a kind holds at least. It is replaced only while fewer calls than allowed are
in flight: what an overload makes of it is no measure.
"""
MAX_KINDS = 256


class _Kind:
    """The average time of one kind of calls, and the least average of this epoch and the one before."""

    def __init__(self, seconds: float, now: float) -> None:
        self.average = self.least = self.before = seconds
        self.since = now

    def add(self, seconds: float, now: float, full: bool) -> float:
        """Record an answer. Returns how many times longer than the least it took."""
        self.average += SMOOTHING * (seconds - self.average)
        if not full and now - self.since >= EPOCH:
            self.before, self.least, self.since = self.least, self.average, now
        self.least = min(self.least, self.average)
        return seconds / max(min(self.least, self.before), 1e-6)


class CallLimit:
    """The limit, between ``least`` and ``most`` calls. Times are seconds."""

    def __init__(self, least: int, most: int) -> None:
        self._least = min(least, most)
        self._most = most
        self._limit = float(most)
        self._kinds: OrderedDict[str, _Kind] = OrderedDict()
        self._since: float | None = None
        self._answers = 0
        self._ratios = 0.0
        self._full = False

    @property
    def calls(self) -> int:
        """The most calls in flight now."""
        return int(self._limit)

    def record(self, kind: str, seconds: float, in_flight: int, now: float) -> None:
        """An answer of a ``kind`` of calls arrived, with ``in_flight`` calls in flight, itself included."""
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _Kind(seconds, now)
            if len(self._kinds) > MAX_KINDS:
                self._kinds.popitem(last=False)
        else:
            self._kinds.move_to_end(kind)
        full = in_flight >= self.calls
        self._ratios += known.add(seconds, now, full)
        self._answers += 1
        self._full = self._full or full
        if self._since is None:
            self._since = now
        elif now - self._since >= WINDOW and self._answers >= LEAST_ANSWERS:
            self._judge(self._ratios / self._answers)
            self._since, self._answers, self._ratios, self._full = now, 0, 0.0, False

    def _judge(self, ratio: float) -> None:
        if self._full and ratio > TOLERANCE:
            self._limit *= max(SHRINK, TOLERANCE / ratio)
        else:
            self._limit += max(1.0, GROWTH * self._limit)
        self._limit = min(max(self._limit, self._least), self._most)
