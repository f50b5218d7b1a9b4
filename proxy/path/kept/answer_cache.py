"""Whole answers that are kept for equal requests (FAN006): each until it is too old, or until a write.

Source: docs/explanation/cache.md#promise.
"""

from collections import Counter, OrderedDict
from typing import Protocol

import msgspec

from proxy.bounded_table import BoundedTable
from proxy.model import RelationSet, Slice

OVERHEAD = 700
"""Estimated bytes of an answer besides its head and its body."""
MAX_REFUSED, MAX_REFUSED_BYTES = 10_000, 4_000_000
"""Bounds of the table of requests whose answers are not kept."""
UNSTORED = (b"no-store", b"no-cache")
"""Directives of Cache-Control with which an answer is not kept (RFC 9111 §5.2.2)."""


class Drops(Protocol):
    """What is known of writes: ``path.drops.DropClock``."""

    def is_current(self, read: RelationSet, reading: int, now: float) -> bool:
        """Whether what was read after the clock's ``reading`` may be used now."""


class CachedAnswer(msgspec.Struct, frozen=True, eq=False):
    """An answer, and what was known before its request was sent."""

    slice: Slice
    relation: str
    at: float
    """A time before the request was sent: the answer is at most that old."""
    reading: int
    """The drop clock at that time."""
    read: RelationSet
    """Relations that the answer depends on."""
    until: float = float("inf")
    """When the caller's token expires."""

    @property
    def size(self) -> int:
        return OVERHEAD + len(self.slice.head) + len(self.slice.body)

    def is_usable(self, seconds: float, now: float) -> bool:
        """Whether it is at most so many ``seconds`` old, and its caller's token is still valid."""
        return now - self.at <= seconds and now < self.until

    def may_read(self, names: frozenset[str]) -> bool:
        """Whether it depends on one of these relations, or on which ones it depends is not known."""
        return self.relation in names or self.read is None or not self.read.isdisjoint(names)

    def is_current(self, drops: Drops, now: float) -> bool:
        """Whether nobody wrote since the request was sent, and nobody is writing."""
        return drops.is_current(self.read, self.reading, now)


class Holding(msgspec.Struct, eq=False):
    """What is kept of one relation."""

    answers: int = 0
    size: int = 0
    """Estimated bytes."""
    uses: int = 0
    """Requests that were answered from it, since the first of these answers came."""

    def add(self, answers: int, size: int) -> None:
        """There are so many more, of so many bytes."""
        self.answers += answers
        self.size += size


class AnswerCache:
    """At most ``max_bytes`` estimated bytes of answers; the one that was used longest ago is evicted first.

    Keys are keyed hashes of target and identity, so that no token is held.
    """

    def __init__(self, max_bytes: int) -> None:
        self.held_bytes = 0
        self.requests: Counter[str] = Counter()
        """Requests by result: a key of ``errors.words.CACHE_RESULTS``."""
        self.removed: Counter[str] = Counter()
        """Answers that are not kept any more, by cause: a key of ``errors.words.CACHE_CAUSES``."""
        self.refills: Counter[str] = Counter()
        """Reads that nobody waits for, by result: a key of ``errors.words.REFILL_RESULTS``."""
        self.wasted: Counter[str] = Counter()
        """Those of the removed ones that nobody was answered from."""
        self.relations: dict[str, Holding] = {}
        """What is kept of each relation."""
        self.max_bytes = max_bytes
        self._unused: set[bytes] = set()
        self._entries: OrderedDict[bytes, CachedAnswer] = OrderedDict()
        self._refused: BoundedTable[bytes, float] = BoundedTable(MAX_REFUSED, MAX_REFUSED_BYTES)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, seconds: float, drops: Drops, now: float) -> CachedAnswer | None:
        """The answer, if it may be used now, and is at most so many ``seconds`` old. One that is not is removed."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        cause = _why_removed(entry, seconds, drops, now)
        if cause:
            self._remove(key, cause)
            return None
        self._entries.move_to_end(key)
        self._unused.discard(key)
        self.relations[entry.relation].uses += 1
        return entry

    def put(self, key: bytes, entry: CachedAnswer, drops: Drops, now: float) -> bool:
        """Keep an answer, unless somebody wrote since its request was sent. Whether it is kept."""
        if not entry.is_current(drops, now) or now >= entry.until or entry.size > self.max_bytes:
            return False
        if key in self._entries:
            self._remove(key, "replaced")
        self._entries[key] = entry
        self._unused.add(key)
        self.held_bytes += entry.size
        self.relations.setdefault(entry.relation, Holding()).add(1, entry.size)
        while self.held_bytes > self.max_bytes:
            self._remove(next(iter(self._entries)), "evicted")
        return True

    def peek(self, key: bytes) -> CachedAnswer | None:
        """The answer, whether it may be used or not."""
        return self._entries.get(key)

    def move(self, key: bytes, other: bytes, drops: Drops, now: float) -> None:
        """Keep an answer under another key, for callers whose tokens expire at other times."""
        self.put(other, msgspec.structs.replace(self._take(key), until=float("inf")), drops, now)

    def outdate(self, key: bytes) -> None:
        """Remove the answer, if there is one: a newer one to the same request is not to be kept."""
        if key in self._entries:
            self._remove(key, "outdated")

    def refuse(self, key: bytes, until: float) -> None:
        """Nobody waits for an answer to such a request until then: the last one was of a kind that is not kept."""
        self._refused.put(key, until, len(key))

    def refuses(self, key: bytes, now: float) -> bool:
        """Whether ``refuse`` was called for it, and the time is not over."""
        return now < (self._refused.get(key) or 0.0)

    def purge(self, names: frozenset[str]) -> int:
        """Remove the answers that may depend on a relation, given by all its names. Their number."""
        keys = [key for key, entry in self._entries.items() if entry.may_read(names)]
        for key in keys:
            self._remove(key, "purged")
        return len(keys)

    def clear(self) -> None:
        """Remove all answers: the settings were read again."""
        for key in tuple(self._entries):
            self._remove(key, "reload")
        self._refused.clear()

    def _remove(self, key: bytes, cause: str) -> None:
        self.removed[cause] += 1
        self.wasted[cause] += key in self._unused
        self._take(key)

    def _take(self, key: bytes) -> CachedAnswer:
        self._unused.discard(key)
        entry = self._entries.pop(key)
        self.held_bytes -= entry.size
        holding = self.relations[entry.relation]
        holding.add(-1, -entry.size)
        if not holding.answers:
            del self.relations[entry.relation]
        return entry


def is_kept(head: bytes) -> bool:
    """Whether an answer with this head, whose lines all its callers may receive, is kept: a 200 that neither says that
    it must not be stored, nor comes from another cache, nor depends on something that cannot be compared.
    """
    if head[9:12] != b"200":
        return False
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name in (b"age", b"set-cookie") or (name == b"vary" and b"*" in value):
            return False
        if name == b"cache-control" and any(directive in value for directive in UNSTORED):
            return False
    return True


def _why_removed(entry: CachedAnswer, seconds: float, drops: Drops, now: float) -> str:
    if not entry.is_usable(seconds, now):
        return "too-old"
    return "" if entry.is_current(drops, now) else "dropped"
