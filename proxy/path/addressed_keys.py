"""Which merged calls select the addresses of rows: those by a key that is known to have several rows without an order.

Most keys have at most one row, and need no address. So the first merged call by a key does without, and the batch is
planned again if a key has several rows.
"""

from collections import OrderedDict

_Table = tuple[str, str]
"""A relation and the profile that selects its schema, as in ``path.columns``."""


class AddressedKeys:
    """By relation, the key columns that had several rows; and the callers who may not read addresses."""

    def __init__(self, lifetime: float, limit: int) -> None:
        """A refusal is valid for ``lifetime`` seconds. At most ``limit`` columns and refusals are kept."""
        self._lifetime = lifetime
        self._limit = limit
        self._several: OrderedDict[tuple[_Table, bytes], None] = OrderedDict()
        self._refused: OrderedDict[tuple[_Table, bytes], float] = OrderedDict()

    def record_several(self, table: _Table, key: bytes) -> None:
        """A value of the column ``key`` has several rows."""
        self._several[table, key] = None
        if len(self._several) > self._limit:
            self._several.popitem(last=False)

    def has_several(self, table: _Table, key: bytes) -> bool:
        """Whether a value of the column ``key`` had several rows."""
        return (table, key) in self._several

    def record_refusal(self, table: _Table, identity: bytes, now: float) -> None:
        """Upstream refused a call of this caller that selects addresses: it may read some columns of a table only."""
        self._refused[table, identity] = now + self._lifetime
        self._refused.move_to_end((table, identity))
        if len(self._refused) > self._limit:
            self._refused.popitem(last=False)

    def is_refused(self, table: _Table, identity: bytes, now: float) -> bool:
        """Whether calls of this caller must not select addresses now."""
        return now < self._refused.get((table, identity), float("-inf"))
