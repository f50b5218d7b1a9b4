"""Decides when calls that wait for a connection are refused, by how long they wait and not by how many they are.

A queue that empties now and then is a burst, and harmless. One whose oldest call has waited longer than ``target``
for a whole ``interval`` is a standing queue: it only makes everybody wait, so that clients give up and repeat. Then
calls are refused as soon as they have waited for ``target``, until nobody waits.

Source: CoDel (RFC 8289), as adapted to the queues of servers in B. Maurer, Fail at Scale (ACM Queue 13/8, 2015).
"""

from typing import Literal

CallKind = Literal["retry", "read", "write"]
WRITE_FACTOR = 4
"""A write may wait so many times longer than a read."""


class Admission:
    """Whether the queue stands. Times are seconds, ``now`` of any clock that never goes back."""

    def __init__(self, target: float, interval: float) -> None:
        self.overloaded = False
        self._target = target
        self._interval = interval
        self._calm = float("-inf")
        """When a wait was last seen that is no longer than ``target``."""

    def observe(self, oldest: float | None, now: float) -> bool:
        """Record how long the call has waited that waits longest; None: nobody waits. True if the overload begins."""
        if oldest is None:
            self._calm, self.overloaded = now, False
        elif self.overloaded:
            pass
        elif oldest <= self._target:
            self._calm = now
        elif now - self._calm >= self._interval:
            self.overloaded = True
            return True
        return False

    def most_wait(self, kind: CallKind) -> float:
        """Seconds after which a waiting call is refused: retries first, writes last; infinite without an overload."""
        if not self.overloaded:
            return float("inf")
        if kind == "retry":
            return 0.0
        return self._target * (WRITE_FACTOR if kind == "write" else 1)
