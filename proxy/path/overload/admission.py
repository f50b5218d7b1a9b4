"""Decides when calls that wait for a connection are refused, by how long they wait and not by how many they are.

A queue that empties now and then is a burst, and harmless. One whose oldest call has waited longer than ``target``
for a whole ``interval`` is a standing queue: it only makes everybody wait, so that clients give up and repeat. Then
calls are refused as soon as they have waited for ``target``, until none had to wait so long for an interval.

Source: CoDel (RFC 8289), as adapted to the queues of servers in B. Maurer, Fail at Scale (ACM Queue 13/8, 2015).
"""

from typing import Literal

CallKind = Literal["retry", "read", "write"]
RECENT, SHORTER = 16, 8
"""For so many intervals after an overload, the next one is found in a fraction of an interval: clients whose calls were
refused come again (RFC 8289 §4.2 remembers the last drops for 16 intervals).
"""
WRITE_FACTOR = 4
"""A write may wait so many times longer than a read."""


class Admission:
    """Whether the queue stands. Times are seconds, ``now`` of any clock that never goes back."""

    def __init__(self, target: float, interval: float) -> None:
        self.overloaded = False
        self._target = target
        self._interval = interval
        self._last_short = float("-inf")
        """When the longest wait was last ``target`` or less."""
        self._last_long = float("-inf")
        """When it was last more, or a call was refused for that."""
        self._ended = float("-inf")
        """When the last overload ended."""

    def observe(self, oldest: float | None, now: float) -> bool:
        """Record how long the call has waited that waits longest; None: nobody waits. True if the overload begins."""
        if oldest is not None and oldest > self._target:
            self._last_long = now
            begins = not self.overloaded and now - self._last_short >= self._needed(now)
            self.overloaded = self.overloaded or begins
            return begins
        self._last_short = now
        if self.overloaded and now - self._last_long >= self._interval:
            self.overloaded, self._ended = False, now
        return False

    def _needed(self, now: float) -> float:
        """For how many seconds waits have to be long."""
        recent = now - self._ended <= RECENT * self._interval
        return self._interval / SHORTER if recent else self._interval

    def record_refusal(self, kind: CallKind, now: float) -> None:
        """A call was refused. Retries say nothing: they are refused without a wait."""
        if kind != "retry":
            self._last_long = now

    def most_wait(self, kind: CallKind) -> float:
        """Seconds after which a waiting call is refused: retries first, writes last; infinite without an overload."""
        if not self.overloaded:
            return float("inf")
        if kind == "retry":
            return 0.0
        return self._target * (WRITE_FACTOR if kind == "write" else 1)
