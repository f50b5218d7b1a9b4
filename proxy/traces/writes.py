"""Counts the writes to each relation, by all callers, so that a span shows whether anybody wrote between two reads.

A write counts when it arrives and again when it is answered: it takes effect at some moment in between.
"""

MAX_RELATIONS = 4096
"""Number of written relations that are counted apart; writes to further ones count for every relation."""


class WriteCounts:
    """Numbers of writes by relation, over all callers. Functions are not counted: they name no relation."""

    def __init__(self) -> None:
        self._writes: dict[str, int] = {}
        self._others = 0

    def add(self, relation: str) -> None:
        """Count a write to ``relation``; nothing if the name is empty."""
        if relation in self._writes or (relation and len(self._writes) < MAX_RELATIONS):
            self._writes[relation] = self._writes.get(relation, 0) + 1
        elif relation:
            self._others += 1

    def before(self, relation: str) -> int:
        """A number that is larger than that of an earlier call if ``relation`` was written in between."""
        return self._others + self._writes.get(relation, 0)
