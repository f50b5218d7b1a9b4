"""A table of what was learned, bounded in entries and in bytes whatever clients send."""

from collections import OrderedDict
from collections.abc import ItemsView, Iterator, ValuesView
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MAX_BYTES = 4_000_000
"""The bound on bytes where no setting says one."""
ENTRY = 300
"""Estimated bytes of an entry without its texts."""


class BoundedTable(Generic[K, V]):
    """At most ``limit`` entries and ``max_bytes`` estimated bytes; those stored longest ago are dropped."""

    def __init__(self, limit: int, max_bytes: int) -> None:
        self.dropped = 0
        """Entries dropped because a bound was reached."""
        self.held_bytes = 0
        self._limit = limit
        self._max_bytes = max_bytes
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._sizes: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def get(self, key: K) -> V | None:
        """The entry, or None."""
        return self._entries.get(key)

    def items(self) -> ItemsView[K, V]:
        """All keys with their entries, the one stored longest ago first."""
        return self._entries.items()

    def values(self) -> ValuesView[V]:
        """All entries, in the same order."""
        return self._entries.values()

    def put(self, key: K, value: V, size: int) -> None:
        """Store ``value``, whose texts and those of ``key`` have ``size`` bytes; what does not fit is dropped."""
        self.pop(key)
        self._entries[key] = value
        self._sizes[key] = ENTRY + size
        self.held_bytes += ENTRY + size
        while len(self._entries) > self._limit or self.held_bytes > self._max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: K) -> None:
        """Remove an entry because a bound was reached."""
        self.pop(key)
        self.dropped += 1

    def pop(self, key: K) -> V | None:
        """Remove an entry, and return it; None if there is none."""
        self.held_bytes -= self._sizes.pop(key, 0)
        return self._entries.pop(key, None)

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()
        self._sizes.clear()
        self.held_bytes = 0
