"""Which header costs merging so much that the operator should know: counts, and when to speak.

Source: docs/explanation/architecture.md#gateways.
"""

REPORTED_SHARE = 0.01
"""Of the merged answers of late: thrown away for one header more often than this is worth a word."""
HALVED_AFTER = 400
"""Answers after which all counts are halved, so that what was long ago fades."""
MAX_NAMES = 32
"""Header names counted at once. SQL can make names up without end: further ones are not told."""


class DiscardCounts:
    """Merged and shared answers of late, and how many were thrown away for which header.

    A header is told once. It is told again only after its count had faded away, so when it went and came back.
    """

    def __init__(self) -> None:
        self._answers = 0
        self._counts: dict[str, int] = {}
        self._reported: set[str] = set()

    def __len__(self) -> int:
        return len(self._counts)

    def record_answer(self) -> None:
        """A merged or shared call was answered."""
        self._answers += 1
        if self._answers >= HALVED_AFTER:
            self._halve()

    def record_discard(self, name: str) -> bool:
        """The answer was thrown away for the header ``name``. Whether the operator should be told now."""
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
