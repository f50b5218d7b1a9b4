"""Records when clients write: rows that were fetched earlier are used only while nobody wrote to what they show.

A write takes effect at some moment between the one when it is sent and the one when it is answered. So it counts twice,
at both, and in between nothing is used that it may change. If its answer is not seen, it may take effect for as long as
a statement may run.

Source: docs/explanation/prefetching.md#drops.
"""

from collections import Counter

from proxy.model import RelationSet

UNANSWERED = 60.0
"""Seconds in which a write may still take effect that was sent, and whose answer was not seen."""


class DropClock:
    """A counter that each write moves forward, and the last reading for each relation; at most ``limit`` of them."""

    def __init__(self, limit: int) -> None:
        self.reading = 0
        """What rows are stamped with, at the latest when the read that fetches them is sent."""
        self._limit = limit
        self._last_of_any = 0
        self._last_of_all = 0
        """The reading of the last write that may have changed any relation."""
        self._last: dict[str, int] = {}
        self._open: Counter[str] = Counter()
        """Writes in flight by relation; those that may change any one are counted in ``_open_to_all``."""
        self._open_writes = 0
        self._open_to_all = 0
        self._unanswered_until = float("-inf")
        self.sees_all = True
        """Whether each write is told here; False while notifications of those of others are expected and missing."""

    def record_sent(self, changed: RelationSet) -> None:
        """A write that may change the relations ``changed`` is about to be sent."""
        self._open_writes += 1
        if changed is None:
            self._open_to_all += 1
        else:
            self._open.update(changed)
        self.drop(changed)

    def record_ended(self, changed: RelationSet, now: float, is_known: bool) -> None:
        """A write was answered, or was not sent at all; not ``is_known``: it was sent, and its answer is missing."""
        self._open_writes -= 1
        if changed is None:
            self._open_to_all -= 1
        else:
            self._open.subtract(changed)
            for relation in changed:
                if not self._open[relation]:
                    del self._open[relation]
        if not is_known:
            self._unanswered_until = now + UNANSWERED
        self.drop(changed)

    def drop(self, changed: RelationSet) -> None:
        """What was read of ``changed`` until now is not used any more."""
        self.reading += 1
        self._last_of_any = self.reading
        if changed is None or len(self._last) + len(changed) > self._limit:
            self._last_of_all = self.reading
            self._last.clear()
            return
        for relation in changed:
            self._last[relation] = self.reading

    def is_current(self, read: RelationSet, reading: int, now: float) -> bool:
        """Whether what was read of the relations ``read`` after the clock's ``reading`` may be used now."""
        if not self.sees_all or now < self._unanswered_until or self._open_to_all:
            return False
        if read is None:
            return not self._open_writes and self._last_of_any <= reading
        if self._last_of_all > reading or not self._open.keys().isdisjoint(read):
            return False
        return all(self._last.get(relation, 0) <= reading for relation in read)
