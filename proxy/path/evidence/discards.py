"""Counts the answers that are discarded because of a header, and decides when to warn the operator.

Source: docs/explanation/architecture.md#gateways.
"""

REPORTED_SHARE = 0.01
"""Share of recent merged answers: a header is reported when it causes more discards than this."""
HALVED_AFTER = 400
"""Number of answers after which all counts are halved, so that old answers count less."""
MAX_NAMES = 32
"""Largest number of header names that are counted at once. SQL can create any number of names; the rest is ignored."""


class DiscardCounts:
    """Number of recent merged and shared answers, and of those that were discarded, by header.

    A header is reported once. It is reported again only after halving has reduced its count to 0.
    """

    def __init__(self) -> None:
        self._answers = 0
        self._counts: dict[str, int] = {}
        self._reported: set[str] = set()

    def __len__(self) -> int:
        return len(self._counts)

    def record_answer(self) -> None:
        """Count the answer of a merged or shared call."""
        self._answers += 1
        if self._answers >= HALVED_AFTER:
            self._halve()

    def record_discard(self, name: str) -> bool:
        """Count an answer that was discarded because of the header ``name``. Returns whether to warn now."""
        if name not in self._counts and len(self._counts) >= MAX_NAMES:
            return False
        count = self._counts[name] = self._counts.get(name, 0) + 1
        if name in self._reported or count <= REPORTED_SHARE * self._answers:
            return False
        self._reported.add(name)
        return True

    def _halve(self) -> None:
        self._answers //= 2
        self._counts = {name: count // 2 for name, count in self._counts.items() if count > 1}
        self._reported &= self._counts.keys()
