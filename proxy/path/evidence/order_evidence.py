"""Whether a merged answer can be believed that has the rows of every key in the order of their addresses.

An index on a further column, and rows that were updated in place, give rows another order. A merged call that uses the
same index shows it; one that reads the whole table cannot. So where merged answers have shown other orders, one that
shows none although it has many keys was read in another way than originals are.
"""

import msgspec

from proxy.bounded_table import MAX_BYTES, BoundedTable

_Subject = tuple[str, str, bytes]
"""As in ``path.evidence.trust``."""
LEAST_CHANCE = 0.05
"""An answer without another order is believed if that is at least so likely."""
MAX_WEIGHT = 1000
"""Keys after which older ones count half."""


class _Seen(msgspec.Struct):
    keys: float = 0.0
    unordered: float = 0.0


class OrderEvidence:
    """By subject, how many keys had several rows, and how many of those another order. At most ``limit`` subjects,
    and ``max_bytes``.
    """

    def __init__(self, limit: int, max_bytes: int = MAX_BYTES) -> None:
        self.table: BoundedTable[_Subject, _Seen] = BoundedTable(limit, max_bytes)

    def record(self, subject: _Subject, keys: int, unordered: int) -> None:
        """An answer had ``keys`` keys with several rows, ``unordered`` of them in another order."""
        seen = self.table.get(subject) or _Seen()
        seen.keys += keys
        seen.unordered += unordered
        if seen.keys > MAX_WEIGHT:
            seen.keys, seen.unordered = seen.keys / 2, seen.unordered / 2
        self.table.put(subject, seen, sum(map(len, subject)))

    def is_credible(self, subject: _Subject, keys: int, unordered: int) -> bool:
        """Whether an answer like this may have been read as originals are."""
        seen = self.table.get(subject)
        if unordered or seen is None or not seen.unordered:
            return True
        return (1 - seen.unordered / seen.keys) ** keys >= LEAST_CHANCE
