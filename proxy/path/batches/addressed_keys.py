"""Which merged calls select the addresses of rows: those by a key that is known to have several rows without an order.

Most keys have at most one row, and need no address. So the first merged call by a key does without, and the batch is
planned again if a key has several rows.
"""

from proxy.bounded_table import MAX_BYTES, BoundedTable

_Table = tuple[str, str]
"""A relation and the profile that selects its schema, as in ``path.evidence.columns``."""


class AddressedKeys:
    """By relation, the key columns that had several rows; and the callers who may not read addresses."""

    def __init__(self, lifetime: float, limit: int, max_bytes: int = MAX_BYTES) -> None:
        """A refusal is valid for ``lifetime`` seconds. At most ``limit`` columns and refusals are kept, and
        ``max_bytes`` of each.
        """
        self._lifetime = lifetime
        self.several: BoundedTable[tuple[_Table, bytes], bool] = BoundedTable(limit, max_bytes)
        self.refused: BoundedTable[tuple[_Table, bytes], float] = BoundedTable(limit, max_bytes)

    def record_several(self, table: _Table, key: bytes) -> None:
        """A value of the column ``key`` has several rows."""
        self.several.put((table, key), True, sum(map(len, table)) + len(key))

    def has_several(self, table: _Table, key: bytes) -> bool:
        """Whether a value of the column ``key`` had several rows."""
        return (table, key) in self.several

    def record_refusal(self, table: _Table, identity: bytes, now: float) -> None:
        """Upstream refused a call of this caller that selects addresses: it may read some columns of a table only."""
        self.refused.put((table, identity), now + self._lifetime, sum(map(len, table)) + len(identity))

    def is_refused(self, table: _Table, identity: bytes, now: float) -> bool:
        """Whether calls of this caller must not select addresses now."""
        until = self.refused.get((table, identity))
        return until is not None and now < until
