"""The answers that were fetched ahead in one trace: each is used until it is too old, used up, or somebody wrote.

Source: docs/explanation/prefetching.md#promise.
"""

from collections.abc import Iterator

import msgspec

from proxy.model import RelationSet, RequestHead, Slice

LIMITING = (b"no-cache", b"no-store", b"max-age", b"min-fresh", b"only-if-cached")
"""Directives of Cache-Control with which a client limits how old its answer may be."""
OVERHEAD = 600
"""Estimated bytes of an answer besides its head and its body."""


class Fetch(msgspec.Struct, frozen=True, eq=False):
    """One fetch ahead: what is known of it before it is sent."""

    at: float
    """A time before the call was sent: the answers are at most that old."""
    reading: int
    """The drop clock before the call was sent."""
    read: RelationSet
    """Relations that the answers depend on."""


class MemoEntry(msgspec.Struct, eq=False):
    """An answer that was fetched ahead."""

    slice: Slice
    call: int
    """Number of the upstream call."""
    shared: int
    """Number of requests that the call answered, with those that no client had made."""
    fetch: Fetch
    uses: int
    """How often it may still be used: as often as the value stands in the list."""
    is_used: bool = False

    @property
    def size(self) -> int:
        return OVERHEAD + len(self.slice.head) + len(self.slice.body)


MemoKey = tuple[tuple[bytes, bytes, bytes, bytes], bytes]
"""What a request has in common with its look-alikes (``path.siblings.Shape``), and its literal."""


class Memo:
    """The entries of one trace, the one fetched longest ago first."""

    def __init__(self) -> None:
        self._entries: dict[MemoKey, MemoEntry] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: MemoKey) -> MemoEntry | None:
        """The entry of a request, whether it may be used or not."""
        return self._entries.get(key)

    def put(self, key: MemoKey, entry: MemoEntry) -> None:
        """Store an entry; one of the same request is replaced."""
        self.remove(key)
        self._entries[key] = entry
        self.size += entry.size

    def remove(self, key: MemoKey) -> None:
        """Remove an entry, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry.size

    def oldest(self) -> tuple[MemoKey, MemoEntry] | None:
        """The entry that was stored longest ago."""
        return next(iter(self._entries.items()), None)

    def entries(self) -> Iterator[MemoEntry]:
        """All entries."""
        yield from self._entries.values()


def asks_for_fresh(head: RequestHead) -> bool:
    """Whether the client limits how an answer that was stored may be used: by a directive of Cache-Control other than
    ``max-stale`` and ``no-transform``, or ``Pragma: no-cache`` (RFC 9111, sections 5.2.1 and 5.4).
    """
    lines = head.forwarded_lines.lower()
    if b"cache-control:" not in lines and b"pragma:" not in lines:
        return False
    return any(_limits(line) for line in lines.split(b"\r\n"))


def _limits(line: bytes) -> bool:
    name, _, value = line.partition(b":")
    if name == b"pragma":
        return b"no-cache" in value
    return name == b"cache-control" and any(directive in value for directive in LIMITING)
